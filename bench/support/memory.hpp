// What things take in memory: channels, tasks that have not run, a backlog, stacks; and what is
// given back. Resident memory and page tables, so a process measures one thing once.
//
// See messages.hpp.
#pragma once

#include <malloc.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <sluice/sluice.hpp>
#include <string>
#include <utility>
#include <vector>

#include "support/growth.hpp"
#include "support/measure.hpp"
#include "support/messages.hpp"

namespace bench {

/// n empty channels: bytes of each, its handle included.
template <class Make>
double channels_of_a_kind(std::vector<numbers>& all, std::size_t n, Make make) {
  const double before = resident_bytes();
  for (std::size_t i = 0; i < n; ++i) all.push_back(make());
  return (resident_bytes() - before) / static_cast<double>(n);
}

/// The value is a rendezvous channel's; the other kinds stand beside it. All stay until the end.
inline measured channel_memory(std::size_t workers, std::size_t n) {
  return on_workers(workers, [n] {
    std::vector<numbers> all;
    all.reserve(4 * n);
    measured result{.operations = 1, .seconds = 1};
    result.value = channels_of_a_kind(all, n, [] { return numbers{sluice::rendezvous}; });
    const double one = channels_of_a_kind(all, n, [] { return numbers{1}; });
    const double many = channels_of_a_kind(all, n, [] { return numbers{128}; });
    const double any = channels_of_a_kind(all, n, [] { return numbers{sluice::unbounded}; });
    result.more = {
        {"capacity_1_bytes", one}, {"capacity_128_bytes", many}, {"unbounded_bytes", any}};
    number sum = 0;
    for (std::size_t i = n; i < 4 * n; ++i) {
      all[i] << 1;
      sum += all[i].get();
    }
    result.checked = sum == static_cast<number>(3 * n);
    return result;
  });
}

/// n tasks that were spawned and have not begun, on one worker: bytes of each, its handle included.
inline measured task_memory(std::size_t workers, std::size_t n) {
  if (workers != 1) cannot_run("another worker would begin them");
  return on_workers(workers, [n] {
    std::vector<sluice::task<void>> all;
    all.reserve(n);
    std::atomic<std::size_t> run{0};
    const double before = resident_bytes();
    // order: relaxed, a count
    for (std::size_t i = 0; i < n; ++i) {
      all.push_back(sluice::go([&run] { run.fetch_add(1, std::memory_order_relaxed); }));
    }
    const double grown = resident_bytes() - before;
    // order: relaxed, nothing but this fiber has run
    const bool none_ran = run.load(std::memory_order_relaxed) == 0;
    for (auto& one : all) one.join();
    // order: relaxed, the joins come after all of them
    const bool all_ran = run.load(std::memory_order_relaxed) == n;
    return measured{.operations = 1,
                    .seconds = 1,
                    .checked = none_ran && all_ran,
                    .value = grown / static_cast<double>(n)};
  });
}

/// An unbounded channel with a backlog of n numbers: bytes of each; `left` is the memory of the
/// process after the backlog is gone, by that before it, and `left_trimmed` when the allocator has
/// given back what it holds: what the channel itself keeps.
inline measured backlog_memory(std::size_t workers, std::size_t n) {
  return on_workers(workers, [n] {
    const numbers ch{sluice::unbounded};
    const double before = resident_bytes();
    for (std::size_t i = 1; i <= n; ++i) ch << static_cast<number>(i);
    const double grown = resident_bytes() - before;
    number sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += ch.get();
    const double left = resident_bytes() / before;
    malloc_trim(0);
    return measured{.operations = 1,
                    .seconds = 1,
                    .checked = sum == sum_to(static_cast<number>(n)),
                    .value = grown / static_cast<double>(n),
                    .more = {{"left", left}, {"left_trimmed", resident_bytes() / before}}};
  });
}

/// n fibers that wait at once and end: the bytes of each while they wait; `left` is the memory of
/// the process when all have ended, by that before them, and `left_later` a second later.
inline measured stack_memory(std::size_t workers, std::size_t n) {
  return on_workers(workers, [n] {
    std::vector<sluice::task<void>> all(n);
    starting_line line;
    const double before = resident_bytes();
    for (auto& one : all) one = sluice::go([&line] { line.stand_ready(); });
    line.wait_for(n);
    const double grown = resident_bytes() - before;
    line.start(n);
    for (auto& one : all) one.join();
    all.clear();
    const double left = resident_bytes() / before;
    sluice::this_fiber::sleep_for(std::chrono::seconds(1));
    return measured{.operations = 1,
                    .seconds = 1,
                    .checked = true,
                    .value = grown / static_cast<double>(n),
                    .more = {{"left", left}, {"left_later", resident_bytes() / before}}};
  });
}

}  // namespace bench
