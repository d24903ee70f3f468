// Stands in for the shipped header of this name: so small that a few fibers overflow it, that
// positions come round, and that a gate is soon closed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::detail {

inline constexpr int run_queue_capacity = 4;
inline constexpr int task_deque_capacity = 4;
inline constexpr std::size_t lane_count = 2;
inline constexpr int patience_at_gate = 2;
inline constexpr std::uint64_t turns_to_close = 2;

}  // namespace sluice::detail
