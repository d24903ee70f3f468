// Explores one scenario: all schedules up to a bound, then random ones, and shrinks what fails.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/state.hpp"
#include "engine/strategy.hpp"

namespace sluice::explore {

struct scenario {
  std::string name;
  void (*body)(const void* of);
  const void* of = nullptr;
  unsigned part = 1;  ///< gets one of so many schedules: it has that many more steps
};
using scenarios = std::vector<scenario>;

struct budget {
  std::uint64_t schedules = 20'000;  ///< of each scenario, all strategies together
  std::uint64_t seed = 1;
  bool depth_first = true, random = true, priorities = true;
  unsigned most_deviations = 12;
};

struct report {
  std::uint64_t schedules = 0;
  std::uint64_t steps = 0;
  std::uint64_t digest = 0;  ///< of all choices and steps
  /// All schedules with so many choices other than the default were tried; -1: not even those with 0.
  int complete_bound = -1;
  bool everything = false;  ///< there are no others
  bool failed = false;
  failure how = failure::none;
  const char* claim = nullptr;
  decisions failing;  ///< shrunk
};

[[nodiscard]] report explore(const scenario& what, const budget& limits);
/// One schedule, traced and printed: did it hold?
bool replay(const scenario& what, const decisions& list);

}  // namespace sluice::explore
