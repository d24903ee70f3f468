// Waiting for a permit, and giving permits to those who wait.
//
// Who touches last: claims.hpp, I1. A release that finds nobody waiting adds its permits with one
// compare-and-swap, its last touch. One that finds somebody waiting claims waiters and sets the
// word under the lock; the waiters that it found hold the semaphore until the unlock.
#include "sluice/detail/sync/semaphore_core.hpp"

#include <mutex>

#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/sync/entry.hpp"
#include "sync/claims.hpp"

namespace sluice::detail {

/// The lock is held.
bool semaphore_core::take_or_announce() noexcept {
  // order: relaxed, a guess that the compare-and-swap verifies
  std::uint64_t seen = word_.load(memory_order_relaxed);
  for (;;) {
    const bool takes = seen >= one;
    // order: acquire, pairs with the release of the permit
    if (word_.compare_exchange_weak(seen, takes ? seen - one : waited, memory_order_acquire,
                                    memory_order_relaxed)) {
      return takes;
    }
  }
}

bool semaphore_core::acquire(deadline until, const char* operation) {
  begin_to_wait(operation);
  waiter self(parker::current(), {operation});
  wait_node node(self);
  {
    const std::lock_guard guard(lock_);
    if (take_or_announce()) {
      edge_to(&word_);
      return true;
    }
    waiters_.push_back(node);
  }
  const outcome how = park(self, until);
  if (how == outcome::completed) {
    edge_to(&word_);
  } else {
    const std::lock_guard guard(lock_);
    unlink(waiters_, node);
    // order: relaxed, nothing is handed over; the word is `waited`, or no bit of it is set
    if (waiters_.empty()) word_.fetch_and(~waited, memory_order_relaxed);
  }
  return completed_or_throw(how);
}

bool semaphore_core::release(std::ptrdiff_t count, std::ptrdiff_t most) noexcept {
  if (count <= 0) return count == 0;  // none is no change: whoever waits stays counted
  edge_from(&word_);
  const auto added = static_cast<std::uint64_t>(count);
  const auto limit_of_all = static_cast<std::uint64_t>(most);
  // order: relaxed, a guess that the compare-and-swap verifies
  std::uint64_t seen = word_.load(memory_order_relaxed);
  for (;;) {
    if ((seen & waited) != 0 && !in_forked_child()) {
      if (added > limit_of_all) return false;
      if (give(added)) return true;
      // order: relaxed, as above
      seen = word_.load(memory_order_relaxed);
      continue;
    }
    const std::uint64_t there = seen / one;
    if (added > limit_of_all - there) return false;
    // order: release, pairs with the acquire of whoever takes a permit; the last touch
    if (word_.compare_exchange_weak(seen, (there + added) * one, memory_order_release,
                                    memory_order_relaxed)) {
      return true;
    }
  }
}

/// False: nobody waits any more.
bool semaphore_core::give(std::uint64_t count) noexcept {
  job_list won;
  {
    const std::lock_guard guard(lock_);
    if (waiters_.empty()) return false;
    for (; count > 0; --count) {
      wait_node* next = win_front(waiters_);
      if (next == nullptr) break;
      won.push_back(*next, job::none);
    }
    // order: release, pairs with the acquire of whoever takes what is left
    if (waiters_.empty()) word_.store(count * one, memory_order_release);
  }
  unpark_all(won);
  return true;
}

}  // namespace sluice::detail
