// What every measuring program needs: clocks, memory, processor time, the result line.
//
// Standard library and Linux only: the rivals in compare/ use it as well as our own programs.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

using clock = std::chrono::steady_clock;

inline double seconds_since(clock::time_point start) {
  return std::chrono::duration<double>(clock::now() - start).count();
}

inline double microseconds(clock::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

/// What one run of a workload says.
struct measured {
  double operations = 0;
  double seconds = 0;
  bool checked = false;  ///< Nothing was lost.
  /// The main figure, if it is not a time for each operation.
  double value = 0;
  /// Further figures, unit in the name.
  std::vector<std::pair<std::string, double>> more = {};

  [[nodiscard]] double ns_per_operation() const { return seconds * 1e9 / operations; }
};

/// Nanoseconds per operation, for the many workloads that report just this.
inline measured per_operation(clock::time_point start, std::size_t operations, bool checked) {
  return {.operations = static_cast<double>(operations),
          .seconds = seconds_since(start),
          .checked = checked};
}

/// Milliseconds for the whole, for the workloads that build something large once.
inline measured in_milliseconds(double seconds, bool checked) {
  return {.operations = 1, .seconds = seconds, .checked = checked, .value = seconds * 1e3};
}

/// The sum 1 + 2 + ... + n.
constexpr std::int64_t sum_to(std::int64_t n) { return n * (n + 1) / 2; }

/// Is that the n-th prime (from 1)? By trial division, for the check of the sieve.
inline bool is_nth_prime(std::size_t n, std::int64_t candidate) {
  std::vector<std::int64_t> primes;
  for (std::int64_t i = 2; primes.size() < n; ++i) {
    const auto divides = [i](std::int64_t prime) { return i % prime == 0; };
    if (std::none_of(primes.begin(), primes.end(), divides)) primes.push_back(i);
  }
  return !primes.empty() && primes.back() == candidate;
}

/// Resident memory and page tables of this process.
inline double resident_bytes() {
  std::ifstream status("/proc/self/status");
  double kilobytes = 0;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:") || line.starts_with("VmPTE:")) {
      kilobytes += std::strtod(line.c_str() + 6, nullptr);
    }
  }
  return kilobytes * 1024;
}

/// User and system time of all threads of this process.
inline double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Puts `more` behind `all`.
inline void append(std::vector<double>& all, const std::vector<double>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

/// The value below which `share` of the samples lie. Sorts them.
inline double percentile(std::vector<double>& samples, double share) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  const auto at = static_cast<std::size_t>(share * static_cast<double>(samples.size()));
  return samples[std::min(at, samples.size() - 1)];
}

/// For a parameter with which this program cannot run the workload; counts as not having it.
[[noreturn]] inline void cannot_run(const char* why) {
  std::fprintf(stderr, "%s\n", why);
  std::exit(3);
}

// ---- one program = `prog WORKLOAD WORKERS [PARAMETER [DIVISOR]]` --------------------------------

/// What the operations of a workload are divided by: for a quick look, or under valgrind. Set
/// before the workload begins, by run_workload.
inline std::size_t divisor = 1;

/// So many operations, or fewer for a quick look.
inline std::size_t shortened(std::size_t operations) {
  return std::max<std::size_t>(operations / divisor, 1);
}

/// One row: its unit, the parameter taken if none is given, and what it runs.
struct workload {
  const char* name;
  const char* unit;
  std::size_t normal;
  measured (*run)(std::size_t workers, std::size_t parameter);
  std::size_t least = 1;  ///< the smallest parameter
};

inline void print_json(const workload& chosen, std::size_t workers, std::size_t parameter,
                       const measured& result) {
  double value = result.value;
  if (std::strcmp(chosen.unit, "ns/op") == 0) value = result.ns_per_operation();
  std::printf("{\"workload\": \"%s\", \"workers\": %zu, \"parameter\": %zu, \"unit\": \"%s\", ",
              chosen.name, workers, parameter, chosen.unit);
  std::printf("\"value\": %.4f, \"more\": {", value);
  const char* comma = "";
  for (const auto& [name, figure] : result.more) {
    std::printf("%s\"%s\": %.4f", comma, name.c_str(), figure);
    comma = ", ";
  }
  std::printf("}, \"checked\": %s}\n", result.checked ? "true" : "false");
}

inline std::size_t parse_number(const char* text, std::size_t least) {
  std::size_t value = 0;
  const char* end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || value < least) {
    std::fprintf(stderr, "not a number from %zu on: %s\n", least, text);
    std::exit(2);
  }
  return value;
}

/// The main function of the programs in compare/. Exit status: 0, 1 if a message was lost, 2 for
/// a wrong command line, 3 for a workload that this program does not have.
inline int run_workload(int argc, char** argv, std::initializer_list<workload> workloads) {
  if (argc == 2 && std::string_view(argv[1]) == "--list") {
    for (const workload& each : workloads) std::puts(each.name);
    return 0;
  }
  if (argc < 3 || argc > 5) {
    std::fprintf(stderr, "usage: %s WORKLOAD WORKERS [PARAMETER [DIVISOR]]\n", argv[0]);
    return 2;
  }
  for (const workload& each : workloads) {
    if (std::string_view(argv[1]) != each.name) continue;
    const std::size_t workers = parse_number(argv[2], 1);
    const std::size_t parameter = argc > 3 ? parse_number(argv[3], each.least) : each.normal;
    if (argc == 5) divisor = parse_number(argv[4], 1);
    const measured result = each.run(workers, parameter);
    print_json(each, workers, parameter, result);
    return result.checked ? 0 : 1;
  }
  std::fprintf(stderr, "%s: no such workload here: %s\n", argv[0], argv[1]);
  return 3;
}

}  // namespace bench
