// How a strand waits for another that is in the middle of a few instructions: it spins for a
// named number of turns, then gives the core away, because the other may have been preempted.
#pragma once

#include "sluice/detail/base/cpu.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

/// Gives the rest of the thread's time to the kernel (`sched_yield`).
SLUICE_API void yield_thread() noexcept;

/// After a lost compare-and-swap: leaves the line to the winner for a while (some microsecond), so
/// that each strand makes a run of operations on it instead of fetching it for every single one.
SLUICE_API void stand_back() noexcept;

class backoff {
 public:
  /// One turn: 1, 2, 4 ... pauses, and from `spin_turns` on a `sched_yield` each.
  void pause() noexcept {
    if (turn_ >= spin_turns) return yield_thread();
    for (unsigned i = 0; i < (1U << turn_); ++i) cpu_pause();
    ++turn_;
  }

 private:
  /// 2^6 - 1 = 63 pauses, some 2 us on x86-64: far more than a claim-to-publish window lasts
  /// on a running core, far less than a time slice.
  static constexpr unsigned spin_turns = 6;
  unsigned turn_ = 0;
};

}  // namespace sluice::detail
