// How much a worker's own queues hold; what is more goes to its backlog.
#pragma once

#include <cstddef>

namespace sluice::detail {

// Powers of two, so that a position becomes a slot without a division.

/// Of ready fibers. A thief takes half of them at once.
inline constexpr int run_queue_capacity = 256;
/// Of tasks that have not begun: a batch of a thousand fits.
inline constexpr int task_deque_capacity = 1024;

/// Lists of a backlog that take turns; a power of two. So many steps of a walk through memory are
/// on their way at once.
inline constexpr std::size_t lane_count = 8;

}  // namespace sluice::detail
