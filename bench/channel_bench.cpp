// W3, W4, W13: n putters and n getters on one channel, of capacity 128 and unbounded.
//
// Beside: put and get on the bare ring by one thread, the atomic operations that each side needs.
#include "support/messages.hpp"
#include "support/raw_limits.hpp"
#include "support/report.hpp"

namespace {

void shared_channel(benchmark::State& state) {
  bench::report_operations(state, 1'000'000, bench::shared_channel);
}
void unbounded_channel(benchmark::State& state) {
  bench::report_operations(state, 1'000'000, bench::unbounded_channel);
}

BENCHMARK(bench::raw_ring)->Name("raw/ring");
BENCHMARK(bench::raw_fetch_add)->Name("raw/fetch_add");
BENCHMARK(bench::raw_compare_exchange)->Name("raw/compare_exchange");
BENCHMARK(shared_channel)
    ->Name("W3/one_to_one")
    ->ArgNames({"workers", "n"})
    ->ArgsProduct({{1, 2}, {1}})
    ->UseManualTime();
BENCHMARK(shared_channel)
    ->Name("W4/n_to_n")
    ->ArgNames({"workers", "n"})
    ->ArgsProduct({{1, 2}, {2, 8, 100, 1000}})
    ->UseManualTime();
BENCHMARK(unbounded_channel)
    ->Name("W13/unbounded")
    ->ArgNames({"workers", "n"})
    ->ArgsProduct({{1, 2}, {1, 8}})
    ->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
