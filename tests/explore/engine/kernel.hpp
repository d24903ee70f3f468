// What a scenario tells the kernel that the explorer is.
#pragma once

namespace sluice::explore {

/// So many threads can still be started in this schedule; then there is no memory for more.
void limit_threads(int most) noexcept;

}  // namespace sluice::explore
