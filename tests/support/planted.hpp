// Programs with a plain variable, run under ThreadSanitizer, mostly in its precise mode: is there a
// report that names it, and no other? For one program of tests each, since reports are for the whole process.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <sluice/sluice.hpp>
#include <string>

extern "C" {
int __tsan_get_report_data(void* report, const char** description, int* count, int* stack_count,
                           int* mop_count, int* loc_count, int* mutex_count, int* thread_count,
                           int* unique_tid_count, void** sleep_trace, unsigned long trace_size);
int __tsan_get_report_mop(void* report, unsigned long index, int* tid, void** addr, int* size,
                          int* write, int* atomic, void** trace, unsigned long trace_size);
}

/// What counts reports is no part of the programs, and may be called in the middle of any access.
#define SLUICE_UNSEEN __attribute__((disable_sanitizer_instrumentation))

namespace test {

/// What strands race for, or do not.
inline int plain = 0;
/// One access to it, by whoever runs here.
[[gnu::noinline]] inline void touch() { ++plain; }

struct program {
  const char* name;
  void (*run)();
};

namespace reports {

inline int of_plain = 0;
inline int of_others = 0;

SLUICE_UNSEEN inline int take(int& count) {
  const int taken = count;
  count = 0;
  return taken;
}

}  // namespace reports

enum class expected { a_race, no_race };

/// Runs each on one worker and on two.
template <std::size_t Count>
void run_all(const program (&programs)[Count], expected what) {
  for (const int workers : {1, 2}) {
    for (const program& each : programs) {
      INFO(std::string(each.name), ", on ", workers);
      plain = 0;
      {
        sluice::runtime rt{{.workers = workers}};
        rt.run(each.run);
      }
      CHECK((reports::take(reports::of_plain) != 0) == (what == expected::a_race));
      CHECK(reports::take(reports::of_others) == 0);
    }
  }
}

}  // namespace test

/// ThreadSanitizer calls it for each report.
extern "C" SLUICE_UNSEEN void __tsan_on_report(void* report) {
  const char* description = nullptr;
  int count = 0, stacks = 0, accesses = 0, locations = 0, mutexes = 0, threads = 0, tids = 0;
  void* trace = nullptr;
  __tsan_get_report_data(report, &description, &count, &stacks, &accesses, &locations, &mutexes,
                         &threads, &tids, &trace, 1);
  void* address = nullptr;
  int tid = 0, size = 0, write = 0, atomic = 0;
  if (accesses != 0) {
    __tsan_get_report_mop(report, 0, &tid, &address, &size, &write, &atomic, &trace, 1);
  }
  ++(address == &test::plain ? test::reports::of_plain : test::reports::of_others);
}
