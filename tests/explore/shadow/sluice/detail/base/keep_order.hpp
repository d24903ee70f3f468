// Stands in for the shipped header of this name: each operation is a call, so nothing is moved.
#pragma once

namespace sluice::detail {

inline void keep_order_for_process_barrier() noexcept {}

}  // namespace sluice::detail
