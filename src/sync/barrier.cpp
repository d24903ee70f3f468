// Arriving, and waiting for the end of a phase.
//
// Who touches last: claims.hpp, I1. The last to arrive ends the phase with one compare-and-swap if
// nobody waits, its last touch; else under the lock, while those who wait hold the barrier. Nobody
// leaves such a wait early: a stop does not end it, and it has no time limit.
#include "sluice/detail/sync/barrier_core.hpp"

#include <mutex>

#include "sluice/detail/base/edges.hpp"
#include "sync/claims.hpp"

namespace sluice::detail {

barrier_core::arrived barrier_core::arrive(std::ptrdiff_t count) noexcept {
  edge_from(&missing_);
  // order: relaxed, a guess that the compare-and-swap verifies
  std::ptrdiff_t seen = missing_.load(memory_order_relaxed);
  do {
    if (count <= 0 || count > seen) return arrived::too_many;
    // order: acq_rel, what all did before they arrived happens before the end of the phase
  } while (!missing_.compare_exchange_weak(seen, seen - count, memory_order_acq_rel,
                                           memory_order_relaxed));
  if (seen != count) return arrived::early;
  edge_to(&missing_);
  return arrived::last;
}

bool barrier_core::drop_one() noexcept {
  // order: relaxed, a guess that the compare-and-swap verifies
  std::ptrdiff_t seen = expected_.load(memory_order_relaxed);
  do {
    if (seen <= 0) return false;
    // order: relaxed, whoever reads it comes after the arrival that follows
  } while (
      !expected_.compare_exchange_weak(seen, seen - 1, memory_order_relaxed, memory_order_relaxed));
  return true;
}

void barrier_core::end_phase() noexcept {
  edge_from(&word_);
  // order: relaxed, all who drop out of this phase have arrived
  const std::ptrdiff_t next = expected_.load(memory_order_relaxed);
  // order: relaxed, the word makes it visible
  missing_.store(next, memory_order_relaxed);
  // order: relaxed, `waited` may come meanwhile, which the compare-and-swap finds
  std::uint64_t seen = word_.load(memory_order_relaxed) & ~waited;
  // order: release, pairs with the acquire in phase(); the last touch
  if (word_.compare_exchange_strong(seen, seen + one, memory_order_release, memory_order_relaxed)) {
    return;
  }
  if (in_forked_child()) {
    // order: relaxed, the child has one thread
    word_.store((seen & ~waited) + one, memory_order_relaxed);
    return;
  }
  job_list won;
  {
    const std::lock_guard guard(lock_);
    // order: release, pairs with the acquire in phase()
    word_.store((seen & ~waited) + one, memory_order_release);
    win_all(waiters_, won);
  }
  unpark_all(won);
}

void barrier_core::wait(std::uint64_t phase, const char* operation) {
  if (this->phase() == phase) wait_for_end(phase, operation);
  edge_to(&word_);
}

void barrier_core::wait_for_end(std::uint64_t phase, const char* operation) {
  begin_to_wait(operation);
  waiter self(parker::current(), {operation}, on_stop::keep_waiting);
  wait_node node(self);
  {
    const std::lock_guard guard(lock_);
    // order: acquire, pairs with the release in end_phase
    std::uint64_t seen = word_.load(memory_order_acquire);
    do {
      if (seen / one != phase) return;
      // order: acquire, as above
      // mutation: relaxed, if the phase is not over the unpark tells the waiter what came before
    } while (!word_.compare_exchange_weak(seen, seen | waited, memory_order_acquire,
                                          memory_order_acquire));
    waiters_.push_back(node);
  }
  static_cast<void>(park(self));
}

}  // namespace sluice::detail
