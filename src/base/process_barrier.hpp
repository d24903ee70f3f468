// A barrier that one thread sends to all threads of the process.
#pragma once

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sluice/detail/base/keep_order.hpp"

namespace sluice::detail {

/// Can one be sent? The first call prepares the kernel for it: in a process of several threads that
/// takes some ten milliseconds.
inline bool has_process_barrier() noexcept {
  static const bool is_there =
      ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  return is_there;
}

/// Every thread passes a full barrier, wherever it is, before this returns: what it did before that
/// is seen here, and what we did is seen by what it does after that. Some microseconds. False:
/// there was none.
inline bool send_process_barrier() noexcept {
  return ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

}  // namespace sluice::detail
