// Counting down to zero, and waiting for it.
//
// Who touches last: claims.hpp, I1. A step that leaves the count above zero, or finds nobody
// waiting, is one compare-and-swap and the last touch. The step to zero past waiters is made under
// the lock; those that are linked hold the object until the unlock.
#include "sluice/detail/sync/countdown.hpp"

#include <mutex>

#include "sluice/detail/base/edges.hpp"
#include "sync/claims.hpp"

namespace sluice::detail {

bool countdown::add(std::ptrdiff_t count) noexcept {
  const auto added = static_cast<std::uint64_t>(count);
  // order: relaxed, a guess that the compare-and-swap verifies
  std::uint64_t seen = word_.load(memory_order_relaxed);
  do {
    if (added > static_cast<std::uint64_t>(limit) - seen / one) return false;
    // order: relaxed, nothing is handed over
  } while (!word_.compare_exchange_weak(seen, seen + added * one, memory_order_relaxed,
                                        memory_order_relaxed));
  return true;
}

bool countdown::subtract(std::ptrdiff_t count) noexcept {
  edge_from(&word_);
  const auto taken = static_cast<std::uint64_t>(count);
  // order: relaxed, a guess that the compare-and-swap verifies
  std::uint64_t seen = word_.load(memory_order_relaxed);
  for (;;) {
    const std::uint64_t left = seen / one;
    if (taken > left) return false;
    const bool wakes = taken == left && (seen & waited) != 0;
    if (wakes && !in_forked_child()) {
      if (end(seen)) return true;
      // order: relaxed, as above
      seen = word_.load(memory_order_relaxed);
      continue;
    }
    // order: release, all that was done before the count's steps happens before the end of a wait:
    // whoever reads zero, or makes it past waiters, reads the last of a row of read-modify-writes
    if (word_.compare_exchange_weak(seen, wakes ? 0 : seen - taken * one, memory_order_release,
                                    memory_order_relaxed)) {
      return true;
    }
  }
}

/// The step to zero past waiters. False: the word is another one by now.
bool countdown::end(std::uint64_t seen) noexcept {
  job_list won;
  {
    const std::lock_guard guard(lock_);
    // order: acq_rel, all steps before; those who wait are told of them by the unpark
    if (!word_.compare_exchange_strong(seen, 0, memory_order_acq_rel, memory_order_relaxed)) {
      return false;
    }
    win_all(waiters_, won);
  }
  unpark_all(won);
  return true;
}

/// False: it is zero. The lock is held.
bool countdown::announce() noexcept {
  // order: acquire, pairs with the release of whoever brought it to zero
  std::uint64_t seen = word_.load(memory_order_acquire);
  while (seen >= one) {
    // order: acquire, as above
    // mutation: relaxed, if it is not zero the unpark tells the waiter what came before
    if (word_.compare_exchange_weak(seen, seen | waited, memory_order_acquire,
                                    memory_order_acquire)) {
      return true;
    }
  }
  return false;
}

outcome countdown::wait(deadline until, on_stop stop, const char* operation) {
  if (zero()) {
    edge_to(&word_);
    return outcome::completed;
  }
  begin_to_wait(operation);
  waiter self(parker::current(), {operation}, stop);
  wait_node node(self);
  {
    const std::lock_guard guard(lock_);
    if (!announce()) {
      edge_to(&word_);
      return outcome::completed;
    }
    waiters_.push_back(node);
  }
  const outcome how = park(self, until);
  if (how == outcome::completed) {
    edge_to(&word_);
  } else {
    const std::lock_guard guard(lock_);
    unlink(waiters_, node);
    // order: relaxed, nothing is handed over
    if (waiters_.empty()) word_.fetch_and(~waited, memory_order_relaxed);
  }
  return how;
}

}  // namespace sluice::detail
