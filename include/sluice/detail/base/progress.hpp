// What a thread has got done and what got in its way, counted where others can read it: the
// scheduler judges by it on how many workers fine fibers run (sched/spread.hpp).
#pragma once

#include <cstdint>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

/// Written by one thread.
struct progress {
  /// Items that have gone through buffered channels, counted late and about.
  atomic<std::uint64_t> moved{0};
  /// Races for the lines of a channel that were lost.
  atomic<std::uint64_t> lost{0};
  /// Turns until the thread looks around; soon, where it has lost many races. Its own.
  std::uint32_t look_in = 0;
  /// What to call after so many items: fibers that never wait take no turns.
  void (*call)() noexcept = nullptr;
  std::uint64_t call_at = items_between_calls;

  static constexpr std::uint64_t many = 32;
  static constexpr std::uint64_t items_between_calls = 8192;
};

/// From now on this thread counts there; null, as at first: nowhere.
void count_progress_in(progress* mine) noexcept;

SLUICE_API void count_moved(std::uint64_t items) noexcept;
void count_lost_race() noexcept;

}  // namespace sluice::detail
