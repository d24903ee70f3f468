// The floors of floors.hpp as rows of Google Benchmark, beside which the workloads are read.
//
// Each is a benchmark function; a program registers those that bound its workloads.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

#include "support/floors.hpp"
#include "support/futex_wake.hpp"
#include "support/measure.hpp"

namespace bench {

/// Runs a floor as often as the benchmark asks, so many operations at a time.
inline void report_floor(benchmark::State& state, std::size_t operations,
                         measured (*floor)(std::size_t operations)) {
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(operations))) {
    const measured result = floor(operations);
    if (!result.checked) {
      state.SkipWithError("the floor did not do what it should");
      return;
    }
    state.SetIterationTime(result.seconds);
  }
}

inline void raw_ring(benchmark::State& state) { report_floor(state, 1'000'000, floor_ring); }
inline void raw_fetch_add(benchmark::State& state) {
  report_floor(state, 1'000'000, floor_fetch_add);
}
inline void raw_compare_exchange(benchmark::State& state) {
  report_floor(state, 1'000'000, floor_compare_exchange);
}
inline void raw_context_switch(benchmark::State& state) {
  report_floor(state, 1'000'000, floor_context_switch);
}
inline void raw_thread(benchmark::State& state) { report_floor(state, 100, floor_thread); }
inline void raw_first_touch(benchmark::State& state) {
  report_floor(state, 10'000, floor_first_touch);
}

/// Wakes of a sleeping thread through a futex: median and 99th percentile as counters.
inline void raw_futex_wake(benchmark::State& state) {
  for ([[maybe_unused]] auto step : state) {
    std::vector<double> latencies = futex_wake_latencies(wake_rounds * wakes_a_round);
    const double median = percentile(latencies, 0.50);
    state.SetIterationTime(median / 1e6);
    state.counters["p50_us"] = median;
    state.counters["p99_us"] = percentile(latencies, 0.99);
  }
}

}  // namespace bench
