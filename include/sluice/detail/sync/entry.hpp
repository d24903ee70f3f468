// What the primitives share where a strand enters them.
#pragma once

#include <type_traits>

#include "sluice/detail/park/attention.hpp"
#include "sluice/detail/park/check.hpp"
#include "sluice/detail/park/waiter.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

/// Called by the constructors. One that the compiler evaluates is the library's first use only when
/// a strand waits.
constexpr void watch_unless_constant() noexcept {
  if (!std::is_constant_evaluated()) watch_for_fork();
}

/// How a wait ended, as the answer of a timed form. Throws `cancelled`.
[[nodiscard]] inline bool completed_or_throw(outcome how) {
  if (how == outcome::cancelled) throw_cancelled();
  return how == outcome::completed;
}

/// Throws std::logic_error: "sluice: OPERATION: WHAT".
[[noreturn]] SLUICE_API void throw_misused(const char* operation, const char* what);

}  // namespace sluice::detail
