// For the rivals in compare/ whose strands are OS threads: putting and getting threads around one
// queue, on a number of CPUs. Standard library and Linux only.
#pragma once

#include <sched.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <thread>
#include <vector>

#include "support/measure.hpp"

namespace bench {

/// Leaves this process the first `count` of its CPUs: what is a worker elsewhere is a CPU here.
/// Ends the process if there are fewer.
inline void run_on_cpus(std::size_t count) {
  cpu_set_t own;
  cpu_set_t chosen;
  CPU_ZERO(&chosen);
  std::size_t left = count;
  if (sched_getaffinity(0, sizeof own, &own) == 0) {
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE && left > 0; ++cpu) {
      if (!CPU_ISSET(cpu, &own)) continue;
      CPU_SET(cpu, &chosen);
      --left;
    }
  }
  if (left > 0 || sched_setaffinity(0, sizeof chosen, &chosen) != 0) {
    std::fprintf(stderr, "there are not %zu CPUs to run on\n", count);
    std::exit(2);
  }
}

/// Threads on that many CPUs, which exchange `messages` numbers; an operation is a message.
/// `put_all(n)` puts 1 .. n, `get_all(n)` takes n numbers and returns their sum: the queues cannot
/// be closed, so each getter knows how many to take.
template <class Put, class Get>
measured between_threads(std::size_t cpus, std::size_t putters, std::size_t getters,
                         std::size_t messages, Put put_all, Get get_all) {
  run_on_cpus(cpus);
  const std::size_t each = std::max<std::size_t>(messages / putters / getters, 1) * getters;
  std::vector<std::thread> threads;
  std::vector<std::int64_t> sums(getters);
  const auto start = clock::now();
  for (std::size_t i = 0; i < getters; ++i) {
    threads.emplace_back(
        [&get_all, &total = sums[i], share = each * putters / getters] { total = get_all(share); });
  }
  for (std::size_t i = 0; i < putters; ++i) {
    threads.emplace_back([&put_all, each] { put_all(each); });
  }
  for (std::thread& thread : threads) thread.join();
  const auto sum = std::accumulate(sums.begin(), sums.end(), std::int64_t{0});
  const auto expected =
      static_cast<std::int64_t>(putters) * sum_to(static_cast<std::int64_t>(each));
  return per_operation(start, putters * each, sum == expected);
}

}  // namespace bench
