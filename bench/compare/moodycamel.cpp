// W13 of ../README.md on moodycamel's blocking concurrent queue, between OS threads.
//
// usage: moodycamel W13 CPUS [PARAMETER]
//
// n putting and n getting threads share one queue, each with a token, the queue's faster way. What
// is a worker elsewhere is a CPU here: the process runs on that many. The queue cannot be closed,
// so each getter knows how many items to take. It keeps the order of each putter only.
#include <concurrentqueue/blockingconcurrentqueue.h>
#include <sched.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "support/measure.hpp"

namespace {

using bench::measured;
using queue = moodycamel::BlockingConcurrentQueue<std::int64_t>;

/// Leaves this process the first `count` of its CPUs.
bool run_on_cpus(std::size_t count) {
  cpu_set_t own;
  cpu_set_t chosen;
  CPU_ZERO(&chosen);
  if (sched_getaffinity(0, sizeof own, &own) != 0) return false;
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE && count > 0; ++cpu) {
    if (!CPU_ISSET(cpu, &own)) continue;
    CPU_SET(cpu, &chosen);
    --count;
  }
  return count == 0 && sched_setaffinity(0, sizeof chosen, &chosen) == 0;
}

measured unbounded_channel(std::size_t cpus, std::size_t n) {
  if (!run_on_cpus(cpus)) {
    std::fprintf(stderr, "moodycamel: there are not %zu CPUs to run on\n", cpus);
    std::exit(2);
  }
  const std::size_t each = 10'000'000 / n;
  queue items;
  std::vector<std::thread> threads;
  std::vector<std::int64_t> sums(n);
  const auto start = bench::clock::now();
  for (std::size_t i = 0; i < n; ++i) {
    threads.emplace_back([&items, each, &total = sums[i]] {
      moodycamel::ConsumerToken token(items);
      std::int64_t sum = 0;
      for (std::size_t j = 0; j < each; ++j) {
        std::int64_t item = 0;
        items.wait_dequeue(token, item);
        sum += item;
      }
      total = sum;
    });
    threads.emplace_back([&items, each] {
      const moodycamel::ProducerToken token(items);
      for (std::size_t j = 1; j <= each; ++j) items.enqueue(token, static_cast<std::int64_t>(j));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::int64_t sum = 0;
  for (const std::int64_t part : sums) sum += part;
  const std::int64_t expected =
      static_cast<std::int64_t>(n) * bench::sum_to(static_cast<std::int64_t>(each));
  return bench::per_operation(start, n * each, sum == expected);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_workload(argc, argv, {{"W13", "ns/op", 1, unbounded_channel}});
}
