#include "engine/explorer.hpp"

#include <sys/single_threaded.h>

#include <algorithm>
#include <cstdio>

#include "engine/driver.hpp"
#include "engine/state.hpp"
#include "engine/trace.hpp"

namespace sluice::explore {
namespace {

/// Steps of the longest schedule so far: where priorities may change.
std::uint32_t longest = 1;

std::uint64_t digest(std::uint64_t so_far, std::uint64_t next) noexcept {
  return (so_far ^ next) * 0x9e3779b97f4a7c15 + (so_far >> 29);
}

/// False: it failed.
bool run_one(const scenario& what, report& result) {
  run_schedule(what.body, what.of);
  ++result.schedules;
  result.steps += s.step;
  result.digest = digest(result.digest, s.step);
  for (const decision& one : deciding.made()) {
    result.digest = digest(result.digest, (std::uint64_t{one.key} << 8) + one.choice);
  }
  longest = std::max(longest, s.step);
  if (deciding.went_astray() && s.how == failure::none) {
    s.how = failure::engine;
    s.claim = "a schedule did not happen again as it had";
  }
  return s.how == failure::none;
}

/// All schedules with at most `bound` deviations. False: one failed.
bool depth_first(const scenario& what, unsigned bound, std::uint64_t most, report& result,
                 bool& complete) {
  complete = false;
  const std::uint64_t end = result.schedules + most;
  deciding.begin_depth_first(bound);
  while (result.schedules < end) {
    if (!run_one(what, result)) return false;
    if (learned_sharing()) {
      deciding.restart_depth_first();
    } else if (!deciding.next_depth_first()) {
      complete = true;
      return true;
    }
  }
  return true;
}

bool try_list(const scenario& what, const decisions& list, failure how) {
  deciding.begin_given(list);
  run_schedule(what.body, what.of);
  return s.how == how;
}

/// Leaves out what it can, so that few switches remain.
decisions shrink(const scenario& what, decisions list, failure how) {
  int tries = 5000;
  for (bool again = true; again && tries > 0;) {
    again = false;
    for (std::size_t part = std::max<std::size_t>(1, list.size() / 2);; part /= 2) {
      for (std::size_t i = 0; i + part <= list.size() && tries-- > 0;) {
        decisions shorter = list;
        const auto first = shorter.begin() + static_cast<std::ptrdiff_t>(i);
        shorter.erase(first, first + static_cast<std::ptrdiff_t>(part));
        if (try_list(what, shorter, how)) {
          list = std::move(shorter);
          again = true;
        } else {
          ++i;
        }
      }
      if (part == 1) break;
    }
  }
  return list;
}

report note_failure(const scenario& what, report result) {
  result.failed = true;
  const failure how = s.how;
  result.how = how;
  result.claim = s.claim;
  result.failing = shrink(what, deciding.made(), how);
  return result;
}

}  // namespace

report explore(const scenario& what, const budget& limits) {
  const std::uint64_t schedules = limits.schedules / what.part;
  report result;
  forget_sharing();
  __libc_single_threaded = 0;  // the C++ library leaves steps out where it believes that
  // What is made at its first use is there from here on, so that all schedules are alike.
  deciding.begin_given({});
  run_schedule(what.body, what.of);
  longest = 1;
  const unsigned ways = unsigned{limits.depth_first} + limits.random + limits.priorities;
  if (limits.depth_first) {
    std::uint64_t left = schedules / ways;
    for (unsigned bound = 0; bound <= limits.most_deviations && left > 0; ++bound) {
      const std::uint64_t before = result.schedules;
      bool complete = false;
      if (!depth_first(what, bound, left, result, complete)) return note_failure(what, result);
      const std::uint64_t tried = result.schedules - before;
      left -= std::min(left, tried);
      if (!complete) break;
      result.complete_bound = static_cast<int>(bound);
    }
    if (result.complete_bound == static_cast<int>(limits.most_deviations)) left = 0;
  }
  std::uint64_t seed = limits.seed * 1'000'003;
  for (std::uint64_t i = 0; limits.random && i < schedules / ways; ++i) {
    deciding.begin_random(++seed);
    if (!run_one(what, result)) return note_failure(what, result);
  }
  for (std::uint64_t i = 0; limits.priorities && i < schedules / ways; ++i) {
    deciding.begin_priorities(++seed, 1 + static_cast<unsigned>(i % 5), longest, i % 4 == 3);
    if (!run_one(what, result)) return note_failure(what, result);
  }
  return result;
}

bool replay(const scenario& what, const decisions& list) {
  start_tracing();
  deciding.begin_given(list);
  run_schedule(what.body, what.of);
  print_trace();
  if (s.how != failure::none) std::printf("  %s: %s\n", describe(s.how), s.claim);
  s.tracing = false;
  return s.how == failure::none;
}

}  // namespace sluice::explore
