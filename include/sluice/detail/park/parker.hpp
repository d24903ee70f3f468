// How a strand, fiber or OS thread, stops running until somebody wakes it.
//
// The parker has one word:       park            unpark
//     empty -> parked            P1 announce     P3 exchange to notified; wake if it was parked
//     parked | empty -> notified
//     notified -> empty          P2 consume
// A thread announces itself, as `asleep`, and sleeps in the kernel. A fiber must not announce that
// it is parked while it still stands on its own stack: the context that runs next does it, after
// the switch, and makes the fiber ready at once if it was notified meanwhile.
// Only the party that won a waiter's claim unparks, once for each wait, so no token is left over.
// A thread may run on and end as soon as P3 can be seen, and its parker ends with it: after P3 the
// unparker reads nothing of a thread's. A fiber's parker is there until its unparker wakes it.
// Whoever looks at a parked fiber holds it meanwhile (P4, fiber.hpp). Its unparker waits for him
// before it wakes the fiber, and so before anything that the wait was about may go.
#pragma once

#include <cstdint>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/clock.hpp"
#include "sluice/detail/park/attention.hpp"
#include "sluice/detail/park/stops.hpp"
#include "sluice/detail/park/waiter.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

class SLUICE_API parker {
 public:
  /// The running fiber's, else this thread's own. Never inlined: a fiber may run on another
  /// thread after any switch, so no caller may keep a thread_local address of this one.
  [[nodiscard]] static parker& current() noexcept;
  /// Where this thread keeps which fiber runs on it (nullptr: the thread itself). A worker asks
  /// once and writes it at each switch; dumps read it. Never inlined.
  [[nodiscard]] static atomic<parker*>* current_slot() noexcept;

  parker() noexcept = default;
  parker(const parker&) = delete;
  parker& operator=(const parker&) = delete;

  /// Waits until `w` has been claimed and its winner has unparked this strand; called by the
  /// strand itself. From `until` on the wait ends as timed_out, on a stop as cancelled.
  virtual void wait(waiter& w, time_limit until) noexcept = 0;

  /// P3. Called by the winner of a waiter's claim; its last touch of that wait.
  void unpark() noexcept {
    // order: P3 acq_rel, hands what the winner did to the strand; pairs with P1 and P2
    const std::uint32_t before = word_.exchange(notified, memory_order_acq_rel);
    if (before == parked) return wake();
    if (before == asleep) wake_in_kernel(word_);
    if (before == held) wake_when_let_go();
  }

  /// Called by the strand itself, see attention.hpp.
  virtual verdict check(operation_kind kind) noexcept = 0;

  /// Called by the strand itself, in no hurry: others may have their turn on its worker. Nothing on
  /// a plain thread.
  virtual void offer_turn() noexcept {}

  /// What the strand obeys besides its own stop; null: it is no strand that runs. Changed by the
  /// strand itself alone.
  [[nodiscard]] virtual stop_scopes* stops() noexcept { return nullptr; }
  /// Was a stop requested that the strand obeys? Called by the strand itself.
  [[nodiscard]] virtual bool stop_requested() const noexcept { return false; }
  /// K2: ends the wait of the strand, if it is in one that a stop may end. Anybody, while the
  /// strand has an obeyed_stop.
  virtual void end_wait_by_stop() noexcept {}

  /// A number that differs for any two strands of the process.
  [[nodiscard]] virtual std::uint64_t strand_id() const noexcept = 0;

 protected:
  ~parker() = default;
  /// The word was `parked`: make the fiber run again. Called only off its stack.
  virtual void wake() noexcept = 0;
  /// The same; it was `held`. Spins until it is let go of.
  virtual void wake_when_let_go() noexcept {}

  static constexpr std::uint32_t empty = 0;
  static constexpr std::uint32_t parked = 1;
  static constexpr std::uint32_t notified = 2;
  static constexpr std::uint32_t held = 3;    ///< a fiber that somebody looks at
  static constexpr std::uint32_t asleep = 4;  ///< a thread
  /// Written by its strand (or the context that announces for it) and by the one unparker.
  atomic<std::uint32_t> word_{empty};

 private:
  /// Touches the address of the word only, never its memory.
  static void wake_in_kernel(const atomic<std::uint32_t>& word) noexcept;
};

/// Parks the running strand until `w` has ended, and says how.
[[nodiscard]] inline outcome park(waiter& w, time_limit until = no_deadline) noexcept {
  w.strand().wait(w, until);
  return w.result();
}

/// The first of `count` numbers for strands, from 1 on; none is given twice.
[[nodiscard]] SLUICE_API std::uint64_t next_strand_id(std::uint64_t count = 1) noexcept;

}  // namespace sluice::detail
