// The queue of tasks that were started from outside: moodycamel's, behind three calls.
//
// Its synchronisation rests on fences, which ThreadSanitizer cannot see: under it a plain queue
// stands in, so that what is reported is ours. Not in its precise mode, which sees neither.
#pragma once

#include "fiber/sanitizers.hpp"

#if SLUICE_TSAN && !SLUICE_PRECISE
#include <deque>
#include <mutex>
#include <new>
#else
#include <concurrentqueue/concurrentqueue.h>
#endif

#include "sluice/detail/sched/task_core.hpp"

namespace sluice::detail {

class task_queue {
 public:
#if SLUICE_TSAN && !SLUICE_PRECISE
  bool push(task_core& task) noexcept {
    try {
      const std::lock_guard guard(lock_);
      tasks_.push_back(&task);
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  task_core* pop() noexcept {
    const std::lock_guard guard(lock_);
    if (tasks_.empty()) return nullptr;
    task_core* one = tasks_.front();
    tasks_.pop_front();
    return one;
  }

 private:
  std::mutex lock_;
  std::deque<task_core*> tasks_;
#else
  /// False: no memory. Any thread.
  bool push(task_core& task) { return tasks_.enqueue(&task); }
  /// Null: there was none. Tasks of one thread come out in their order. Any thread.
  task_core* pop() noexcept {
    task_core* one = nullptr;
    return tasks_.try_dequeue(one) ? one : nullptr;
  }

 private:
  moodycamel::ConcurrentQueue<task_core*> tasks_;
#endif
};

}  // namespace sluice::detail
