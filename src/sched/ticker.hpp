// The ticker: a thread that ends time slices and fires the timers of busy workers.
//
// It ticks while some worker runs and others wait beside it, and sleeps for good when nobody has
// run for a whole tick; before that it gives the memory of unused stacks back.
//
// Going to sleep: it writes `asleep` (RMW seq_cst), then looks whether anybody runs. A worker
// counts itself as running (RMW seq_cst) before it pushes and looks at `asleep`. So one of them
// sees the other.
#pragma once

#include <pthread.h>

#include <chrono>
#include <cstdint>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/clock.hpp"

namespace sluice::detail {

class scheduler;

class ticker {
 public:
  static constexpr std::chrono::milliseconds tick{10};

  explicit ticker(scheduler& home) noexcept : home_(home) {}

  /// The thread's life.
  void main() noexcept;

  [[nodiscard]] bool is_asleep() const noexcept {
    // order: relaxed, the caller's own RMW comes before; see the head of the file
    return word_.load(memory_order_relaxed) == asleep;
  }
  void wake() noexcept;
  /// Ends the thread.
  void stop() noexcept;

  pthread_t thread{};

 private:
  static constexpr std::uint32_t awake = 0;
  static constexpr std::uint32_t asleep = 1;
  static constexpr std::uint32_t over = 2;
  /// Stacks whose memory is given back between two looks whether anybody runs.
  static constexpr std::size_t trimmed_at_once = 512;

  [[nodiscard]] bool is_over() const noexcept {
    // order: acquire, pairs with stop
    return word_.load(memory_order_acquire) == over;
  }
  void tick_once() noexcept;
  void sleep_until_work() noexcept;
  void trim_stacks() noexcept;

  scheduler& home_;
  /// Written by the ticker (asleep, awake), by those who wake it, and by stop.
  alignas(cache_line) atomic<std::uint32_t> word_{awake};
};

}  // namespace sluice::detail
