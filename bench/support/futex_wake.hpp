// The raw limit of a wake that crosses threads: one futex word, one sleeper, one waker.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/measure.hpp"

namespace bench {

/// How long the waker rests before each wake, so that the sleeper is asleep in the kernel.
inline constexpr long wake_rest_ns = 1'000'000;

inline void rest_before_wake() {
  const timespec pause{.tv_sec = 0, .tv_nsec = wake_rest_ns};
  nanosleep(&pause, nullptr);
}

inline long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) {
  return syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
}

/// Microseconds from just before a futex wake to the first statement of the thread it wakes.
inline std::vector<double> futex_wake_latencies(std::size_t samples) {
  std::atomic<std::uint32_t> word{0};
  clock::time_point sent;
  std::vector<double> latencies;
  latencies.reserve(samples);
  std::thread sleeper([&] {
    for (std::uint32_t seen = 0; seen < samples; ++seen) {
      // order: acquire, the time in `sent` was written before the word
      while (word.load(std::memory_order_acquire) == seen) futex(word, FUTEX_WAIT, seen);
      latencies.push_back(microseconds(clock::now() - sent));
    }
  });
  for (std::size_t i = 0; i < samples; ++i) {
    rest_before_wake();
    sent = clock::now();
    // order: release, pairs with the sleeper's acquire
    word.fetch_add(1, std::memory_order_release);
    futex(word, FUTEX_WAKE, 1);
  }
  sleeper.join();
  return latencies;
}

/// Wakes of a fiber and of a bare thread are sampled in turns, so that what disturbs the machine
/// disturbs both.
inline constexpr std::size_t wake_rounds = 10;
inline constexpr std::size_t wakes_a_round = 100;

/// What W15 says of its samples.
inline std::vector<std::pair<std::string, double>> wake_figures(std::vector<double>& wakes,
                                                                std::vector<double>& bare) {
  return {{"wake_p50_us", percentile(wakes, 0.50)}, {"wake_p90_us", percentile(wakes, 0.90)},
          {"wake_p99_us", percentile(wakes, 0.99)}, {"wake_p99_9_us", percentile(wakes, 0.999)},
          {"futex_p50_us", percentile(bare, 0.50)}, {"futex_p90_us", percentile(bare, 0.90)},
          {"futex_p99_us", percentile(bare, 0.99)}, {"futex_p99_9_us", percentile(bare, 0.999)}};
}

}  // namespace bench
