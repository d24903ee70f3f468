// The rare steps of the lock of a channel: waiting for it, and the end of a stay.
#include "sluice/detail/base/home_lock.hpp"

#include <chrono>
#include <thread>

#include "base/process_barrier.hpp"
#include "sluice/detail/base/backoff.hpp"
#include "sluice/detail/base/progress.hpp"

namespace sluice::detail {

namespace {

/// Where there is a barrier no more (a filter of system calls that came later): a processor does
/// not keep a store to itself, nor a load waiting, for as long as that. Of the idea: Morrison and
/// Afek, "Temporally Bounding TSO for Fence-Free Asymmetric Synchronization", ASPLOS 2015.
void wait_for_stores() noexcept { std::this_thread::sleep_for(std::chrono::milliseconds(10)); }

/// Did the last barrier work? Written by guests, read by those who would move in.
constinit atomic<bool> barrier_works{true};

}  // namespace

bool home_lock::may_move_in() noexcept {
  // order: relaxed, a hint
  return this_owner().number != 0 && barrier_works.load(memory_order_relaxed) &&
         has_process_barrier();
}

void home_lock::move_in() noexcept {
  owner& self = this_owner();
  // order: release, as L1
  // mutation: relaxed, as there
  self.inside.store(this, memory_order_release);
  // order: relaxed, the release of held shows it
  home_.store(self.number, memory_order_relaxed);
  // order: release, as unlock
  held_.store(false, memory_order_release);
}

[[gnu::cold]] void home_lock::lock_when_free() noexcept {
  count_lost_race();
  // order: L3 acquire, pairs with the release in unlock() and move_in()
  for (backoff wait; held_.exchange(true, memory_order_acquire);) {
    // order: relaxed, only a hint that the exchange may succeed now
    while (held_.load(memory_order_relaxed)) wait.pause();
  }
  if (is_at_home()) let_leave();
}

/// Guests only. `held` is taken.
[[gnu::cold]] void home_lock::let_leave() noexcept {
  // order: relaxed, written under the lock
  const owner& who = owner_with(home_.load(memory_order_relaxed));
  // order: relaxed, before L5 by L4
  home_.store(leaving, memory_order_relaxed);
  if (!send_process_barrier()) {  // L4
    // order: relaxed, a hint
    barrier_works.store(false, memory_order_relaxed);
    wait_for_stores();
  }
  // order: L5 acquire, pairs with leave
  for (backoff wait; who.inside.load(memory_order_acquire) == this;) wait.pause();
  // order: L6 relaxed, the lock is held
  home_.store(nobody, memory_order_relaxed);
}

}  // namespace sluice::detail
