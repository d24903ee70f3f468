// Stands in for the shipped header of this name: so small that a few fibers overflow it, and that
// positions come round.
#pragma once

namespace sluice::detail {

inline constexpr int run_queue_capacity = 4;
inline constexpr int task_deque_capacity = 4;

}  // namespace sluice::detail
