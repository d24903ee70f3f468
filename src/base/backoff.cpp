// The part of backing off that needs the kernel.
#include "sluice/detail/base/backoff.hpp"

#include <sched.h>

namespace sluice::detail {
namespace {

thread_local std::uint64_t stood_back = 0;

}  // namespace

void stand_back() noexcept {
  // Measured with 8, 32 and 128: from 32 on two contending threads reach the pace of one.
  ++stood_back;
  for (int i = 0; i < 32; ++i) cpu_pause();
}

std::uint64_t times_stood_back() noexcept { return stood_back; }

void yield_thread() noexcept { ::sched_yield(); }

}  // namespace sluice::detail
