// Stands in for the shipped header of this name: the explorer is the kernel.
#pragma once

#include <cstdint>

#include "engine/hooks.hpp"
#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/clock.hpp"

namespace sluice::detail {

enum class futex_result { woken_or_changed, timed_out };

inline futex_result futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected,
                               deadline until) noexcept {
  const std::int64_t at = until == no_deadline ? explore::never : until.time_since_epoch().count();
  return explore::futex_wait(&word, expected, at) ? futex_result::woken_or_changed
                                                  : futex_result::timed_out;
}

inline void futex_wake(const atomic<std::uint32_t>& word, int count) noexcept {
  explore::futex_wake(&word, count);
}

}  // namespace sluice::detail
