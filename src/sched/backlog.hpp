// What overflows the queues of one worker, oldest first. Linked, so nothing is ever lost for want
// of memory; under a short lock that is taken once for many.
//
// It stays with its worker, or is given to one that is awake (W6): pushing here wakes nobody.
// Thieves may take from it when what waits in it has waited for long (idle.hpp).
#pragma once

#include <cstdint>
#include <mutex>
#include <utility>

#include "sched/run_queue.hpp"
#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/short_lock.hpp"

namespace sluice::detail {

class backlog {
 public:
  /// A chain that is not empty. Its owner, or W6.
  void push(const chain& some) noexcept {
    const std::lock_guard guard(lock_);
    all_.append(some);
    note_count();
  }

  /// Up to `most` of the oldest; anybody.
  chain take(std::uint64_t most) noexcept {
    chain some;
    if (empty()) return some;
    const std::lock_guard guard(lock_);
    while (all_.first != nullptr && some.count < most) {
      runnable& one = *all_.first;
      all_.first = one.link;
      some.push_back(one);
    }
    if (all_.first == nullptr) all_.last = nullptr;
    all_.count -= some.count;
    note_count();
    // order: relaxed, a hint, written under the lock
    taken_.store(taken_.load(memory_order_relaxed) + some.count, memory_order_relaxed);
    return some;
  }

  /// All; anybody.
  chain take_all() noexcept {
    const std::lock_guard guard(lock_);
    const chain all = std::exchange(all_, {});
    note_count();
    // order: relaxed, a hint, written under the lock
    taken_.store(taken_.load(memory_order_relaxed) + all.count, memory_order_relaxed);
    return all;
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
  void note_count() noexcept {
    // order: relaxed, a hint
    count_.store(all_.count, memory_order_relaxed);
  }

  short_lock lock_;
  chain all_;  ///< under the lock
  /// Written under the lock; hints for those who look.
  atomic<std::uint64_t> count_{0};
  atomic<std::uint64_t> taken_{0};
};

}  // namespace sluice::detail
