// Time limits that are not reached, beside operations without; crowds of waits that end at once by
// a close, by stops, by their time limits; the shares of eight getters.
//
// Beside: what the machine takes for the same at least (support/cold.hpp).
#include "support/cold.hpp"
#include "support/crowds.hpp"
#include "support/raw_limits.hpp"
#include "support/report.hpp"

namespace {

using bench::came;
using bench::limited;

constexpr std::size_t crowd_size = 100'000;

void raw_clock(benchmark::State& state) {
  bench::report_floor(state, 1'000'000, bench::floor_clock);
}
template <came How>
void raw_cold_switch(benchmark::State& state) {
  bench::report_floor(state, crowd_size, bench::floor_cold_switch<How>);
}
template <came How>
void raw_cold_end(benchmark::State& state) {
  bench::report_floor(state, crowd_size, bench::floor_cold_end<How>);
}
template <int Frames>
void raw_exception(benchmark::State& state) {
  bench::report_floor(state, crowd_size, bench::floor_throw<Frames>);
}
template <came How, int Frames>
void raw_cold_exception(benchmark::State& state) {
  bench::report_floor(state, crowd_size, bench::floor_cold_throw<How, Frames>);
}

template <limited Which>
void messages(benchmark::State& state) {
  bench::report_operations(state, 1'000'000, bench::limited_messages<Which>);
}

/// A crowd of `n` waits: an iteration is one of them.
void report_crowd(benchmark::State& state, bench::measured (*run)(std::size_t, std::size_t)) {
  const std::size_t n = bench::argument(state, 1);
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(n))) {
    const bench::measured result = run(bench::argument(state, 0), n);
    if (!result.checked) {
      state.SkipWithError("a wait has ended otherwise than it should");
      return;
    }
    state.SetIterationTime(result.seconds);
  }
}
void closed(benchmark::State& state) { report_crowd(state, bench::closed_crowd); }
void stopped(benchmark::State& state) { report_crowd(state, bench::stopped_crowd); }
void timed_out(benchmark::State& state) { report_crowd(state, bench::timed_out_crowd); }

/// `run(messages)` is a bench::sharing.
template <class F>
void report_shares(benchmark::State& state, std::size_t messages, F run) {
  double worst = 0;
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(messages))) {
    const bench::measured result = run(messages);
    if (!result.checked) {
      state.SkipWithError("a message was lost or doubled");
      return;
    }
    state.SetIterationTime(result.seconds);
    worst = std::max(worst, result.more.front().second);
  }
  state.counters["spread"] = worst;
}
void shares(benchmark::State& state) {
  report_shares(state, 1'000'000, [&](std::size_t messages) {
    return bench::sharing(bench::argument(state, 0), bench::argument(state, 1), messages);
  });
}
void shares_of_backlog(benchmark::State& state) {
  report_shares(state, bench::argument(state, 1), [&](std::size_t messages) {
    return bench::sharing(bench::argument(state, 0), bench::numbers::no_limit, messages,
                          bench::supply::before);
  });
}

void limits(benchmark::internal::Benchmark* row) {
  row->ArgNames({"workers", "capacity"})->ArgsProduct({{1}, {-1, 128, 0}})->UseManualTime();
}
void crowds(benchmark::internal::Benchmark* row) {
  row->ArgNames({"workers", "fibers"})->ArgsProduct({{1, 2}, {crowd_size}})->UseManualTime();
}

BENCHMARK(raw_clock)->Name("raw/clock")->UseManualTime();
BENCHMARK_TEMPLATE(raw_exception, 0)->Name("raw/exception/frames:0")->UseManualTime();
BENCHMARK_TEMPLATE(raw_exception, 1)->Name("raw/exception/frames:1")->UseManualTime();
BENCHMARK_TEMPLATE(raw_exception, 2)->Name("raw/exception/frames:2")->UseManualTime();
BENCHMARK_TEMPLATE(raw_cold_switch, came::in_order)->Name("raw/cold_switch")->UseManualTime();
BENCHMARK_TEMPLATE(raw_cold_switch, came::anyhow)->Name("raw/cold_switch/anyhow")->UseManualTime();
BENCHMARK_TEMPLATE(raw_cold_end, came::in_order)->Name("raw/cold_end")->UseManualTime();
BENCHMARK_TEMPLATE(raw_cold_end, came::anyhow)->Name("raw/cold_end/anyhow")->UseManualTime();
BENCHMARK_TEMPLATE(raw_cold_exception, came::in_order, 0)
    ->Name("raw/cold_exception/frames:0")
    ->UseManualTime();
BENCHMARK_TEMPLATE(raw_cold_exception, came::in_order, 1)
    ->Name("raw/cold_exception/frames:1")
    ->UseManualTime();
BENCHMARK_TEMPLATE(raw_cold_exception, came::anyhow, 1)
    ->Name("raw/cold_exception/anyhow/frames:1")
    ->UseManualTime();
BENCHMARK_TEMPLATE(messages, limited::neither)->Name("limit/none")->Apply(limits);
BENCHMARK_TEMPLATE(messages, limited::getter)->Name("limit/get_for")->Apply(limits);
BENCHMARK_TEMPLATE(messages, limited::putter)->Name("limit/put_for")->Apply(limits);
BENCHMARK(closed)->Name("crowd/closed")->Apply(crowds);
BENCHMARK(stopped)->Name("crowd/stopped")->Apply(crowds);
BENCHMARK(timed_out)->Name("crowd/timed_out")->Apply(crowds);
BENCHMARK(shares)
    ->Name("shares")
    ->ArgNames({"workers", "capacity"})
    ->ArgsProduct({{1, 2, 4}, {0, 1, 7, 128, -1}})
    ->UseManualTime();
BENCHMARK(shares_of_backlog)
    ->Name("shares/backlog")
    ->ArgNames({"workers", "messages"})
    ->ArgsProduct({{1, 2, 4}, {5'000'000, 20'000'000}})
    ->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
