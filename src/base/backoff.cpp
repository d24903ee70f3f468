// The part of backing off that needs the kernel.
#include "sluice/detail/base/backoff.hpp"

#include <sched.h>

namespace sluice::detail {

void yield_thread() noexcept { ::sched_yield(); }

}  // namespace sluice::detail
