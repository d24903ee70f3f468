// The lock of a channel, and which thread the channel is at home with: while it is, that thread
// takes the lock, and claims places, without a read-modify-write.
//
// Two fibers that exchange items all day mostly run on one worker. Nothing but the chance that
// another thread comes then asks for read-modify-writes, which are half of what an item costs. So
// the lock leans to one thread, its owner, who pays two plain stores and a load; whoever else comes
// is a guest, who pays for a barrier in all threads of the process, once: afterwards the channel is
// at home nowhere, and all go the usual way (held).
//
//   the owner                                    a guest
//   L1 inside = this lock                        L3 take held (RMW); is it at home? home = leaving
//   L2 is it at home here? then it is taken      L4 a barrier in all threads
//      otherwise as a guest                      L5 is the owner inside of this? wait for its end
//      inside = nothing                          L6 home = nobody: the lock is taken
//
// The word `inside` is the owner's, not the lock's: one who finds at L2 that he is the owner no
// more must not write what belongs to the next.
//
// I1 while the owner is inside, and has found itself at home, no guest has the lock:
//    L4 falls into the owner's program somewhere. Before L1: then L2 sees `leaving`. After L1: then
//    L5 sees that somebody is inside.
// I2 whatever the owner did inside happens before all that a guest does under the lock
//    (L5), and so before all that anybody does to the channel from then on.
// I3 a channel comes home under the lock (move_in), and leaves under it: its holder knows which of
//    the two ways he holds it.
//
// A guest waits for an owner that was preempted inside: a few instructions of a claim, or a hold of
// the lock. So a claim may wait for another strand, but only where a stay ends.
// The idea is Dekker's exclusion with one side that pays for both: Dice, Huang and Yang,
// "Asymmetric Dekker Synchronization", 2001; of locks that lean, Kawachiya, Koseki and Onodera,
// "Lock Reservation", OOPSLA 2002.
#pragma once

#include <cstdint>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/keep_order.hpp"
#include "sluice/detail/base/owner.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

class home_lock {
 public:
  /// Those that take or leave the lock, or enter a claim, ask which thread runs: they are inlined
  /// into such as are never inlined (owner.hpp). This may fail though nobody holds the lock, where
  /// somebody is to leave.
  [[nodiscard]] [[gnu::always_inline]] bool try_lock() noexcept {
    // order: relaxed, only this thread writes its number there; L2 looks again
    const std::uint32_t whose = home_.load(memory_order_relaxed);
    owner& self = this_owner();
    if (whose == self.number) return enter(self, whose);
    return whose == nobody && try_hold();
  }
  [[gnu::always_inline]] void lock() noexcept {
    if (!try_lock()) [[unlikely]]
      lock_when_free();
  }
  [[gnu::always_inline]] void unlock() noexcept {
    if (is_at_home()) return leave(this_owner());
    // order: release, what was done under the lock is seen by the next holder
    held_.store(false, memory_order_release);
  }

  /// The owner's way to claim without the lock: until leave_claim nobody else does. Null: it is not
  /// at home here.
  [[nodiscard]] [[gnu::always_inline]] owner* enter_claim() noexcept {
    // order: relaxed, as in try_lock
    const std::uint32_t whose = home_.load(memory_order_relaxed);
    owner& self = this_owner();
    return whose == self.number && enter(self, whose) ? &self : nullptr;
  }
  static void leave_claim(owner& self) noexcept { leave(self); }

  /// Asked by the holder: is it the owner?
  [[nodiscard]] bool is_at_home() const noexcept {
    // order: relaxed, it does not change while somebody holds the lock, but to `leaving`
    return home_.load(memory_order_relaxed) != nobody;
  }
  /// Can the running thread be an owner?
  [[nodiscard]] static bool may_move_in() noexcept;
  /// The holder, who is not the owner, becomes it.
  void move_in() noexcept;

 private:
  static constexpr std::uint32_t nobody = 1;
  static constexpr std::uint32_t leaving = 2;
  static_assert(leaving < first_owner);

  [[nodiscard]] [[gnu::always_inline]] bool enter(owner& self, std::uint32_t whose) noexcept {
    // order: L1 release, before L2 by L4; whoever finds it in the place of another sees that end
    // mutation: relaxed, needed for an owner that goes on to another channel
    self.inside.store(this, memory_order_release);
    keep_order_for_process_barrier();
    // mutation: never, only slower: as one who is no owner
    // order: L2 relaxed, nobody but this thread has done anything since it moved in
    if (home_.load(memory_order_relaxed) == whose) [[likely]]
      return true;
    leave(self);
    return false;
  }
  static void leave(owner& self) noexcept {
    // order: release, what was done inside is seen by L5
    self.inside.store(nullptr, memory_order_release);
  }

  [[nodiscard]] [[gnu::always_inline]] bool try_hold() noexcept {
    // order: acquire, pairs with the release in unlock() and move_in()
    if (held_.exchange(true, memory_order_acquire)) return false;
    if (!is_at_home()) [[likely]]
      return true;
    // order: release, nothing was done
    held_.store(false, memory_order_release);
    return false;
  }

  SLUICE_API void lock_when_free() noexcept;
  void let_leave() noexcept;

  atomic<bool> held_{false};
  /// Whose number, `leaving` or `nobody`.
  atomic<std::uint32_t> home_{nobody};
};

/// What a claim asks of its channel where its end of the queue says that it is at home: then it is
/// no compare-and-swap. This is for those who hold the lock; others, see channel/visitor.hpp.
struct lock_holder {
  /// Is what it has read of the ends where they are? Else it is asked again.
  [[nodiscard]] static bool knows() noexcept { return true; }
  template <class Word, class Position>
  [[nodiscard]] bool advance(Word& end, Position, Position to) const noexcept {
    // order: release, as at home in ring.hpp; whoever comes next has had the lock
    // mutation: relaxed, needed as there, where questions are asked meanwhile
    end.store(to, memory_order_release);
    return true;
  }
};
/// Of a queue that is never at home.
struct never_at_home {
  [[nodiscard]] static bool knows() noexcept { return true; }
  template <class Word, class Position>
  [[nodiscard]] bool advance(Word&, Position, Position) const noexcept {
    return false;
  }
};

}  // namespace sluice::detail
