// What the running fiber can say of itself and do. Works on a plain thread too, where noted.
#pragma once

#include <chrono>
#include <stop_token>
#include <string_view>

#include "sluice/detail/base/clock.hpp"
#include "sluice/export.hpp"
#include "sluice/fiber_id.hpp"

namespace sluice {

namespace detail {
/// Waits until the deadline. Throws `cancelled`; std::logic_error in a forked child.
SLUICE_API void sleep_strand(deadline until);
}  // namespace detail

namespace this_fiber {

/// Lets others run; the fiber goes on afterwards, perhaps on another thread. Throws `cancelled`.
/// On a plain thread: gives its core away.
SLUICE_API void yield();

/// Waits that long at least. Throws `cancelled`. Works on a plain thread.
template <class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> d) {
  detail::sleep_strand(detail::deadline_after(d));
}

/// Waits until `t` has come, on any clock. Throws `cancelled`. Works on a plain thread.
template <class Clock, class Duration>
void sleep_until(std::chrono::time_point<Clock, Duration> t) {
  do {
    detail::sleep_strand(detail::deadline_at(t));
  } while (!detail::has_come(t));
}

/// The running fiber, else the thread.
[[nodiscard]] SLUICE_API fiber_id id() noexcept;
/// The fiber's name; nothing if it has none, or on a plain thread. Valid until the fiber ends.
[[nodiscard]] SLUICE_API std::string_view name() noexcept;
/// Was a stop requested that the strand obeys: the fiber's, its runtime's end, or one of the tokens
/// of with_stop around it? A shield does not change the answer. Never waits.
[[nodiscard]] SLUICE_API bool stop_requested() noexcept;
/// A token that follows what stop_requested() says; within with_stop, until the innermost is over.
/// On a plain thread outside of with_stop one that is never stopped. Its callbacks run on the
/// strand that requests the stop, and must not wait. Never waits itself; throws std::bad_alloc.
[[nodiscard]] SLUICE_API std::stop_token stop_token();

}  // namespace this_fiber
}  // namespace sluice
