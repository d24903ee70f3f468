// The clock of the library and deadlines that saturate instead of overflowing.
#pragma once

#include <chrono>

namespace sluice::detail {

using clock = std::chrono::steady_clock;
using deadline = clock::time_point;

/// The deadline of a wait without one.
inline constexpr deadline no_deadline = deadline::max();

/// `now + d`, rounded up to the clock's ticks and saturated, so that nothing is ever early.
template <class Rep, class Period>
deadline deadline_after(std::chrono::duration<Rep, Period> d, deadline now = clock::now()) {
  using wide = std::chrono::duration<long double, clock::period>;
  if (!(d > d.zero())) return now;
  if (wide(d) >= wide(no_deadline - now)) return no_deadline;
  return now + std::chrono::ceil<clock::duration>(d);
}

/// The moment `t` of any clock, as a deadline of ours. For a clock that can be set, whoever
/// waits looks at that clock again when the deadline has come.
template <class Clock, class Duration>
deadline deadline_at(std::chrono::time_point<Clock, Duration> t) {
  if constexpr (std::is_same_v<Clock, clock>) {
    using wide = std::chrono::duration<long double, clock::period>;
    if (wide(t.time_since_epoch()) >= wide(no_deadline.time_since_epoch())) return no_deadline;
    if (wide(t.time_since_epoch()) <= wide(deadline::min().time_since_epoch())) {
      return deadline::min();
    }
    return deadline(std::chrono::ceil<clock::duration>(t.time_since_epoch()));
  } else {
    const auto now = Clock::now();
    using wide = std::chrono::duration<long double>;
    const wide left = wide(t.time_since_epoch()) - wide(now.time_since_epoch());
    return deadline_after(left);
  }
}

}  // namespace sluice::detail
