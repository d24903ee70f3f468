// Waits for the end of a number of pieces of work that may grow meanwhile.
#pragma once

#include <chrono>
#include <cstddef>

#include "sluice/detail/sync/countdown.hpp"
#include "sluice/detail/sync/entry.hpp"
#include "sluice/detail/sync/timed.hpp"

namespace sluice {

/// `add` before a piece of work begins, `done` at its end, `wait` for the moment when all are done.
/// May be used again, also while those who waited for the last moment of that kind are on their way
/// out; an `add` to a group without work begins a new round, so do it before whoever shall wait for
/// it waits. What was done before a `done` happens before the return of the `wait` that it ends.
///
/// Any strand may call anything here. The group may be destroyed as soon as every `wait` has
/// returned, also while the strand of the last `done` is on its way out of it.
class wait_group {
 public:
  /// Begins with the work of `count` strands; negative: std::logic_error.
  constexpr explicit wait_group(std::ptrdiff_t count = 0) : count_(count) {
    if (count < 0 || count > detail::countdown::limit) {
      detail::throw_misused("wait_group", "a count that is negative or absurd");
    }
    detail::watch_unless_constant();
  }
  wait_group(const wait_group&) = delete;
  wait_group& operator=(const wait_group&) = delete;

  /// Never waits. A negative `count` is as many times `done`. Below zero, or above
  /// detail::countdown::limit: std::logic_error, and nothing is done.
  void add(std::ptrdiff_t count = 1) {
    const bool in_range = count >= -detail::countdown::limit &&
                          (count < 0 ? count_.subtract(-count) : count_.add(count));
    if (!in_range) detail::throw_misused("add", "the group's count would be negative or absurd");
  }

  /// Never waits. More often than what was added: std::logic_error, and nothing is done.
  void done() {
    if (!count_.subtract(1)) detail::throw_misused("done", "more often than `add` was told");
  }

  /// Waits until the count is zero. Throws `cancelled`; std::logic_error in a forked child.
  void wait() { static_cast<void>(wait_before(detail::no_deadline, "wait of a group")); }

  /// Waits that long at most; was the count zero? Throws as `wait`.
  template <class Rep, class Period>
  bool wait_for(const std::chrono::duration<Rep, Period>& d) {
    return wait_before(detail::deadline_after(d), "wait_for of a group");
  }

  /// Waits until `t` at the latest, otherwise as wait_for.
  template <class Clock, class Duration>
  bool wait_until(const std::chrono::time_point<Clock, Duration>& t) {
    return detail::wait_until_time(
        t, [this](detail::deadline until) { return wait_before(until, "wait_until of a group"); });
  }

 private:
  bool wait_before(detail::deadline until, const char* operation) {
    detail::check_strand(detail::operation_kind::may_wait, operation);
    return detail::completed_or_throw(count_.wait(until, detail::on_stop::end_wait, operation));
  }

  detail::countdown count_;
};

}  // namespace sluice
