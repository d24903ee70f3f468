// Is the memory of a task that is gone kept for the next ones?
#pragma once

#include "fiber/sanitizers.hpp"

namespace sluice::detail {

/// Not under AddressSanitizer, so that it sees every use after the end; nor in ThreadSanitizer's
/// precise mode, to which the next task would be a user of the same object.
inline constexpr bool keeps_tasks = SLUICE_ASAN == 0 && SLUICE_PRECISE == 0;

}  // namespace sluice::detail
