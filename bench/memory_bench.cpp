// W11: a hundred thousand and a million fibers, each parked on a channel of its own.
//
// The counters say how many bytes each takes (growth of resident memory and page tables, the
// channels counted apart) and the time to create and to wake each. Memory that the process kept
// from an earlier run would be missing from the growth, so each run begins by giving it back.
// Beside: the first touch of a page, of which each stack needs one.
#include <malloc.h>

#include "support/fibers.hpp"
#include "support/raw_limits.hpp"
#include "support/report.hpp"

namespace {

void parked_fibers(benchmark::State& state) {
  malloc_trim(0);
  bench::report_whole(state, bench::parked_fibers, "bytes_each");
}

BENCHMARK(bench::raw_first_touch)->Name("raw/first_touch")->UseManualTime();
BENCHMARK(parked_fibers)
    ->Name("W11/parked_fibers")
    ->ArgNames({"workers", "fibers"})
    ->ArgsProduct({{1, 2}, {100'000, 1'000'000}})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1)
    ->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
