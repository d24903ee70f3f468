// W3 and W4 of ../README.md on atomic_queue, the fastest of the queues that never wait.
//
// usage: atomic_queue WORKLOAD CPUS [PARAMETER]
//
// Threads that find the queue full or empty spin, and give up their CPU now and then: it has no
// other way to wait, and no way to be closed. Such threads need a CPU each; with 100 of them on a
// few CPUs it would only show how long a time slice is, so n is 8 at most.
#include <atomic_queue/atomic_queue.h>
#include <sched.h>

#include <cstddef>
#include <cstdint>

#include "support/threads.hpp"

namespace {

using bench::measured;
using std::int64_t;

constexpr std::size_t most_threads = 8;
/// So often an operation is tried before the thread lets others run: with as many threads as CPUs
/// the other side answers sooner.
constexpr int tries = 100;

// 0 marks an empty slot: the numbers begin with 1.
using queue = atomic_queue::AtomicQueue<int64_t, 128, 0>;

/// Until `attempt` succeeds.
template <class F>
void insist(F attempt) {
  for (int left = tries; !attempt(); --left) {
    if (left > 0) {
      atomic_queue::spin_loop_pause();
      continue;
    }
    sched_yield();
    left = tries;
  }
}

measured shared_queue(std::size_t cpus, std::size_t n) {
  if (n > most_threads) bench::cannot_run("atomic_queue: only spins, so 8 threads a side at most");
  queue items;
  return bench::between_threads(
      cpus, n, n, bench::shortened(10'000'000),
      [&items](std::size_t each) {
        for (std::size_t j = 1; j <= each; ++j) {
          insist([&] { return items.try_push(static_cast<int64_t>(j)); });
        }
      },
      [&items](std::size_t share) {
        int64_t sum = 0;
        for (std::size_t j = 0; j < share; ++j) {
          int64_t item = 0;
          insist([&] { return items.try_pop(item); });
          sum += item;
        }
        return sum;
      });
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_workload(argc, argv,
                             {{"W3", "ns/op", 1, shared_queue}, {"W4", "ns/op", 8, shared_queue}});
}
