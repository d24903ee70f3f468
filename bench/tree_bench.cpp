// W8, W9: a tree of a million leaves, and a prime sieve of a thousand filters; the whole of each.
//
// Beside: a bare context switch, and the first touch of a page for the stack of a new fiber.
#include "support/raw_limits.hpp"
#include "support/report.hpp"
#include "support/trees.hpp"

namespace {

void tree(benchmark::State& state) { bench::report_whole(state, bench::tree); }
void prime_sieve(benchmark::State& state) {
  bench::report_whole(
      state, [](std::size_t workers, std::size_t n) { return bench::prime_sieve(workers, n, 1); });
}

BENCHMARK(bench::raw_context_switch)->Name("raw/context_switch");
BENCHMARK(bench::raw_first_touch)->Name("raw/first_touch")->UseManualTime();
BENCHMARK(tree)
    ->Name("W8/tree")
    ->ArgNames({"workers", "leaves"})
    ->ArgsProduct({{1, 2}, {1'000'000}})
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime();
BENCHMARK(prime_sieve)
    ->Name("W9/prime_sieve")
    ->ArgNames({"workers", "primes"})
    ->ArgsProduct({{1, 2}, {1000}})
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
