// The way from one fiber to the next, inlined where fibers leave: pick, prepare, switch, settle.
//
// With one worker there are no thieves (alone_): nothing is taken with a read-modify-write.
#pragma once

#include <algorithm>
#include <cassert>
#include <utility>

#include "sched/scheduler.hpp"
#include "sched/worker.hpp"

namespace sluice::detail {

inline bool idle_policy::needs_watcher(const worker& pushed_by) const noexcept {
  return anybody_idles() && (!is_watched() || pushed_by.seems_coarse());
}

// ---- what runs next -----------------------------------------------------------------------------

/// A new turn, begun now and then by those that would starve.
inline runnable* worker::look_around() noexcept {
  bump(picks_);
  if (--progress_.look_in == 0) [[unlikely]]
    return pick_fairly();
  return nullptr;
}

inline runnable* worker::pick() noexcept {
  if (runnable* one = look_around()) [[unlikely]]
    return one;
  if (fiber* one = take_next()) return one;
  return pick_queued();
}

/// pick and prepare, or what is done where there is nothing. Null: `self` need not leave.
inline context* worker::next_context(fiber& self) noexcept {
  runnable* one = look_around();
  if (one == nullptr) [[likely]] {
    if (fiber* woken = take_next()) [[likely]]
      return &prepare(*woken);
    one = pick_queued();
  }
  return one != nullptr ? &prepare(*one) : nothing_is_ready(self);
}

inline fiber* worker::take_next() noexcept {
  // order: relaxed, only the owner fills it (I2)
  // mutation: never, policy: others come a little sooner after a row of hand-overs
  if (next_.load(memory_order_relaxed) == nullptr) {
    next_left_ = next_limit;
    return nullptr;
  }
  fiber* one = exchange_next(nullptr);
  if (one == nullptr || --next_left_ != 0) [[likely]]
    return one;
  next_left_ = next_limit;
  if (ready_.empty()) return one;
  push_ready(*one);
  return nullptr;
}

/// What was in the next slot, if no thief has emptied it.
inline fiber* worker::exchange_next(fiber* one) noexcept {
  if (enter_alone()) [[likely]] {
    // order: relaxed, there are no thieves
    fiber* const before = next_.load(memory_order_relaxed);
    // order: release, pairs with steal_ready
    // mutation: relaxed, whoever takes it as a thief has learned of it at the gate (I3 there)
    next_.store(one, memory_order_release);
    leave_alone();
    return before;
  }
  // order: acq_rel, a thief may empty it meanwhile; pairs with steal_ready
  // mutation: release, what it finds it has put there itself
  return next_.exchange(one, memory_order_acq_rel);
}

inline void worker::push_woken(fiber& one) noexcept {
  if (backlog_.size() < crowd) [[likely]]
    one.prefetch();
  // order: relaxed, only the owner fills it (I2)
  if (next_.load(memory_order_relaxed) == nullptr) [[likely]] {
    // order: release, pairs with exchange_next and steal_ready
    next_.store(&one, memory_order_release);
    return home_.note_woken(*this);
  }
  if (fiber* before = exchange_next(&one)) push_ready(*before);
}

// ---- switching ----------------------------------------------------------------------------------

inline void worker::end_slice_if_over(fiber& self) noexcept {
  // order: relaxed, see tick
  if (slice_over_.load(memory_order_relaxed)) [[unlikely]]
    give_way(self);
}

inline void worker::yield(fiber& self) noexcept {
  if (runnable* next = pick()) return switch_from(self, departure::yields, next);
  bump(lone_yields_);
  if (idle.gave_up) [[unlikely]]
    switch_from(self, departure::moves, nullptr);
}

inline void worker::park(fiber& self) noexcept {
  bump(parks_);
  if (context* to = next_context(self)) [[likely]]
    switch_to(*to, self, departure::parks);
}

inline void worker::switch_from(fiber& self, departure how, runnable* next) noexcept {
  switch_to(next != nullptr ? prepare(*next) : own_context(), self, how);
}

inline void worker::switch_to(context& to, fiber& self, departure how) noexcept {
  if (how != departure::parks) how_ = how;
  context& left = switch_context(here_, self, to);
  self.worker_->settle_departed(left);
}

/// Its slice is over. It waits for its next one among those of all workers: on one that has few of
/// its kind it would have many slices, and on one that the kernel does not run it would have none.
inline void worker::give_way(fiber& self) noexcept {
  drop_slice_flag();
  // order: relaxed, a hint
  const bool is_over = slice_of_.load(memory_order_relaxed) == picks();
  if (!alone_ && home_.idle().reconsider(*this)) [[unlikely]]
    return switch_from(self, departure::moves, pick());
  if (!is_over) return;
  progress_.look_in = std::min(progress_.look_in, fair_beside_slices);
  if (!alone_) share_few();
  runnable* next = pick();
  if (next == nullptr) return;
  switch_from(self, alone_ ? departure::yields : departure::gives_way, next);
}

/// What the one that has just been left could not do for itself.
inline void worker::settle_departed(context& left) noexcept {
  if (how_ == departure::parks) [[likely]]
    return static_cast<fiber&>(left).announce(*this);
  if (how_ != departure::yields) return settle_rarely(left);
  how_ = departure::parks;
  push_ready(static_cast<fiber&>(left));
}

inline context& worker::prepare(runnable& next) noexcept {
  return prepare(next.what == runnable::sort::fiber ? static_cast<fiber&>(next)
                                                    : start(static_cast<task_core&>(next)));
}

inline context& worker::prepare(fiber& to) noexcept {
  assert(!to.is_parked());
  to.worker_ = this;
  show_running(&to);
  return to;
}

inline context& worker::own_context() noexcept {
  show_running(nullptr);
  return main_;
}

inline void worker::bind(fiber& to, task_core& task) noexcept {
  to.task_ = &task;
  to.slot_->set_owner(&task);
  // order: release, pairs with request_stop. Plain for the same reason as set_owner
  task.fiber_.store(&to, memory_order_release);
}

}  // namespace sluice::detail
