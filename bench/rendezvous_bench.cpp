// W2, W7: hand-over without a buffer, there and back between two fibers and around a ring.
//
// Beside: a bare context switch (a round trip needs two, a hop one), a compare-and-swap.
#include "support/messages.hpp"
#include "support/raw_limits.hpp"
#include "support/report.hpp"

namespace {

bench::measured two_fibers(std::size_t workers, std::size_t, std::size_t rounds) {
  return bench::ping_pong(workers, rounds);
}
void ping_pong(benchmark::State& state) { bench::report_operations(state, 200'000, two_fibers); }
void token_ring(benchmark::State& state) {
  bench::report_operations(state, 503'000, bench::token_ring);
}

BENCHMARK(bench::raw_context_switch)->Name("raw/context_switch");
BENCHMARK(bench::raw_compare_exchange)->Name("raw/compare_exchange");
BENCHMARK(ping_pong)
    ->Name("W2/ping_pong")
    ->ArgNames({"workers", "fibers"})
    ->ArgsProduct({{1, 2}, {2}})
    ->UseManualTime();
BENCHMARK(token_ring)
    ->Name("W7/token_ring")
    ->ArgNames({"workers", "fibers"})
    ->ArgsProduct({{1, 2}, {503}})
    ->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
