// What overflows the queues of one worker, oldest first. Linked, so nothing is ever lost for want
// of memory; under a short lock that is taken once for many.
//
// It stays with its worker, or is given to one that is awake (W6): pushing here wakes nobody.
// Thieves may take from it (idle.hpp).
#pragma once

#include <cstdint>
#include <mutex>
#include <utility>

#include "sched/lanes.hpp"
#include "sched/run_queue.hpp"
#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/short_lock.hpp"

namespace sluice::detail {

class backlog {
 public:
  /// A chain that is not empty. Its owner, or W6.
  void push(const chain& some) noexcept {
    const std::lock_guard guard(lock_);
    for (runnable* one = some.first; one != nullptr;) all_.push(*std::exchange(one, one->link));
    note_counts();
  }

  /// Up to `most` of the oldest; anybody.
  chain take(std::uint64_t most) noexcept {
    chain some;
    if (empty()) return some;
    const std::lock_guard guard(lock_);
    while (some.count < most) {
      runnable* one = all_.pop();
      if (one == nullptr) break;
      some.push_back(*one);
    }
    note_counts();
    return some;
  }

  [[nodiscard]] bool empty() const noexcept {
    // order: relaxed, a hint
    return count_.load(memory_order_relaxed) == 0;
  }
  [[nodiscard]] std::uint64_t size() const noexcept {
    // order: relaxed, a hint
    return count_.load(memory_order_relaxed);
  }
  /// How many have left it: whoever sees the same number twice knows what waited in between.
  [[nodiscard]] std::uint64_t taken() const noexcept {
    // order: relaxed, a hint
    return taken_.load(memory_order_relaxed);
  }

 private:
  void note_counts() noexcept {
    // order: relaxed, a hint
    count_.store(all_.size(), memory_order_relaxed);
    // order: relaxed, a hint
    taken_.store(all_.popped(), memory_order_relaxed);
  }

  short_lock lock_;
  lanes all_;  ///< under the lock
  /// Written under the lock; hints for those who look.
  atomic<std::uint64_t> count_{0};
  atomic<std::uint64_t> taken_{0};
};

}  // namespace sluice::detail
