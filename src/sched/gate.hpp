// Who may take from a worker's queues without a read-modify-write: its owner, while no thief does.
//
// An owner takes many million times a second, thieves take seldom. So the gate leans to the owner,
// who pays two plain stores and a load; a thief that finds it closed pays for a barrier in all
// threads of the process.
//
//   the owner takes                             a thief takes
//   Q1 inside = true                            Q3 state: closed -> opening (RMW)
//   Q2 is the state closed? take plainly;       Q4 a barrier in all threads
//      otherwise as beside thieves              Q5 inside? wait for its end, a moment at most
//      inside = false                           Q6 state: opening -> open, with this guest
//                                                  take as beside an owner; one guest less
//
// I1 while the owner is inside and has found the gate closed, nobody takes as a thief: Q4 falls
//    into its program somewhere. Before Q1: then Q2 sees that the gate is not closed. After Q1:
//    then Q5 sees that somebody is inside.
// I2 an owner that finds the gate closed sees all that thieves have done: it was closed when there
//    was no guest, and guests leave by a release.
// I3 whoever takes as a thief sees all that was taken plainly: the first guest by Q4 and Q5, those
//    behind him by Q6 and Q3.
//
// The gate stays open while thefts go on, so that the first of many pays for the barrier. Where the
// system has none it is always open; where it has none any more (a filter of system calls that came
// later) the owner opens it at its next take, and it stays so.
// The idea is Dekker's exclusion with one side that pays for both: Dice, Huang and Yang,
// "Asymmetric Dekker Synchronization", 2001.
#pragma once

#include <cstdint>

#include "base/process_barrier.hpp"
#include "sched/queue_capacity.hpp"
#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/cpu.hpp"

namespace sluice::detail {

class gate {
 public:
  /// If it can be closed at all: has_process_barrier().
  explicit gate(bool can_close) noexcept
      : can_close_(can_close), state_(can_close ? closed : open) {}

  // ---- the owner
  /// True: nobody else takes until leave().
  bool enter() noexcept {
    // order: Q1 relaxed, before Q2 for whoever sends a barrier (Q4)
    inside_.store(true, memory_order_relaxed);
    keep_order_for_process_barrier();
    // order: Q2 acquire, I2; pairs with let_out
    // mutation: never, only slower: the owner takes as beside thieves
    if (state_.load(memory_order_acquire) == closed) [[likely]]
      return true;
    leave();
    open_if_asked();
    return false;
  }
  void leave() noexcept {
    // order: release, what was taken is taken before; pairs with Q5
    inside_.store(false, memory_order_release);
  }
  /// Now and then, with the number of its turns so far: closes it if there was no theft for long.
  void close_if_unused(std::uint64_t turns) noexcept {
    // order: relaxed, the compare-and-swap decides
    std::uint32_t now = state_.load(memory_order_relaxed);
    if (now == closed || !can_close_) [[likely]]
      return;
    if (now != seen_) {
      seen_ = now;
      seen_at_ = turns;
      return;
    }
    if (turns - seen_at_ < turns_to_close || (now & (opening | guests)) != 0) return;
    // order: relaxed, it hands on what let_out has released, to Q2
    // mutation: won|never, only slower: it stays open
    if (state_.compare_exchange_strong(now, closed, memory_order_relaxed, memory_order_relaxed)) {
      seen_ = closed;  // its thefts are counted anew
    }
  }

  /// A thief inside: while it lives, and if it is true, it may take as beside an owner.
  class guest {
   public:
    explicit guest(gate& where) noexcept : where_(where), is_in_(where.let_in()) {}
    guest(const guest&) = delete;
    guest& operator=(const guest&) = delete;
    ~guest() {
      if (is_in_) where_.let_out();
    }
    [[nodiscard]] explicit operator bool() const noexcept { return is_in_; }

   private:
    gate& where_;
    const bool is_in_;
  };

 private:
  // The state: closed, opening, asked for (the owner is to open it), or open; in the latter the
  // guests, and the thefts so far.
  static constexpr std::uint32_t closed = 0;
  static constexpr std::uint32_t opening = 1;
  static constexpr std::uint32_t open = 2;
  static constexpr std::uint32_t asked = 3;
  static constexpr std::uint32_t one_guest = 1U << 2;
  static constexpr std::uint32_t guests = 0xfffc;
  static constexpr std::uint32_t one_theft = 1U << 16;

  /// False: not now.
  bool let_in() noexcept {
    // order: relaxed, the compare-and-swap decides
    std::uint32_t now = state_.load(memory_order_relaxed);
    for (;;) {
      if (now == opening || now == asked) return false;  // another does, or the owner will
      const bool opens = now == closed;
      // order: Q3 acquire, I3; pairs with Q6. Before Q5 by Q4
      if (state_.compare_exchange_weak(now, opens ? opening : now + one_guest, memory_order_acquire,
                                       memory_order_relaxed)) {
        return !opens || open_for_guest();
      }
    }
  }
  void let_out() noexcept {
    // order: release, I2; pairs with Q2
    state_.fetch_add(one_theft - one_guest, memory_order_release);
  }

  /// Apart: it is rare.
  [[gnu::noinline]] bool open_for_guest() noexcept {
    if (!send_process_barrier()) {  // Q4
      // order: relaxed, nothing was taken
      state_.store(asked, memory_order_relaxed);
      return false;
    }
    for (int look = 0; look < patience_at_gate; ++look) {
      // order: Q5 acquire, what was taken inside is taken; pairs with leave
      if (!inside_.load(memory_order_acquire)) {
        // order: Q6 release, I3; pairs with Q3
        state_.store(open + one_guest, memory_order_release);
        return true;
      }
      cpu_pause();
    }
    // order: relaxed, nothing was taken; what guests before have done Q4 has told the owner
    state_.store(closed, memory_order_relaxed);
    return false;
  }

  /// The owner, who is not inside: there was no barrier. From here on thieves need none.
  void open_if_asked() noexcept {
    // order: relaxed, only the owner changes that
    if (state_.load(memory_order_relaxed) != asked) [[likely]]
      return;
    can_close_ = false;
    // order: release, as Q6: what was taken plainly is seen
    state_.store(open, memory_order_release);
  }

  atomic<bool> inside_{false};
  bool can_close_;  ///< the owner's
  atomic<std::uint32_t> state_;
  /// The owner's own: what it found when it last looked, and at which turn it first found that.
  std::uint32_t seen_ = 0;
  std::uint64_t seen_at_ = 0;
};

}  // namespace sluice::detail
