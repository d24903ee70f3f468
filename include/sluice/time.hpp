// after and tick: time as a channel, for select and for loops.
//
//   for (auto now : sluice::tick(1s)) report(now);
//
// They use the timers of the default runtime, whose threads start at the first use. No fiber stands
// behind such a channel, only its own memory: when the last handle goes, so does the timer.
#pragma once

#include <chrono>

#include "sluice/channel.hpp"
#include "sluice/detail/base/clock.hpp"
#include "sluice/export.hpp"

namespace sluice {

namespace detail {

/// At `first`, and then once each `period`; a period of 0: only once, then it closes.
[[nodiscard]] SLUICE_API channel<clock::time_point> make_alarm(deadline first,
                                                               clock::duration period);
[[noreturn]] SLUICE_API void throw_bad_period();

}  // namespace detail

/// A channel that gets one time point, when `d` is over, and closes then. Never early; late by as
/// much as its getters and the machine are. At once if `d` is 0 or less. It may be closed before,
/// and dropped at any time. Never waits; throws std::bad_alloc, what starting the default runtime
/// throws, and std::logic_error in a forked child. Any strand.
template <class Rep, class Period>
[[nodiscard]] channel<std::chrono::steady_clock::time_point> after(
    std::chrono::duration<Rep, Period> d) {
  return detail::make_alarm(detail::deadline_after(d), {});
}

/// A channel that gets one time point for each `d`, counted from the call, until it is closed or
/// its last handle goes. One waits at most: where nobody gets it in time, later ones are left out,
/// and the rhythm is kept. Never early. Throws std::invalid_argument unless `d` is above 0, else as
/// after. Never waits. Any strand.
template <class Rep, class Period>
[[nodiscard]] channel<std::chrono::steady_clock::time_point> tick(
    std::chrono::duration<Rep, Period> d) {
  if (!(d > d.zero())) detail::throw_bad_period();
  const detail::deadline now = detail::clock::now();
  const detail::deadline first = detail::deadline_after(d, now);
  return detail::make_alarm(first, first - now);
}

}  // namespace sluice
