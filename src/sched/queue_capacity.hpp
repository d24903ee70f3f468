// How much a worker's own queues hold; what is more goes to its backlog.
#pragma once

namespace sluice::detail {

/// Of ready fibers, and of tasks that have not begun; a power of two, so that a position becomes a
/// slot without a division.
inline constexpr int queue_capacity = 256;

}  // namespace sluice::detail
