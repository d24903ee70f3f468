// Permits that strands take and give: what std::counting_semaphore is to threads, for fibers and
// threads alike.
#pragma once

#include <chrono>
#include <cstddef>

#include "sluice/detail/sync/entry.hpp"
#include "sluice/detail/sync/semaphore_core.hpp"
#include "sluice/detail/sync/timed.hpp"

namespace sluice {

/// A number of permits, from 0 to max(). Any strand may call anything here; whoever releases need
/// not have acquired. Strands that wait are served in order of arrival; a newcomer overtakes them
/// only if it overlaps the release.
///
/// The semaphore may be destroyed as soon as every acquire has returned and every permit that was
/// waited for is taken, also while the strand that released it is on its way out of `release`.
template <std::ptrdiff_t LeastMax = detail::semaphore_core::limit>
class counting_semaphore {
  static_assert(LeastMax >= 0 && LeastMax <= detail::semaphore_core::limit,
                "sluice: counting_semaphore<N>: N is from 0 to detail::semaphore_core::limit");

 public:
  /// The most permits that it can have.
  [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept { return LeastMax; }

  /// `permits` from 0 to max(), else std::logic_error.
  constexpr explicit counting_semaphore(std::ptrdiff_t permits) : core_(permits) {
    if (permits < 0 || permits > max()) {
      detail::throw_misused("counting_semaphore", "the permits are from 0 to max()");
    }
    detail::watch_unless_constant();
  }
  counting_semaphore(const counting_semaphore&) = delete;
  counting_semaphore& operator=(const counting_semaphore&) = delete;

  /// Adds `count` permits; never waits. Negative, or more than max() in all: std::logic_error, and
  /// nothing is added.
  void release(std::ptrdiff_t count = 1) {
    if (!core_.release(count, max())) {
      detail::throw_misused("release", "a negative count, or more permits than max()");
    }
  }

  /// Takes a permit; waits for it. Throws `cancelled`; std::logic_error in a forked child.
  void acquire() {
    detail::check_strand(detail::operation_kind::may_wait, "acquire");
    if (!core_.try_acquire()) static_cast<void>(core_.acquire(detail::no_deadline, "acquire"));
  }

  /// Takes a permit if there is one; never waits, never fails without a reason.
  [[nodiscard]] bool try_acquire() noexcept { return core_.try_acquire(); }

  /// Waits that long at most; false: there was no permit. Takes one that is there even if there is
  /// no time left. Throws `cancelled`; std::logic_error in a forked child.
  template <class Rep, class Period>
  [[nodiscard]] bool try_acquire_for(const std::chrono::duration<Rep, Period>& d) {
    return acquire_before(detail::deadline_after(d), "try_acquire_for");
  }

  /// Waits until `t` at the latest, otherwise as try_acquire_for.
  template <class Clock, class Duration>
  [[nodiscard]] bool try_acquire_until(const std::chrono::time_point<Clock, Duration>& t) {
    return detail::wait_until_time(
        t, [this](detail::deadline until) { return acquire_before(until, "try_acquire_until"); });
  }

 private:
  bool acquire_before(detail::deadline until, const char* operation) {
    detail::check_strand(detail::operation_kind::may_wait, operation);
    return core_.try_acquire() || core_.acquire(until, operation);
  }

  detail::semaphore_core core_;
};

using binary_semaphore = counting_semaphore<1>;

}  // namespace sluice
