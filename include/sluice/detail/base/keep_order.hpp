// The cheap half of a barrier that another thread sends to all threads of the process.
#pragma once

#include <atomic>

namespace sluice::detail {

/// The compiler moves nothing over this. That is enough beside those who send a barrier
/// (base/process_barrier.hpp): theirs falls somewhere into this thread's program.
inline void keep_order_for_process_barrier() noexcept {
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

}  // namespace sluice::detail
