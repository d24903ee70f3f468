// Stands in for the shipped header of this name: the explorer is the kernel.
#pragma once

#include "engine/hooks.hpp"
#include "sluice/detail/base/keep_order.hpp"

namespace sluice::detail {

inline bool has_process_barrier() noexcept { return true; }
/// Set by a scenario in which there is none.
inline bool refuses_process_barrier = false;
inline bool send_process_barrier() noexcept {
  if (refuses_process_barrier) return false;
  explore::process_barrier();
  return true;
}

}  // namespace sluice::detail
