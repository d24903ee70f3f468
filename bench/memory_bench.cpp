// W11: a hundred thousand and a million fibers, each parked on a channel of its own.
//
// The counters say how many bytes each takes (growth of resident memory and page tables, the
// channels counted apart) and the time to create and to wake each. A process may keep memory for
// later, which a second measurement would not see grow: each runs in a process of its own, which
// is this program with the arguments --once WORKERS FIBERS.
// Beside: the first touch of a page, of which each stack needs one.
#include <cstdio>
#include <string>

#include "support/fibers.hpp"
#include "support/raw_limits.hpp"
#include "support/report.hpp"

namespace {

/// What the process that measures prints for the one that reports.
constexpr const char* line = "%la %la %la %la %d";

int measure_once(const char* workers, const char* fibers) {
  const bench::measured m =
      bench::parked_fibers(bench::parse_number(workers, 1), bench::parse_number(fibers, 1));
  std::printf(line, m.seconds, m.value, m.more[0].second, m.more[1].second, int{m.checked});
  return 0;
}

std::string own_path() {
  char path[4096] = {};
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  return {path, static_cast<std::size_t>(length < 0 ? 0 : length)};
}

bench::measured parked_fibers(std::size_t workers, std::size_t fibers) {
  const std::string command =
      '\'' + own_path() + "' --once " + std::to_string(workers) + ' ' + std::to_string(fibers);
  double seconds = 0;
  double bytes = 0;
  double create = 0;
  double wake = 0;
  int checked = 0;
  if (std::FILE* output = popen(command.c_str(), "r"); output != nullptr) {
    if (std::fscanf(output, line, &seconds, &bytes, &create, &wake, &checked) != 5) checked = 0;
    pclose(output);
  }
  return {.operations = 1,
          .seconds = seconds,
          .checked = checked != 0,
          .value = bytes,
          .more = {{"create_ns", create}, {"wake_ns", wake}}};
}

void parked_fibers_row(benchmark::State& state) {
  bench::report_whole(state, parked_fibers, "bytes_each");
}

BENCHMARK(bench::raw_first_touch)->Name("raw/first_touch")->UseManualTime();
BENCHMARK(parked_fibers_row)
    ->Name("W11/parked_fibers")
    ->ArgNames({"workers", "fibers"})
    ->ArgsProduct({{1, 2}, {100'000, 1'000'000}})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1)
    ->UseManualTime();

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "--once") return measure_once(argv[2], argv[3]);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
