// Fibers on workers whose threads are strands of the scenario: without a ticker, and with fewer steps
// than whole runtimes.
#pragma once

#include <cstddef>

#include "engine/kernel.hpp"
#include "explore.hpp"
#include "sched/scheduler.hpp"
#include "sluice/channel.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/task.hpp"

namespace sluice::explore {

struct crew {
  static detail::scheduler_options without_threads(int workers) {
    hold_threads();
    return {.workers = workers, .stack_size = 16 * 1024};
  }
  explicit crew(int workers) : home(without_threads(workers)) {}

  void work(std::size_t number) { home.worker_at(number).main(); }
  template <class F>
  auto go(F f) {
    return detail::go_plain(&home, nullptr, 0, f);
  }

  /// The life of a strand that sees to the end.
  void close_after(task<void>& one) {
    one.join();
    home.close();
  }
  void stop_and_close(task<void>& one) {
    one.request_stop();
    close_after(one);
  }

  detail::scheduler home;
};

using shared_bool = detail::atomic<bool>;

/// As a loop without a wait does, until somebody has set it.
inline void spin_until(const shared_bool& set) {
  // order: acquire, pairs with set_it
  while (!set.load(detail::memory_order_acquire)) detail::cpu_pause();
}
inline void set_it(shared_bool& one) {
  // order: release, pairs with spin_until
  one.store(true, detail::memory_order_release);
}

/// Waits for an item; false: the channel was closed, or the fiber was stopped.
inline bool arrives(const channel<item>& ch) {
  item found(63);
  try {
    return static_cast<bool>(ch >> found);
  } catch (const cancelled&) {
    return false;
  }
}

}  // namespace sluice::explore
