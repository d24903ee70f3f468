// What the primitives cost where nobody waits, beside those of the standard library.
//
// A second thread sleeps all the time: with only one in the process the C library locks without
// atomic instructions, which no program that uses this library can have.
#include <benchmark/benchmark.h>

#include <condition_variable>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <thread>

#include "sluice/condition_variable.hpp"
#include "sluice/mutex.hpp"
#include "sluice/semaphore.hpp"
#include "sluice/shared_mutex.hpp"

namespace {

template <class Mutex>
void lock_and_unlock(benchmark::State& state) {
  Mutex m;
  for ([[maybe_unused]] auto step : state) {
    m.lock();
    benchmark::DoNotOptimize(&m);
    m.unlock();
  }
}

template <class Mutex>
void lock_and_unlock_shared(benchmark::State& state) {
  Mutex m;
  for ([[maybe_unused]] auto step : state) {
    m.lock_shared();
    benchmark::DoNotOptimize(&m);
    m.unlock_shared();
  }
}

template <class Semaphore>
void acquire_and_release(benchmark::State& state) {
  Semaphore permits(1);
  for ([[maybe_unused]] auto step : state) {
    permits.acquire();
    benchmark::DoNotOptimize(&permits);
    permits.release();
  }
}

template <class Condition>
void notify_nobody(benchmark::State& state) {
  Condition condition;
  for ([[maybe_unused]] auto step : state) {
    condition.notify_one();
    benchmark::DoNotOptimize(&condition);
  }
}

BENCHMARK_TEMPLATE(lock_and_unlock, std::mutex)->Name("std/mutex");
BENCHMARK_TEMPLATE(lock_and_unlock, sluice::mutex)->Name("sluice/mutex");
BENCHMARK_TEMPLATE(lock_and_unlock_shared, std::shared_mutex)->Name("std/shared_mutex/shared");
BENCHMARK_TEMPLATE(lock_and_unlock_shared, sluice::shared_mutex)
    ->Name("sluice/shared_mutex/shared");
BENCHMARK_TEMPLATE(acquire_and_release, std::counting_semaphore<>)->Name("std/semaphore");
BENCHMARK_TEMPLATE(acquire_and_release, sluice::counting_semaphore<>)->Name("sluice/semaphore");
BENCHMARK_TEMPLATE(notify_nobody, std::condition_variable)->Name("std/notify_nobody");
BENCHMARK_TEMPLATE(notify_nobody, sluice::condition_variable)->Name("sluice/notify_nobody");

}  // namespace

int main(int argc, char** argv) {
  std::binary_semaphore over(0);
  std::thread other([&] { over.acquire(); });
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  over.release();
  other.join();
}
