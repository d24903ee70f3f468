// How many CPUs the process may use.
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "sched/scheduler.hpp"

namespace sluice::detail {
namespace {

/// The number in a file that holds nothing else; 0: there is none.
long number_in(const std::string& path) {
  long number = 0;
  std::ifstream(path) >> number;
  return number;
}

int rounded_up(long quota, long period) {
  return quota > 0 && period > 0 ? static_cast<int>((quota + period - 1) / period) : most_workers;
}

/// What "cpu.max" of a group allows (cgroup v2).
int quota_of(const std::string& folder) {
  std::string quota;
  long period = 0;
  std::ifstream(folder + "/cpu.max") >> quota >> period;
  long allowed = 0;
  std::from_chars(quota.data(), quota.data() + quota.size(), allowed);  // "max": stays 0
  return rounded_up(allowed, period);
}

/// The least quota of this process's group and those above it.
int cgroup_cpus() {
  int least = most_workers;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::")) continue;
    for (std::string path = line.substr(3); path.size() > 1; path.resize(path.rfind('/'))) {
      least = std::min(least, quota_of("/sys/fs/cgroup" + path));
    }
  }
  least = std::min(least, quota_of("/sys/fs/cgroup"));  // in a container this is the own group
  return std::min(least, rounded_up(number_in("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
                                    number_in("/sys/fs/cgroup/cpu/cpu.cfs_period_us")));
}

int affinity_cpus() noexcept {
  cpu_set_t mask;
  if (::sched_getaffinity(0, sizeof mask, &mask) == 0) return CPU_COUNT(&mask);
  return static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
}

}  // namespace

int usable_cpus() noexcept {
  int cpus = affinity_cpus();
  try {
    cpus = std::min(cpus, cgroup_cpus());
  } catch (...) {
    // No memory to read about quotas: the affinity is a sound answer.
  }
  return std::clamp(cpus, 1, most_workers);
}

int default_workers() {
  const char* wanted = std::getenv("SLUICE_WORKERS");
  if (wanted == nullptr || *wanted == '\0') return usable_cpus();
  int workers = 0;
  const char* end = wanted + std::strlen(wanted);
  const auto parsed = std::from_chars(wanted, end, workers);
  if (parsed.ec != std::errc() || parsed.ptr != end || workers < 1 || workers > most_workers) {
    throw std::invalid_argument("sluice: SLUICE_WORKERS is '" + std::string(wanted) +
                                "'; say 1 to " + std::to_string(most_workers));
  }
  return workers;
}

}  // namespace sluice::detail
