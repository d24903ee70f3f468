// W15: what 10,000 parked fibers cost while nothing happens, and how long a thread's put takes to
// wake a fiber whose worker sleeps.
//
// The Time column is the processor time used in 2 s. Beside, also sampled in turns with the wakes
// within the same run: the wake of a bare thread through a futex.
#include "support/fibers.hpp"
#include "support/raw_limits.hpp"
#include "support/report.hpp"

namespace {

void idle(benchmark::State& state) { bench::report_whole(state, bench::idle); }

BENCHMARK(bench::raw_futex_wake)
    ->Name("raw/futex_wake")
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(1)
    ->UseManualTime();
BENCHMARK(idle)
    ->Name("W15/idle_and_wake")
    ->ArgNames({"workers", "fibers"})
    ->ArgsProduct({{1, 2}, {10'000}})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1)
    ->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
