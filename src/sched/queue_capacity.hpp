// How much a worker's own queues hold; what is more goes to its backlog.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::detail {

// Powers of two, so that a position becomes a slot without a division.

/// Of ready fibers. A thief takes half of them at once.
inline constexpr int run_queue_capacity = 256;
/// Of tasks that have not begun: a batch of a thousand fits.
inline constexpr int task_deque_capacity = 1024;

/// Lists of a backlog that take turns; a power of two. So many steps of a walk through memory are
/// on their way at once.
inline constexpr std::size_t lane_count = 8;

/// Looks of a thief at an owner that is inside the gate: for some ten instructions, if it runs.
inline constexpr int patience_at_gate = 64;
/// So many turns without a theft, and its gate is closed again: 80 us of yields, half a millisecond
/// of hand-overs.
inline constexpr std::uint64_t turns_to_close = 16'384;

}  // namespace sluice::detail
