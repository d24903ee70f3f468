// Workloads of ../../README.md on marl's scheduler.
//
// usage: marl WORKLOAD WORKERS [PARAMETER [DIVISOR]]
//
// One worker: the main thread, which runs tasks whenever it waits; marl's faster way. Two and more:
// its worker threads, and the workload is a task on one of them. It has no channels, and tasks are
// counted by a WaitGroup instead of joined. A task that never waits gets no stack of its own.
#include <marl/scheduler.h>
#include <marl/waitgroup.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "support/measure.hpp"

namespace {

using bench::measured;
using std::size_t;

/// Runs `f` on a scheduler of its own with that many workers.
template <class F>
measured on_workers(size_t workers, F f) {
  const int threads = workers == 1 ? 0 : static_cast<int>(workers);
  marl::Scheduler scheduler(marl::Scheduler::Config().setWorkerThreadCount(threads));
  scheduler.bind();
  measured result;
  if (threads == 0) {
    result = f();
  } else {
    const marl::WaitGroup done(1);
    marl::schedule([&] {
      result = f();
      done.done();
    });
    done.wait();
  }
  marl::Scheduler::unbind();
  return result;
}

measured spawn_batches(size_t workers, size_t batch, size_t batches) {
  return on_workers(workers, [batch, batches] {
    const auto start = bench::clock::now();
    for (size_t i = 0; i < batches; ++i) {
      // A task that refers to it fits into a std::function without an allocation; a copy does not.
      const marl::WaitGroup running(static_cast<unsigned>(batch));
      for (size_t j = 0; j < batch; ++j) marl::schedule([&running] { running.done(); });
      running.wait();
    }
    return bench::per_operation(start, batch * batches, true);
  });
}

// W1: spawn and join empty tasks in batches.
measured spawn_join(size_t workers, size_t batch) {
  return spawn_batches(workers, batch, (bench::shortened(6'000'000) + batch - 1) / batch);
}

// W1a: the same, all at once.
measured spawn_at_once(size_t workers, size_t tasks) { return spawn_batches(workers, tasks, 1); }

// W12: marl has no yield. Each of n fibers notifies the next one in a ring and waits: an operation
// is one switch. Only within one worker, since a wait without a lock may miss a notification from
// another thread.
measured yields(size_t workers, size_t n) {
  if (workers != 1) bench::cannot_run("marl: no yield; a hand-over within one worker only");
  return on_workers(workers, [n] {
    using fiber = marl::Scheduler::Fiber;
    const size_t laps = bench::shortened(10'000'000) / n;
    std::vector<fiber*> ring(n);
    std::vector<size_t> switched(n);
    size_t begun = 0;
    const marl::WaitGroup running(static_cast<unsigned>(n));
    const auto start = bench::clock::now();
    for (size_t i = 0; i < n; ++i) {
      marl::schedule([&, i] {
        ring[i] = fiber::current();
        if (++begun < n) fiber::current()->wait();
        fiber* const next = ring[(i + 1) % n];
        for (; switched[i] < laps; ++switched[i]) {
          next->notify();
          fiber::current()->wait();
        }
        next->notify();
        running.done();
      });
    }
    running.wait();
    const auto all = [laps](size_t each) { return each == laps; };
    return bench::per_operation(start, n * laps,
                                std::all_of(switched.begin(), switched.end(), all));
  });
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_workload(argc, argv,
                             {{"W1", "ns/op", 1000, spawn_join},
                              {"W1a", "ns/op", 1'000'000, spawn_at_once},
                              {"W12", "ns/op", 2, yields, 2}});
}
