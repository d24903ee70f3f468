// The check at the head of each operation that a user calls.
#pragma once

#include "sluice/cancelled.hpp"
#include "sluice/detail/base/clock.hpp"
#include "sluice/detail/park/attention.hpp"
#include "sluice/detail/park/waiter.hpp"

namespace sluice::detail {

/// Throws `cancelled` (only if the operation may wait) and, in a forked child, std::logic_error
/// that names the operation.
[[gnu::always_inline]] inline void check_strand(operation_kind kind, const char* operation) {
  const verdict found = look_up(kind);
  if (found == verdict::proceed) [[likely]]
    return;
  if (found == verdict::stop) throw_cancelled();
  throw_forked(operation);
}

/// The same for a wait of at most `until`: in the check others may have their turn, and the time
/// counts from before.
[[gnu::always_inline]] inline void check_strand(operation_kind kind, const char* operation,
                                                time_limit& until) {
  if (nothing_to_attend()) [[likely]]
    return;
  until = until.from_now();
  check_strand(kind, operation);
}

}  // namespace sluice::detail
