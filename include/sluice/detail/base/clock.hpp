// The clock of the library and deadlines that saturate instead of overflowing.
#pragma once

#include <algorithm>
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

/// How long a wait lasts at most: until a moment, or a span that counts from its begin. Whoever
/// begins the wait of a span may read the clock later, when he reads it anyway: the wait lasts a
/// little longer, and nothing is early.
class time_limit {
 public:
  constexpr time_limit(deadline at) noexcept  // NOLINT(google-explicit-constructor)
      : word_(std::max<clock::rep>(at.time_since_epoch().count(), 0)) {}

  /// A span, rounded up. Reads no clock.
  template <class Rep, class Period>
  [[nodiscard]] static time_limit span(std::chrono::duration<Rep, Period> d) {
    const clock::rep ticks = deadline_after(d, deadline{}).time_since_epoch().count();
    return time_limit(ticks < endless ? -1 - ticks : no_deadline.time_since_epoch().count());
  }

  [[nodiscard]] bool is_none() const noexcept { return *this == no_deadline; }
  [[nodiscard]] bool is_span() const noexcept { return word_ < 0; }
  /// Of one that is a span.
  [[nodiscard]] clock::duration length() const noexcept { return clock::duration(-1 - word_); }
  /// The moment at which it ends, if it has begun now.
  [[nodiscard]] deadline from_now() const noexcept {
    return is_span() ? clock::now() + length() : deadline(clock::duration(word_));
  }

  friend bool operator==(time_limit, time_limit) noexcept = default;

 private:
  /// Spans that no process lives to see, so that a moment and a span never overflow.
  static constexpr clock::rep endless = no_deadline.time_since_epoch().count() / 2;

  constexpr explicit time_limit(clock::rep word) noexcept : word_(word) {}

  /// A span stands below zero, where no moment lies that is still to come: the clock counts from
  /// the machine's start.
  clock::rep word_;
};

}  // namespace sluice::detail
