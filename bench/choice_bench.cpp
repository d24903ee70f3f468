// W5, W10, W10b, W14: uneven sides, select, messages between pieces of local work; and waits of a
// selector over up to a thousand channels.
//
// Beside: put and get on the bare ring by one thread, and the local work alone.
#include "support/choices.hpp"
#include "support/raw_limits.hpp"
#include "support/report.hpp"

namespace {

void raw_local_work(benchmark::State& state) {
  std::uint64_t random = 1;
  for ([[maybe_unused]] auto step : state) random = bench::local_work(random);
  benchmark::DoNotOptimize(random);
}
void uneven(benchmark::State& state) {
  bench::report_operations(state, 1'000'000, bench::uneven_channel);
}
void select_rendezvous(benchmark::State& state) {
  bench::report_operations(state, 400'000, bench::selecting_rendezvous);
}
void select_buffered(benchmark::State& state) {
  bench::report_operations(state, 400'000, bench::selecting_buffered);
}
void selector_ready(benchmark::State& state) {
  bench::report_operations(state, 20'000, bench::selector_ready);
}
void selector_parked(benchmark::State& state) {
  bench::report_operations(state, 20'000, bench::selector_parked);
}
void work_rendezvous(benchmark::State& state) {
  bench::report_operations(state, 400'000, bench::working_rendezvous);
}
void work_buffered(benchmark::State& state) {
  bench::report_operations(state, 400'000, bench::working_buffered);
}

BENCHMARK(bench::raw_ring)->Name("raw/ring");
BENCHMARK(raw_local_work)->Name("raw/local_work");
BENCHMARK(uneven)
    ->Name("W5/uneven")
    ->ArgNames({"workers", "putters"})
    ->ArgsProduct({{1, 2}, {100, 1}})
    ->UseManualTime();
BENCHMARK(select_rendezvous)
    ->Name("W10/select")
    ->ArgNames({"workers", "channels"})
    ->ArgsProduct({{1, 2}, {2, 8}})
    ->UseManualTime();
BENCHMARK(select_buffered)
    ->Name("W10b/select_128")
    ->ArgNames({"workers", "channels"})
    ->ArgsProduct({{1, 2}, {2, 8}})
    ->UseManualTime();
BENCHMARK(selector_ready)
    ->Name("selector/ready")
    ->ArgNames({"workers", "channels"})
    ->ArgsProduct({{1}, {1, 10, 100, 1000}})
    ->UseManualTime();
BENCHMARK(selector_parked)
    ->Name("selector/parked")
    ->ArgNames({"workers", "channels"})
    ->ArgsProduct({{1}, {1, 10, 100, 1000}})
    ->UseManualTime();
BENCHMARK(work_rendezvous)
    ->Name("W14/work")
    ->ArgNames({"workers", "fibers"})
    ->ArgsProduct({{1, 2}, {2, 1000}})
    ->UseManualTime();
BENCHMARK(work_buffered)
    ->Name("W14b/work_64")
    ->ArgNames({"workers", "fibers"})
    ->ArgsProduct({{1, 2}, {2, 1000}})
    ->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
