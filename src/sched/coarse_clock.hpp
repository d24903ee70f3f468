// The time as of the kernel's last tick: some milliseconds old, but read faster than the exact one,
// and small enough for every fiber's first line.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <ratio>

namespace sluice::detail {

/// Hundredths of a second, modulo 2^32: about 497 days.
using coarse_time = std::uint32_t;
using coarse_duration = std::chrono::duration<coarse_time, std::centi>;

[[nodiscard]] inline coarse_time coarse_now() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  constexpr long nanoseconds = 10'000'000;
  return static_cast<coarse_time>(t.tv_sec * 100 + t.tv_nsec / nanoseconds);
}

}  // namespace sluice::detail
