// Runnables, first in, first out, linked by `link`.
//
// They stand in several lists in turn, so that whoever takes many has the next one of each list on
// its way from memory at the same time. In one list the address of each would be known only when
// the one before it has come, and of a crowd none is in a cache.
//
// I1 the k-th that was pushed stands in list k % lane_count, and the k-th that is taken comes from
//    there: the order is that of one list.
#pragma once

#include <cstdint>

#include "sched/queue_capacity.hpp"
#include "sluice/detail/sched/task_core.hpp"

namespace sluice::detail {

class lanes {
 public:
  void push(runnable& one) noexcept {
    lane& to = all_[pushed_++ % lane_count];
    one.link = nullptr;
    (to.last != nullptr ? to.last->link : to.first) = &one;
    to.last = &one;
  }

  /// The oldest; null: there is none.
  runnable* pop() noexcept {
    lane& from = all_[popped_ % lane_count];
    runnable* one = from.first;
    if (one == nullptr) return nullptr;
    ++popped_;
    from.first = one->link;
    if (from.first == nullptr) from.last = nullptr;
    __builtin_prefetch(from.first, 1);
    return one;
  }

  [[nodiscard]] std::uint64_t size() const noexcept { return pushed_ - popped_; }
  /// How many were taken in all.
  [[nodiscard]] std::uint64_t popped() const noexcept { return popped_; }

 private:
  struct lane {
    runnable* first = nullptr;
    runnable* last = nullptr;
  };

  lane all_[lane_count];
  std::uint64_t pushed_ = 0;
  std::uint64_t popped_ = 0;
};

}  // namespace sluice::detail
