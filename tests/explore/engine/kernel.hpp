// What a scenario tells the kernel that the explorer is.
#pragma once

#include <chrono>

namespace sluice::explore {

/// So many threads can still be started in this schedule; then there is no memory for more.
void limit_threads(int most) noexcept;

/// Threads that are started in this schedule from here on never run: the scenario's strands do what
/// it wants of them.
void hold_threads() noexcept;

/// The strand sleeps. By default all others go on until they sleep longer, or for ever.
void let_time_pass(std::chrono::nanoseconds some) noexcept;

}  // namespace sluice::explore
