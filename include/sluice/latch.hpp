// A count that goes down once: what std::latch is to threads, for fibers and threads alike.
#pragma once

#include <cstddef>

#include "sluice/detail/sync/countdown.hpp"
#include "sluice/detail/sync/entry.hpp"

namespace sluice {

/// Any strand may call anything here. The latch may be destroyed as soon as every `wait` has
/// returned, also while the strand that counted to zero is on its way out of `count_down`.
class latch {
 public:
  /// The most that a latch can count down from.
  [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept { return detail::countdown::limit; }

  /// `expected` from 0 to max(), else std::logic_error.
  constexpr explicit latch(std::ptrdiff_t expected) : count_(expected) {
    if (expected < 0 || expected > max()) {
      detail::throw_misused("latch", "the expected count is from 0 to max()");
    }
    detail::watch_unless_constant();
  }
  latch(const latch&) = delete;
  latch& operator=(const latch&) = delete;

  /// Never waits. Negative, or more than is left: std::logic_error, and nothing is done.
  void count_down(std::ptrdiff_t n = 1) {
    if (n < 0 || !count_.subtract(n)) {
      detail::throw_misused("count_down", "a negative number, or more than the latch has left");
    }
  }

  /// Is the count zero? Never waits, never false without a reason.
  [[nodiscard]] bool try_wait() const noexcept { return count_.zero(); }

  /// Waits until the count is zero. Throws `cancelled`; std::logic_error in a forked child.
  void wait() const {
    detail::check_strand(detail::operation_kind::may_wait, "wait of a latch");
    static_cast<void>(detail::completed_or_throw(
        count_.wait(detail::no_deadline, detail::on_stop::end_wait, "wait of a latch")));
  }

  /// count_down(n) and wait, but a stop does not end the wait: never throws `cancelled`.
  void arrive_and_wait(std::ptrdiff_t n = 1) {
    detail::check_strand(detail::operation_kind::never_waits, "arrive_and_wait");
    count_down(n);
    static_cast<void>(
        count_.wait(detail::no_deadline, detail::on_stop::keep_waiting, "arrive_and_wait"));
  }

 private:
  mutable detail::countdown count_;
};

}  // namespace sluice
