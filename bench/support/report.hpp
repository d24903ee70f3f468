// From a workload to a row of Google Benchmark.
//
// The Time column is one operation, as the workload clocked it itself: what it sets up before and
// takes down afterwards does not count. The raw limits in the same program can be compared line
// by line. The first argument of a benchmark is the number of workers, the second its parameter.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>

#include "support/measure.hpp"

namespace bench {

inline std::size_t argument(const benchmark::State& state, std::size_t index) {
  return static_cast<std::size_t>(state.range(index));
}

/// A workload that counts operations: each run of it is a batch of that many.
inline void report_operations(benchmark::State& state, std::size_t operations,
                              measured (*run)(std::size_t workers, std::size_t parameter,
                                              std::size_t operations)) {
  const auto batch = static_cast<benchmark::IterationCount>(operations);
  while (state.KeepRunningBatch(batch)) {
    const measured result = run(argument(state, 0), argument(state, 1), operations);
    if (!result.checked) {
      state.SkipWithError("a message was lost or doubled");
      return;
    }
    // A body that rounds the number has made a few more or less.
    state.SetIterationTime(result.seconds / result.operations * static_cast<double>(operations));
  }
}

/// A workload that is one thing as a whole, with further figures as counters.
inline void report_whole(benchmark::State& state,
                         measured (*run)(std::size_t workers, std::size_t parameter),
                         const char* value_name = nullptr) {
  for ([[maybe_unused]] auto step : state) {
    const measured result = run(argument(state, 0), argument(state, 1));
    if (!result.checked) {
      state.SkipWithError("a message was lost or doubled");
      return;
    }
    state.SetIterationTime(result.seconds);
    if (value_name != nullptr) state.counters[value_name] = result.value;
    for (const auto& [name, figure] : result.more) state.counters[name] = figure;
  }
}

}  // namespace bench
