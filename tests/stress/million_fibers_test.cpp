// As many parked fibers as the machine has memory for, up to a million.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "../support/rest.hpp"
#include "../support/watch.hpp"
#include "sluice/sluice.hpp"

namespace {

/// A page of stack, its page table, its task, and room to breathe.
constexpr std::size_t bytes_for_each = 12 * 1024;

/// A crowd that says something: it takes 240 MB of free memory.
constexpr std::size_t fewest = 10'000;

std::size_t available_memory() {
  std::ifstream info("/proc/meminfo");
  for (std::string word; info >> word;) {
    std::size_t kilobytes = 0;
    if (word == "MemAvailable:" && info >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace

TEST_CASE("a million fibers can be parked at once and are all woken") {
  const std::size_t available = available_memory();
  REQUIRE_MESSAGE(available != 0, "/proc/meminfo does not say how much memory there is");
  const std::size_t affordable = available / 2 / bytes_for_each;
  const std::size_t most = test::slowness > 1 ? 20'000 : 1'000'000;
  const std::size_t count = std::min(affordable, most);
  MESSAGE(count << " fibers");
  REQUIRE_MESSAGE(count >= fewest, "too little memory to say anything: " << available << " bytes");
  sluice::runtime rt{{.workers = 2}};
  const sluice::channel<std::int64_t> numbers{sluice::unbounded};
  std::vector<sluice::task<std::int64_t>> tasks;
  tasks.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    tasks.push_back(rt.go([numbers] { return numbers.get(); }));
    if (i % 1024 == 0) test::progress();
  }
  while (rt.stats().stacks < count) {
    test::progress();
    std::this_thread::yield();
  }
  CHECK(rt.stats().fibers == count);
  for (std::size_t i = 0; i < count; ++i) {
    numbers.put(static_cast<std::int64_t>(i));
    if (i % 1024 == 0) test::progress();
  }
  std::int64_t sum = 0;
  for (auto& task : tasks) sum += task.join();
  const auto n = static_cast<std::int64_t>(count);
  CHECK(sum == n * (n - 1) / 2);
  CHECK(rt.stats().fibers == 0);
  test::check_at_rest(numbers);
}
