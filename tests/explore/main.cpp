// The explorer's command line.
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

#include "engine/driver.hpp"
#include "engine/explorer.hpp"
#include "engine/trace.hpp"
#include "explore.hpp"

namespace {

using namespace sluice::explore;

constexpr const char* usage =
    "usage: explore [OPTION]... [WORD]...\n"
    "Runs the scenarios whose names contain a WORD (all without one) under every schedule up to a\n"
    "bound, then under random ones.\n"
    "  --schedules N    of each scenario at most (20000); of those with many steps a part\n"
    "  --seed N         of the random ones (1)\n"
    "  --only WAY       depth-first, random or priorities\n"
    "  --quiet          of a failure, only what it is\n"
    "  --fault N        in a program that check_faults or mutate has made: with that fault\n"
    "  --met            in one that mutate has made: which mutants would change each scenario\n"
    "  --digest         of each scenario, of all that its schedules chose\n"
    "  --replay LIST    the one schedule with these choices, step by step\n"
    "  --list           names the scenarios\n"
    "  =NAME            a WORD for that one alone\n";

scenarios all_scenarios() {
  scenarios all;
  for (const scenarios& some :
       {ring_scenarios(), segment_scenarios(), queue_scenarios(), channel_scenarios(),
        pair_scenarios(), handle_scenarios(), batch_scenarios(), range_scenarios(),
        select_scenarios(), stop_scenarios(), sync_scenarios(), timer_scenarios(), idle_scenarios(),
        fiber_scenarios(), runtime_scenarios(), task_scenarios(), scope_scenarios(),
        census_scenarios()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct options {
  budget limits;
  std::vector<std::string> words;
  std::string replay;
  bool list = false;
  bool quiet = false;
  bool met = false;
  bool digest = false;
};

[[noreturn]] void misused(const char* why) {
  std::fprintf(stderr, "explore: %s\n%s", why, usage);
  std::exit(2);
}

options parse(int count, char** arguments) {
  options chosen;
  for (int i = 1; i < count; ++i) {
    const std::string word = arguments[i];
    const auto value = [&]() -> std::string {
      if (++i == count) misused((word + " needs a value").c_str());
      return arguments[i];
    };
    if (word == "--schedules") {
      chosen.limits.schedules = std::strtoull(value().c_str(), nullptr, 10);
    } else if (word == "--seed") {
      chosen.limits.seed = std::strtoull(value().c_str(), nullptr, 10);
    } else if (word == "--only") {
      const std::string way = value();
      chosen.limits.depth_first = way == "depth-first";
      chosen.limits.random = way == "random";
      chosen.limits.priorities = way == "priorities";
      if (way != "depth-first" && way != "random" && way != "priorities") misused("no such way");
    } else if (word == "--replay") {
      chosen.replay = value();
    } else if (word == "--quiet") {
      chosen.quiet = true;
    } else if (word == "--met") {
      chosen.met = looks_for_weaker = true;
    } else if (word == "--fault") {
      fault = std::atoi(value().c_str());
    } else if (word == "--digest") {
      chosen.digest = true;
    } else if (word == "--list") {
      chosen.list = true;
    } else if (word == "-h" || word == "--help") {
      std::fputs(usage, stdout);
      std::exit(0);
    } else if (word.starts_with("--")) {
      misused(("unknown option " + word).c_str());
    } else {
      chosen.words.push_back(word);
    }
  }
  return chosen;
}

bool wanted(const options& chosen, const scenario& one) {
  for (const std::string& word : chosen.words) {
    if (word[0] == '=' ? word.substr(1) == one.name : one.name.find(word) != std::string::npos)
      return true;
  }
  return chosen.words.empty();
}

/// Prints which mutants would have changed a schedule since the last call, and which not.
void print_met() {
  std::printf("  met:");
  for (int number = 0; number < most_mutants; ++number) {
    if (met[number]) std::printf(" %d", number);
  }
  std::printf("\n  only reached:");
  for (int number = 0; number < most_mutants; ++number) {
    if (reached[number] && !met[number]) std::printf(" %d", number);
    met[number] = reached[number] = false;
  }
  std::printf("\n");
}

std::string extent(const report& result) {
  if (result.failed) return "FAILED";
  if (result.complete_bound < 0) return "";
  return "all with " + std::to_string(result.complete_bound) + " deviations";
}

}  // namespace

int main(int count, char** arguments) {
  const options chosen = parse(count, arguments);
  catch_crashes();
  std::cerr.setstate(std::ios::badbit);  // what a runtime reports belongs to its schedule
  unsigned failed = 0;
  unsigned tried = 0;
  std::uint64_t schedules = 0;
  const double begin = cpu_seconds();
  for (const scenario& one : all_scenarios()) {
    if (!wanted(chosen, one)) continue;
    ++tried;
    if (chosen.list) {
      std::printf("%s\n", one.name.c_str());
      continue;
    }
    if (!chosen.replay.empty()) {
      failed += !replay(one, from_text(chosen.replay));
      continue;
    }
    const double start = cpu_seconds();
    const report result = explore(one, chosen.limits);
    const double seconds = cpu_seconds() - start;
    schedules += result.schedules;
    std::printf("%-56s %9llu schedules, %5.0f steps, %4.0f k/s  %s\n", one.name.c_str(),
                static_cast<unsigned long long>(result.schedules),
                static_cast<double>(result.steps) / static_cast<double>(result.schedules),
                static_cast<double>(result.schedules) / seconds / 1000, extent(result).c_str());
    if (chosen.met) print_met();
    if (chosen.digest) std::printf("  digest: %016" PRIx64 "\n", result.digest);
    std::fflush(stdout);
    if (!result.failed) continue;
    ++failed;
    std::printf("  %s: %s\n", describe(result.how), result.claim);
    if (chosen.quiet) break;
    replay(one, result.failing);
    if (result.failing.size() > 200) continue;
    std::printf("  again: explore --replay %s '%s'\n", to_text(result.failing).c_str(),
                one.name.c_str());
  }
  if (tried == 0) misused("no such scenario");
  if (chosen.list || !chosen.replay.empty()) return failed != 0;
  std::printf("%u scenarios, %u failed, %llu schedules in %.1f s\n", tried, failed,
              static_cast<unsigned long long>(schedules), cpu_seconds() - begin);
  return failed != 0;
}
