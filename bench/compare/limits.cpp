// The floors below every figure of ../README.md, as a program of its own: the same line of JSON as
// the rivals print. It looks into src/, which the workloads do not.
//
// usage: limits limits WORKERS [PARAMETER [DIVISOR]]
//
// The value is the bare ring's; the other floors stand beside it. WORKERS changes nothing.
#include "support/choices.hpp"
#include "support/floors.hpp"
#include "support/measure.hpp"

namespace {

using bench::measured;
using bench::shortened;

/// The local work that the workloads do between two messages, by one thread.
measured floor_local_work(std::size_t operations) {
  std::uint64_t state = 1;
  const auto start = bench::clock::now();
  for (std::size_t i = 0; i < operations; ++i) state = bench::local_work(state);
  return bench::per_operation(start, operations, state != 0);
}

measured limits(std::size_t, std::size_t) {
  struct floor {
    const char* name;
    std::size_t operations;
    measured (*run)(std::size_t operations);
  };
  measured result = bench::floor_ring(shortened(20'000'000));
  result.value = result.ns_per_operation();
  for (const floor& each : {floor{"fetch_add_ns", 20'000'000, bench::floor_fetch_add},
                            floor{"compare_exchange_ns", 20'000'000, bench::floor_compare_exchange},
                            floor{"switch_ns", 20'000'000, bench::floor_context_switch},
                            floor{"local_work_ns", 500'000, floor_local_work},
                            floor{"first_touch_ns", 50'000, bench::floor_first_touch},
                            floor{"thread_ns", 2'000, bench::floor_thread}}) {
    const measured found = each.run(shortened(each.operations));
    result.checked = result.checked && found.checked;
    result.more.emplace_back(each.name, found.ns_per_operation());
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_workload(argc, argv, {{"limits", "ns", 0, limits, 0}});
}
