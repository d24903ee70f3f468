// Printing a schedule.
#pragma once

#include <unistd.h>

#include <string>
#include <vector>

#include "engine/state.hpp"

namespace sluice::explore {

/// From the next schedule on events are kept.
void start_tracing();
/// Those of the last schedule.
void print_trace();
[[nodiscard]] const char* describe(failure how) noexcept;

}  // namespace sluice::explore
