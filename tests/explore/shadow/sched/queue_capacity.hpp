// Stands in for the shipped header of this name: so small that a few fibers overflow it, and that
// positions come round.
#pragma once

#include <cstddef>

namespace sluice::detail {

inline constexpr int run_queue_capacity = 4;
inline constexpr int task_deque_capacity = 4;
inline constexpr std::size_t lane_count = 2;

}  // namespace sluice::detail
