// W6: a pipeline of 100 stages, with channels of capacity 0 (rendezvous), 1 and 128.
//
// Beside: put and get on the bare ring by one thread, a bare context switch.
#include "support/messages.hpp"
#include "support/raw_limits.hpp"
#include "support/report.hpp"

namespace {

/// An operation is a message through one of the 101 channels.
void pipeline(benchmark::State& state) {
  bench::report_operations(state, 101 * 5000,
                           [](std::size_t workers, std::size_t capacity, std::size_t hops) {
                             return bench::pipeline(workers, capacity, hops / 101);
                           });
}

BENCHMARK(bench::raw_ring)->Name("raw/ring");
BENCHMARK(bench::raw_context_switch)->Name("raw/context_switch");
BENCHMARK(pipeline)
    ->Name("W6/pipeline")
    ->ArgNames({"workers", "capacity"})
    ->ArgsProduct({{1, 2}, {0, 1, 128}})
    ->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
