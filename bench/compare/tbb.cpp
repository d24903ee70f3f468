// Workloads of ../README.md on oneTBB: its blocking queue between OS threads, and its tasks.
//
// usage: tbb WORKLOAD WORKERS [PARAMETER]
//
// W3, W4, W5, W13: concurrent_bounded_queue, with capacity 128 or without a limit; what is a worker
// elsewhere is a CPU here. W1: empty tasks of a task_group, which cannot wait for messages, so
// the other workloads have no counterpart.
#include <oneapi/tbb/concurrent_queue.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <cstddef>
#include <cstdint>

#include "support/threads.hpp"

namespace {

using bench::measured;
using std::int64_t;
using std::size_t;
using queue = oneapi::tbb::concurrent_bounded_queue<int64_t>;

constexpr std::ptrdiff_t capacity = 128;
/// With many more threads than CPUs nearly each operation waits, some microseconds; its threads
/// spin before they sleep, so with 2000 of them a run does not end within minutes.
constexpr size_t few_threads = 16;
constexpr size_t most_threads = 250;

measured through(queue& items, size_t cpus, size_t putters, size_t getters) {
  if (putters + getters > most_threads) bench::cannot_run("tbb: too many threads that spin");
  const size_t messages = putters + getters <= few_threads ? 2'000'000 : 30'000;
  return bench::between_threads(
      cpus, putters, getters, bench::shortened(messages),
      [&items](size_t each) {
        for (size_t j = 1; j <= each; ++j) items.push(static_cast<int64_t>(j));
      },
      [&items](size_t share) {
        int64_t sum = 0;
        for (size_t j = 0; j < share; ++j) {
          int64_t item = 0;
          items.pop(item);
          sum += item;
        }
        return sum;
      });
}

measured shared_queue(size_t cpus, size_t n) {
  queue items;
  items.set_capacity(capacity);
  return through(items, cpus, n, n);
}

measured uneven_queue(size_t cpus, size_t putters) {
  queue items;
  items.set_capacity(capacity);
  return through(items, cpus, putters, 100 / putters);
}

measured unbounded_queue(size_t cpus, size_t n) {
  queue items;
  return through(items, cpus, n, n);
}

measured spawn_batches(size_t workers, size_t batch, size_t batches) {
  const oneapi::tbb::global_control limit(oneapi::tbb::global_control::max_allowed_parallelism,
                                          workers);
  oneapi::tbb::task_arena arena(static_cast<int>(workers));
  return arena.execute([batch, batches] {
    const auto start = bench::clock::now();
    for (size_t i = 0; i < batches; ++i) {
      oneapi::tbb::task_group group;
      for (size_t j = 0; j < batch; ++j) group.run([] {});
      group.wait();
    }
    return bench::per_operation(start, batch * batches, true);
  });
}

measured spawn_join(size_t workers, size_t batch) {
  return spawn_batches(workers, batch, (bench::shortened(6'000'000) + batch - 1) / batch);
}

measured spawn_at_once(size_t workers, size_t tasks) { return spawn_batches(workers, tasks, 1); }

}  // namespace

int main(int argc, char** argv) {
  return bench::run_workload(argc, argv,
                             {{"W1", "ns/op", 1000, spawn_join},
                              {"W1a", "ns/op", 1'000'000, spawn_at_once},
                              {"W3", "ns/op", 1, shared_queue},
                              {"W4", "ns/op", 8, shared_queue},
                              {"W5", "ns/op", 100, uneven_queue},
                              {"W13", "ns/op", 1, unbounded_queue}});
}
