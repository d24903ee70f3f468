// The kernel's wait on a word, private to this process.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <ctime>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/clock.hpp"

namespace sluice::detail {

enum class futex_result { woken_or_changed, timed_out };

/// Sleeps while `word` is `expected`, at most until the deadline. May return early without a
/// cause (a signal, a spurious wake): the caller looks at the word again.
inline futex_result futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected,
                               deadline until) noexcept {
  static_assert(sizeof(word) == sizeof(std::uint32_t));
  timespec at{};
  timespec* limit = nullptr;
  if (until != no_deadline) {
    // steady_clock is CLOCK_MONOTONIC, which FUTEX_WAIT_BITSET takes as an absolute time.
    const auto ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(until.time_since_epoch()).count();
    if (ns <= 0) return futex_result::timed_out;
    at.tv_sec = static_cast<time_t>(ns / 1'000'000'000);
    at.tv_nsec = static_cast<long>(ns % 1'000'000'000);
    limit = &at;
  }
  const long rc = ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                            limit, nullptr, FUTEX_BITSET_MATCH_ANY);
  const bool timed_out = rc == -1 && errno == ETIMEDOUT;
  return timed_out ? futex_result::timed_out : futex_result::woken_or_changed;
}

/// Wakes at most `count` sleepers. Touches the word's address only, never its memory, so the
/// word may be gone already.
inline void futex_wake(const atomic<std::uint32_t>& word, int count) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, nullptr, nullptr, 0);
}

}  // namespace sluice::detail
