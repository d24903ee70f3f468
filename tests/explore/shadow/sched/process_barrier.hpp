// Stands in for the shipped header of this name: the explorer is the kernel.
#pragma once

#include "engine/hooks.hpp"

namespace sluice::detail {

inline bool has_process_barrier() noexcept { return true; }
inline void send_process_barrier() noexcept { explore::process_barrier(); }
inline void keep_order_for_process_barrier() noexcept {}

}  // namespace sluice::detail
