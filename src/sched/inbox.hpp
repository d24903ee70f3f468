// What comes to the workers from outside: fibers that others made ready, tasks that others started;
// and, from a worker, fibers whose slice is over and what waited behind them, tasks too.
//
// They are linked, so a wake never allocates and never fails. New tasks go through moodycamel's
// queue, which may need memory: there `go` may throw. That queue's orders are weaker than seq_cst,
// so whoever goes to sleep reads the count beside it:
//   W4 count the work (RMW seq_cst) after the push     W2 load the count (seq_cst) before sleeping
// The count may fall below zero for a moment: what was pushed can be taken before it is counted.
#pragma once

#include <cstdint>
#include <mutex>

#include "sched/run_queue.hpp"
#include "sched/task_queue.hpp"
#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/base/short_lock.hpp"
#include "sluice/detail/sched/task_core.hpp"

namespace sluice::detail {

class inbox {
 public:
  void push(runnable& one) noexcept {
    chain alone;
    alone.push_front(one);
    push(alone);
  }

  /// All of a chain that is not empty.
  void push(const chain& some) noexcept {
    {
      const std::lock_guard guard(lock_);
      (tail_ != nullptr ? tail_->link : head_) = some.first;
      tail_ = some.last;
    }
    add(static_cast<std::int64_t>(some.count));
  }

  /// The same for some that have waited longer than those who are here.
  void push_front(const chain& some) noexcept {
    {
      const std::lock_guard guard(lock_);
      some.last->link = head_;
      head_ = some.first;
      if (tail_ == nullptr) tail_ = some.last;
    }
    add(static_cast<std::int64_t>(some.count));
  }

  /// False: no memory.
  bool push_task(task_core& task) {
    if (!tasks_.push(task)) return false;
    add(1);
    return true;
  }

  /// Null: there was nothing, or another took it.
  runnable* pop() noexcept { return maybe_work() ? pop_some(1).first : nullptr; }

  /// A task, also while fibers wait here. Null: there was none.
  runnable* pop_task() noexcept {
    task_core* const task = maybe_work() ? tasks_.pop() : nullptr;
    // order: relaxed, as in pop_some
    if (task != nullptr) count_.fetch_sub(1, memory_order_relaxed);
    return task;
  }

  /// Up to `most`, the oldest first, fibers before tasks.
  chain pop_some(std::size_t most) noexcept {
    chain some = pop_linked(most);
    while (some.count < most) {
      task_core* task = tasks_.pop();
      if (task == nullptr) break;
      some.push_back(*task);
    }
    // order: relaxed, a late decrement only makes a worker look once more
    count_.fetch_sub(static_cast<std::int64_t>(some.count), memory_order_relaxed);
    return some;
  }

  /// W2. Is there anything that was counted? For those who must not miss it.
  [[nodiscard]] bool any_counted() const noexcept {
    // order: W2 seq_cst, after W1 in the one order with W4 and W5
    return count_.load(memory_order_seq_cst) > 0;
  }
  /// A hint for those who look often.
  [[nodiscard]] bool maybe_work() const noexcept {
    // order: relaxed, a hint
    return count_.load(memory_order_relaxed) > 0;
  }
  /// As of some moment.
  [[nodiscard]] std::size_t size() const noexcept {
    // order: relaxed, a hint
    const std::int64_t n = count_.load(memory_order_relaxed);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  /// How much has come in all.
  [[nodiscard]] std::uint64_t total() const noexcept {
    // order: relaxed, for people
    return total_.load(memory_order_relaxed);
  }

 private:
  void add(std::int64_t n) noexcept {
    // order: W4 seq_cst, before W5 in the one order with W1 and W2
    count_.fetch_add(n, memory_order_seq_cst);
    // order: relaxed, for people
    total_.fetch_add(static_cast<std::uint64_t>(n), memory_order_relaxed);
  }

  chain pop_linked(std::size_t most) noexcept {
    chain some;
    const std::lock_guard guard(lock_);
    while (head_ != nullptr && some.count < most) {
      runnable& one = *head_;
      head_ = one.link;
      some.push_back(one);
    }
    if (head_ == nullptr) tail_ = nullptr;
    return some;
  }

  /// Written by all who push and pop; read by workers.
  alignas(cache_line) atomic<std::int64_t> count_{0};
  atomic<std::uint64_t> total_{0};
  alignas(cache_line) short_lock lock_;
  runnable* head_ = nullptr;
  runnable* tail_ = nullptr;
  task_queue tasks_;
};

}  // namespace sluice::detail
