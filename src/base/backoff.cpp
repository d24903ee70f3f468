// The part of backing off that needs the kernel.
#include "sluice/detail/base/backoff.hpp"

#include <sched.h>

#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/base/progress.hpp"

namespace sluice::detail {

void stand_back() noexcept {
  // Measured with 8, 32 and 128: from 32 on two contending threads reach the pace of one.
  count_lost_race();
  for (int i = 0; i < 32; ++i) cpu_pause();
}

void yield_thread() noexcept { ::sched_yield(); }

}  // namespace sluice::detail
