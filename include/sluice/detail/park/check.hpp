// The check at the head of each operation that a user calls.
#pragma once

#include "sluice/cancelled.hpp"
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

}  // namespace sluice::detail
