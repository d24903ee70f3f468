// W1, W1a, W12: spawning and joining fibers, switching between them by yield.
//
// Beside: a bare context switch (a spawned fiber needs two), an OS thread started and joined.
#include "support/fibers.hpp"
#include "support/raw_limits.hpp"
#include "support/report.hpp"

namespace {

void spawn_join(benchmark::State& state) {
  bench::report_operations(state, 200'000, bench::spawn_join);
}
void spawn_at_once(benchmark::State& state) {
  bench::report_operations(state, bench::argument(state, 1), bench::spawn_join);
}
void yields(benchmark::State& state) { bench::report_operations(state, 1'000'000, bench::yields); }

BENCHMARK(bench::raw_context_switch)->Name("raw/context_switch");
BENCHMARK(bench::raw_thread)->Name("raw/thread")->UseRealTime();
BENCHMARK(spawn_join)
    ->Name("W1/spawn_join")
    ->ArgNames({"workers", "batch"})
    ->ArgsProduct({{1, 2}, {1000}})
    ->UseManualTime();
BENCHMARK(spawn_at_once)
    ->Name("W1a/spawn_at_once")
    ->ArgNames({"workers", "fibers"})
    ->ArgsProduct({{1, 2}, {1'000'000}})
    ->UseManualTime();
BENCHMARK(yields)
    ->Name("W12/yield")
    ->ArgNames({"workers", "fibers"})
    ->ArgsProduct({{1, 2}, {2, 1000}})
    ->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
