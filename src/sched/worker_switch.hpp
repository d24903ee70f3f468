// The way from one fiber to the next, inlined where fibers leave: pick, prepare, switch, settle.
//
// With one worker there are no thieves (alone_): nothing is taken with a read-modify-write.
#pragma once

#include <algorithm>
#include <utility>

#include "sched/scheduler.hpp"
#include "sched/worker.hpp"

namespace sluice::detail {

// ---- what runs next -----------------------------------------------------------------------------

inline runnable* worker::pick() noexcept {
  bump(picks_);
  // order: relaxed, a late end of the slice is cleared by the next pick
  // mutation: never, only slower: whoever runs here gives way again and again while others run
  if (slice_over_.load(memory_order_relaxed)) [[unlikely]]
    drop_slice_flag();
  if (--progress_.look_in == 0) [[unlikely]] {
    if (runnable* one = pick_fairly()) return one;
  }
  if (fiber* one = take_next()) return one;
  if (runnable* one = alone_ ? ready_.pop_alone() : ready_.pop()) {
    prefetch_ready(*one);
    return one;
  }
  return pick_task();
}

/// Fetches the blocks of the next two fibers, and the frames of the next; of a crowd, whose fibers
/// nobody has touched for long, what the next one is likely to need, and the task of this one.
/// Beside thieves a fiber in the queue is not ours to look into: its block is fetched, not read.
inline void worker::prefetch_ready(const runnable& now) const noexcept {
  const runnable* soon = ready_.peek(0);
  if (soon == nullptr) return;
  if (backlog_.size() >= crowd) [[unlikely]] {
    static_cast<const fiber&>(now).prefetch_task();
    return static_cast<const fiber*>(soon)->prefetch_shallow();
  }
  if (const runnable* later = ready_.peek(1)) __builtin_prefetch(later, 1);
  if (alone_) return static_cast<const fiber*>(soon)->prefetch();
  __builtin_prefetch(soon, 1);
}

inline fiber* worker::take_next() noexcept {
  // order: relaxed, only the owner fills it (I2)
  fiber* one = next_.load(memory_order_relaxed);
  if (one == nullptr) {
    streak_ = 0;
    return nullptr;
  }
  if (alone_) {
    // order: relaxed, there are no thieves
    next_.store(nullptr, memory_order_relaxed);
  } else {
    // order: acquire, a thief may empty it meanwhile; pairs with push_woken
    // mutation: relaxed, what it finds it has put there itself
    one = next_.exchange(nullptr, memory_order_acquire);
  }
  if (one == nullptr || ++streak_ < next_limit || ready_.empty()) [[likely]]
    return one;
  streak_ = 0;
  push_ready(*one);
  return nullptr;
}

inline void worker::push_woken(fiber& one) noexcept {
  if (backlog_.size() < crowd) [[likely]]
    one.prefetch();
  // order: relaxed, only the owner fills it (I2)
  if (next_.load(memory_order_relaxed) == nullptr) {
    // order: release, pairs with take_next and steal_ready
    next_.store(&one, memory_order_release);
    home_.note_surplus();
    return;
  }
  // order: acq_rel, as above; a thief may empty it meanwhile
  // mutation: release, as in take_next
  if (fiber* before = next_.exchange(&one, memory_order_acq_rel)) push_ready(*before);
}

// ---- switching ----------------------------------------------------------------------------------

inline void worker::end_slice_if_over(fiber& self) noexcept {
  // order: relaxed, see tick
  if (slice_over_.load(memory_order_relaxed)) [[unlikely]]
    give_way(self);
}

inline void worker::yield(fiber& self) noexcept {
  if (runnable* next = pick()) return switch_from(self, departure::yields, next);
  if (idle.gave_up) [[unlikely]]
    switch_from(self, departure::moves, nullptr);
}

inline void worker::park(fiber& self) noexcept {
  bump(parks_);
  switch_from(self, departure::parks, pick());
}

inline void worker::switch_from(fiber& self, departure how, runnable* next) noexcept {
  left_ = &self;
  how_ = how;
  context& to = next != nullptr ? prepare(*next) : own_context();
  auto* now = static_cast<worker*>(switch_context(here_, self, to, this));
  now->settle_departed();
}

/// Its slice is over. It waits for its next one among those of all workers: on one that has few of
/// its kind it would have many slices, and on one that the kernel does not run it would have none.
inline void worker::give_way(fiber& self) noexcept {
  // If a turn has begun since it was asked to look up, its slice is over after all.
  const bool looks_up = std::exchange(looks_up_, false) && picks_at_look_up_ == picks();
  if (!alone_ && home_.idle().reconsider(*this)) [[unlikely]]
    return switch_from(self, departure::moves, pick());
  if (looks_up) return drop_slice_flag();
  progress_.look_in = std::min(progress_.look_in, fair_beside_slices);
  runnable* next = pick();
  if (next == nullptr) return;
  switch_from(self, alone_ ? departure::yields : departure::gives_way, next);
}

/// What the fiber that has just been left could not do for itself.
inline void worker::settle_departed() noexcept {
  fiber* gone = std::exchange(left_, nullptr);
  if (gone == nullptr) return;
  switch (how_) {
    case departure::parks:
      return gone->announce(*this);
    case departure::yields:
      return push_ready(*gone);
    case departure::gives_way:
      return home_.make_ready_for_all(*gone);
    case departure::moves:
      return home_.idle().move(*this, *gone);
    case departure::ends:
      return settle_ended(*gone);
    case departure::none:
      break;
  }
}

inline context& worker::prepare(runnable& next) noexcept {
  fiber& to = next.what == runnable::sort::fiber ? static_cast<fiber&>(next)
                                                 : start(static_cast<task_core&>(next));
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
