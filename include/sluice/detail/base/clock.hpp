// The clock of the library and deadlines that saturate instead of overflowing.
#pragma once

#include <chrono>
#include <concepts>
#include <ratio>
#include <type_traits>
#include <utility>

namespace sluice::detail {

using clock = std::chrono::steady_clock;
using deadline = clock::time_point;

/// The deadline of a wait without one.
inline constexpr deadline no_deadline = deadline::max();

/// `now + d`, rounded up to the clock's ticks and saturated, so that nothing is ever early.
template <class Rep, class Period>
deadline deadline_after(std::chrono::duration<Rep, Period> d, deadline now = clock::now()) {
  using ticks = std::ratio_divide<Period, clock::period>;
  if (!(d > d.zero())) return now;
  if constexpr (std::integral<Rep> && ticks::den == 1) {
    const clock::rep most = (no_deadline - now).count() / ticks::num;
    if (std::cmp_greater(+d.count(), most)) return no_deadline;
    return now + clock::duration(static_cast<clock::rep>(d.count()) * ticks::num);
  } else {
    using wide = std::chrono::duration<long double, clock::period>;
    if (wide(d) >= wide(no_deadline - now)) return no_deadline;
    return now + std::chrono::ceil<clock::duration>(d);
  }
}

/// The moment `t` of any clock, as a deadline of ours. For a clock that can be set, whoever
/// waits looks at that clock again when the deadline has come.
template <class Clock, class Duration>
deadline deadline_at(std::chrono::time_point<Clock, Duration> t) {
  if constexpr (std::is_same_v<Clock, clock>) {
    using wide = std::chrono::duration<long double, clock::period>;
    if (wide(t.time_since_epoch()) >= wide(no_deadline.time_since_epoch())) return no_deadline;
    if (!(wide(t.time_since_epoch()) > wide(deadline::min().time_since_epoch()))) {
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

/// Has the moment `t` come, on its own clock? It may lie where that clock's ticks do not reach.
template <class Clock, class Duration>
bool has_come(std::chrono::time_point<Clock, Duration> t) {
  using wide = std::chrono::duration<long double, typename Clock::period>;
  return !(wide(Clock::now().time_since_epoch()) < wide(t.time_since_epoch()));
}

}  // namespace sluice::detail
