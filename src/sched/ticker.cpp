// The ticker's life. The argument stands in ticker.hpp.
#include "sched/ticker.hpp"

#include "fiber/stack_pool.hpp"
#include "park/futex.hpp"
#include "sched/census.hpp"
#include "sched/scheduler.hpp"
#include "sched/worker.hpp"

namespace sluice::detail {

void ticker::main() noexcept {
  sleep_until_work(starts());
  while (!is_over()) {
    const bool ran = home_.idle().anybody_runs();
    const deadline until = clock::now() + tick;
    // Whoever woke it may have called the kernel late: that ends a sleep, but no tick.
    while (!is_over() && futex_wait(word_, awake, until) != futex_result::timed_out) {
    }
    if (is_over()) return;
    tick_once();
    const std::uint64_t started = starts();  // before the look at who runs
    if (!ran && !home_.idle().anybody_runs()) {
      trim_stacks();
      // A slice may have been ended just after its worker looked for the last time.
      for (std::size_t i = 0; i < home_.worker_count(); ++i) home_.worker_at(i).forget_slice();
      sleep_until_work(started);
    }
  }
}

/// How often a worker has begun to run.
std::uint64_t ticker::starts() const noexcept {
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < home_.worker_count(); ++i) all += home_.worker_at(i).starts();
  return all;
}

void ticker::tick_once() noexcept {
  home_.fire_timers();
  const coarse_time now = coarse_now();
  for (std::size_t i = 0; i < home_.worker_count(); ++i) home_.worker_at(i).tick(now);
}

/// Not if somebody has begun to run since `started` was counted: what he has left behind, such as
/// stacks, nobody else would see to.
void ticker::sleep_until_work(std::uint64_t started) noexcept {
  // order: release, before it can be found asleep anew; pairs with naps()
  // mutation: relaxed, whomever a tick wakes is counted too, under the lock of his list
  naps_.fetch_add(1, memory_order_release);
  std::uint32_t seen = awake;
  // order: seq_cst, before the look at who runs; see the head of ticker.hpp
  // mutation: failure acquire, it fails for `over` alone, and nothing else is read then
  if (!word_.compare_exchange_strong(seen, asleep, memory_order_seq_cst, memory_order_seq_cst)) {
    return;
  }
  if (home_.idle().anybody_runs() || starts() != started) return wake();
  std::chrono::milliseconds pause = tick;
  // order: acquire, pairs with wake and stop
  // mutation: relaxed, all that a tick reads is atomic, a hint, or under a lock
  while (word_.load(memory_order_acquire) == asleep) {
    const census::finding found = census::all().look(home_);
    if (found == census::finding::spoke) continue;
    const bool again = found == census::finding::unsure && pause <= longest_pause;
    const deadline until = again ? clock::now() + pause : no_deadline;
    if (futex_wait(word_, asleep, until) == futex_result::timed_out) pause *= 2;
  }
}

void ticker::trim_stacks() noexcept {
  while (!home_.idle().anybody_runs() && !stack_pool::trim(trimmed_at_once)) {
  }
}

void ticker::wake() noexcept {
  std::uint32_t seen = asleep;
  // order: acq_rel, pairs with sleep_until_work
  // mutation: acquire|release, as there; and whoever wakes reads nothing of the ticker's
  if (word_.compare_exchange_strong(seen, awake, memory_order_acq_rel, memory_order_relaxed)) {
    futex_wake(word_, 1);
  }
}

void ticker::stop() noexcept {
  // order: seq_cst, ends whatever it does
  // mutation: release, its compare-and-swap and the kernel see the newest; it reads nothing then
  word_.store(over, memory_order_seq_cst);
  futex_wake(word_, 1);
}

}  // namespace sluice::detail
