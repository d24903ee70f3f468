// What the timed forms of all primitives share.
#pragma once

#include <chrono>
#include <type_traits>

#include "sluice/detail/base/clock.hpp"

namespace sluice::detail {

/// Calls `wait_once(deadline)` until it answers true, or the time has come on its own clock: that
/// one may have been set back meanwhile.
template <class Clock, class Duration, class WaitOnce>
[[nodiscard]] bool wait_until_time(const std::chrono::time_point<Clock, Duration>& t,
                                   WaitOnce wait_once) {
  for (;;) {
    if (wait_once(deadline_at(t))) return true;
    if constexpr (std::is_same_v<Clock, clock>) {
      return false;
    } else {
      if (has_come(t)) return false;
    }
  }
}

}  // namespace sluice::detail
