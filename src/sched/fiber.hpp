// A started task: its context, its place to park, its timer. Lies at the top of its own stack.
//
// The parker's word, as far as fibers go further than threads:
//
//   parked -> held        P4 whoever cancels or dumps keeps the fiber in its wait for a moment
//   held   -> parked      and lets go; if it was notified meanwhile:
//   notified -> released  P6 then its unparker, who waits for that, makes it ready
//   held   -> notified    the holder has claimed the wait as cancelled
//
// I1 a fiber is announced parked (P1) only by the context that runs next, after the switch; it is
//    queued only after its context is saved.
// I2 after P1 its announcer knows nothing of the fiber any more: it may have run on and ended, and
//    another task may use the block. Whoever wants to look at it must hold it first (P4).
// I3 the memory of a control block is never unmapped (stack_pool), and reads as empty when dropped:
//    a late P4 fails.
#pragma once

#include <cstdint>
#include <new>

#include "fiber/context.hpp"
#include "fiber/stack_pool.hpp"
#include "sched/coarse_clock.hpp"
#include "sched/timers.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/park/parker.hpp"
#include "sluice/detail/sched/task_core.hpp"

namespace sluice::detail {

class strand_end;
class worker;

/// When a fiber was last announced, by its worker's time; written before P1. A base, so that it
/// fills a gap in the first line of the block.
struct fiber_times {
  coarse_time since_ = 0;
};

/// Who runs a fiber, or did last. A base, so that it lies in the first line of the block.
struct fiber_place {
  worker* worker_ = nullptr;
};

class alignas(cache_line) fiber final : public parker,
                                        public runnable,
                                        private fiber_times,
                                        private fiber_place,
                                        public context {
 public:
  /// The control block of that stack, as built by the last build().
  [[nodiscard]] static fiber& on(stack_slot& slot) noexcept {
    return *std::launder(reinterpret_cast<fiber*>(slot.top() - sizeof(fiber)));
  }
  /// Makes the stack ready for tasks of `size_class`.
  static fiber& build(stack_slot& slot, std::uint8_t size_class) noexcept;

  // ---- parker: called by the fiber itself -----------------------------------------------------
  void wait(waiter& w, time_limit until) noexcept override;
  verdict check(operation_kind kind) noexcept override;
  void offer_turn() noexcept override;
  [[nodiscard]] std::uint64_t strand_id() const noexcept override { return task_->id(); }
  [[nodiscard]] stop_scopes* stops() noexcept override { return &stops_; }
  [[nodiscard]] bool stop_requested() const noexcept override;
  void end_wait_by_stop() noexcept override { cancel_wait(); }

  /// Its frames will be needed in a moment: fetches them side by side, not one after the other.
  void prefetch() const noexcept {
    __builtin_prefetch(reinterpret_cast<const std::byte*>(this) + cache_line, 1);
    for (std::size_t at = 0; at < prefetched; at += cache_line) {
      __builtin_prefetch(static_cast<const std::byte*>(sp) + at, 1);
    }
  }

  /// The same for one of a crowd, of which nothing is in the cache and which may be somebody else's
  /// by now: reads nothing. Its block lies above its frames, so these are the lines next to it,
  /// unless it waits in the depth of its stack.
  void prefetch_shallow() const noexcept {
    const std::byte* end = reinterpret_cast<const std::byte*>(this) + 3 * cache_line;
    for (std::size_t at = cache_line; at <= shallow; at += cache_line) {
      __builtin_prefetch(end - at, 1);
    }
  }

  /// It runs next, and its block is in the cache: fetches what its function has captured, and what
  /// the end of its task needs.
  void prefetch_task() const noexcept {
    __builtin_prefetch(task_, 1);
    __builtin_prefetch(reinterpret_cast<const std::byte*>(task_) + cache_line, 1);
    __builtin_prefetch(slot_, 1);
  }

  /// Both lines of its block that a look from outside needs.
  void prefetch_block() const noexcept {
    __builtin_prefetch(this, 1);
    __builtin_prefetch(reinterpret_cast<const std::byte*>(this) + cache_line, 1);
  }

  /// Who hears of the end of its task besides joiners; null: nobody.
  [[nodiscard]] end_listener* listener() const noexcept { return listener_; }
  void set_listener(end_listener& who) noexcept {
    listener_ = &who;
    ends_specially_ = true;
  }
  /// What it does last; null: nothing.
  [[nodiscard]] strand_end*& last() noexcept {
    ends_specially_ = true;
    return last_;
  }

  // ---- the worker's side ----------------------------------------------------------------------
  /// P1, P5. Called once by the context that runs after `this` was left to park.
  void announce(worker& by) noexcept;
  /// P4. If it is parked and its stop is requested, ends its wait. Anybody, also late (I2, I3).
  void cancel_wait() noexcept;

  /// P4 for a look from outside; false: it is not parked. Ends with let_go().
  [[nodiscard]] bool hold() noexcept;
  void let_go() noexcept;
  /// P2 may follow. Called by the fiber itself.
  [[nodiscard]] bool was_notified() const noexcept {
    // order: acquire, pairs P3
    return word_.load(memory_order_acquire) == notified;
  }
  /// Or held. Not while it is ready or runs.
  [[nodiscard]] bool is_parked() const noexcept {
    // order: relaxed, the word of one that is ready does not become `parked`
    const std::uint32_t now = word_.load(memory_order_relaxed);
    return now == parked || now == held;
  }
  /// What it waits for, and since when, about; only while it is held.
  [[nodiscard]] const waiter* waits_for() const noexcept { return waiting_; }
  [[nodiscard]] coarse_time waits_since() const noexcept { return since_; }

 private:
  friend class worker;

  explicit fiber(stack_slot& slot, std::uint8_t size_class) noexcept
      : runnable(sort::fiber), stack_class_(size_class), slot_(&slot) {}

  void wake() noexcept override;
  void wake_when_let_go() noexcept override;
  void wake_from(worker* here) noexcept;
  void arm_timer(waiter& w, time_limit until) noexcept;
  void disarm_timer() noexcept;
  [[nodiscard]] bool unwinding() const noexcept;
  [[nodiscard]] bool must_stop() const noexcept;
  void note_stop() const noexcept;
  [[nodiscard]] bool is_stoppable() const noexcept;

  static constexpr std::uint32_t released = 5;
  /// Bytes above the stack pointer of a parked fiber down to the frame of its caller, about.
  static constexpr std::size_t prefetched = 384;
  /// The block, and what a wait in a channel that a task's function calls needs below it, about.
  static constexpr std::size_t shallow = 768;

  // The second line of the block: what each wait and each task need.
  task_core* task_ = nullptr;
  waiter* waiting_ = nullptr;
  [[no_unique_address]] stop_scopes stops_;  // those below lie in its last bytes
  /// May one of the two ends below be set?
  bool ends_specially_ = false;
  bool timed_ = false;  ///< its wait has a timer
  const std::uint8_t stack_class_;
  stack_slot* const slot_;
  /// What it does last, if it has used what needs that (strand_end.hpp).
  strand_end* last_ = nullptr;
  // The third line.
  timer timer_;
  /// Who else hears of the end of the task.
  end_listener* listener_ = nullptr;
};

static_assert(sizeof(fiber) <=
              3 * cache_line + SLUICE_ASAN * cache_line + SLUICE_TSAN * cache_line);

}  // namespace sluice::detail
