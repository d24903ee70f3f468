// The ticker: a thread that ends time slices and fires the timers of busy workers.
//
// It ticks while some worker runs and others wait beside it, and sleeps for good when nobody has
// run for a whole tick; before that it gives the memory of unused stacks back. Once asleep it looks
// whether everyone is (census.hpp): at once, and while it cannot tell, after pauses that double.
//
// Going to sleep: it writes `asleep` (RMW seq_cst), then looks whether anybody runs. A worker
// counts itself as running (RMW seq_cst) before it pushes and looks at `asleep`. So one of them
// sees the other. One that has begun and ended since the ticker looked is seen by its count of
// starts, which it writes before it counts itself out.
#pragma once

#include <pthread.h>

#include <chrono>
#include <cstdint>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/clock.hpp"
#include "sluice/detail/base/cpu.hpp"

namespace sluice::detail {

class scheduler;

class ticker {
 public:
  static constexpr std::chrono::milliseconds tick{10};

  explicit ticker(scheduler& home) noexcept : home_(home) {}

  /// The thread's life.
  void main() noexcept;

  /// Must somebody wake it who brings it work? The census asks too, and how often it was so before.
  [[nodiscard]] bool is_at_rest() const noexcept {
    // order: seq_cst, after the caller's own RMW, in the one order with going to sleep
    return word_.load(memory_order_seq_cst) == asleep;
  }
  [[nodiscard]] std::uint64_t naps() const noexcept {
    // order: acquire, read before is_at_rest; pairs with sleep_until_work
    // mutation: relaxed, as there
    return naps_.load(memory_order_acquire);
  }
  void wake() noexcept;
  /// Ends the thread.
  void stop() noexcept;

  pthread_t thread{};

 private:
  static constexpr std::uint32_t awake = 0;
  static constexpr std::uint32_t asleep = 1;
  static constexpr std::uint32_t over = 2;
  /// The longest pause between two looks whether everyone is asleep; ten looks in ten seconds.
  static constexpr std::chrono::milliseconds longest_pause = 512 * tick;
  /// Stacks whose memory is given back between two looks whether anybody runs.
  static constexpr std::size_t trimmed_at_once = 512;

  [[nodiscard]] bool is_over() const noexcept {
    // order: acquire, pairs with stop
    // mutation: relaxed, nothing is read once it is over
    return word_.load(memory_order_acquire) == over;
  }
  void tick_once() noexcept;
  [[nodiscard]] std::uint64_t starts() const noexcept;
  void sleep_until_work(std::uint64_t started) noexcept;
  void trim_stacks() noexcept;

  scheduler& home_;
  /// Written by the ticker (asleep, awake), by those who wake it, and by stop.
  alignas(cache_line) atomic<std::uint32_t> word_{awake};
  /// How often it has gone to sleep. Its own.
  atomic<std::uint64_t> naps_{0};
};

}  // namespace sluice::detail
