// Memory of fibers: none before they run, given back after they end, and its lack reported by go.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <new>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/child.hpp"
#include "support/watch.hpp"

namespace {

/// Bytes of a column of /proc/self/statm: 0 address space, 1 resident.
std::size_t memory(int column) {
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0;
  for (int i = 0; i <= column; ++i) statm >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void limit_address_space(std::size_t bytes) {
  rlimit limit{};
  ::getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = bytes;
  if (::setrlimit(RLIMIT_AS, &limit) != 0) throw std::runtime_error("setrlimit");
}

void demand(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

/// Starts fibers with stacks of that size until none can be had; then all else must go on.
void run_out_of_stacks(std::size_t stack_size, int most) {
  sluice::runtime rt{{.workers = 2}};
  const sluice::channel<int> numbers{sluice::unbounded};
  const sluice::channel<int> gate;
  auto echo = rt.go([numbers] { return numbers.get(); });
  limit_address_space(memory(0) + (std::size_t{96} << 20));
  std::vector<sluice::task<void>> tasks;
  std::atomic<int> ran{0};
  bool refused = false;
  tasks.reserve(static_cast<std::size_t>(most));
  while (!refused && static_cast<int>(tasks.size()) < most) {
    try {
      tasks.push_back(rt.go({.stack_size = stack_size}, [gate, &ran] {
        gate.join();
        ++ran;
      }));
    } catch (const std::bad_alloc& error) {
      refused = true;
      demand(std::string_view(error.what()).starts_with("sluice: go: no memory for another "),
             "it did not say what there is no memory for");
    }
  }
  demand(refused, "nothing was refused");
  demand(rt.stats().spawned == tasks.size() + 1, "a refused fiber was counted");
  numbers.put(1);
  demand(echo.join() == 1, "a fiber that was there did not go on");
  gate.close();
  for (auto& task : tasks) task.join();
  demand(ran == static_cast<int>(tasks.size()), "a fiber that was started did not run");
  limit_address_space(RLIM_INFINITY);
  demand(rt.go({.stack_size = stack_size}, [] { return 5; }).join() == 5, "no recovery");
}

const test::child small_stacks("small stacks", [] { run_out_of_stacks(0, 1'000'000); });
const test::child large_stacks("large stacks",
                               [] { run_out_of_stacks(std::size_t{256} << 20, 1'000); });

}  // namespace

TEST_CASE("go throws bad_alloc where no stack can be had, and everything else runs on") {
  if (test::slowness > 1) return;  // a sanitizer needs the address space itself
  for (const test::child* body : {&small_stacks, &large_stacks}) {
    const test::ending end = body->run();
    CAPTURE(end);
    CHECK(end.exit_code == 0);
  }
}

TEST_CASE("a task that was started has no stack until it runs") {
  sluice::runtime rt{{.workers = 1}};
  rt.run([&] {
    const std::size_t before = rt.stats().stacks;
    std::vector<sluice::task<void>> tasks;
    for (int i = 0; i < 10'000; ++i) tasks.push_back(sluice::go([] {}));
    CHECK(rt.stats().stacks == before);
    CHECK(rt.stats().fibers == 10'001);
    for (auto& task : tasks) task.join();
    // One after the other, they need one or two.
    CHECK(rt.stats().stacks <= before + 8);
  });
}

TEST_CASE("fibers that come and go use the same stacks again") {
  sluice::runtime rt{{.workers = 2}};
  const auto some = [&] {
    std::vector<sluice::task<void>> tasks;
    for (int i = 0; i < 200; ++i) tasks.push_back(rt.go(sluice::this_fiber::yield));
    for (auto& task : tasks) task.join();
  };
  some();
  for (int i = 0; i < 100; ++i) some();
  // As many as ever ran at once, and those that each worker keeps.
  CHECK(rt.stats().stacks <= 1'000);
}

TEST_CASE("many fibers can be parked at once, are woken, and give their memory back") {
  const int count = test::slowness > 1 ? 5'000 : 100'000;
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {});
  const std::size_t before = memory(1);
  std::size_t most = 0;
  {
    const sluice::channel<int> numbers{sluice::unbounded};
    std::vector<sluice::task<int>> tasks;
    tasks.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) tasks.push_back(rt.go([numbers] { return numbers.get(); }));
    while (rt.stats().stacks < static_cast<std::size_t>(count)) std::this_thread::yield();
    CHECK(rt.stats().fibers == static_cast<std::size_t>(count));
    test::progress();
    most = memory(1);
    std::int64_t sum = 0;
    for (int i = 0; i < count; ++i) numbers.put(i);
    for (auto& task : tasks) sum += task.join();
    CHECK(sum == std::int64_t{count} * (count - 1) / 2);
  }
  if (test::slowness > 1) return;  // a sanitizer keeps memory for itself
  // Little by little; the watchdog ends a wait for what never comes.
  while (memory(1) > before + (most - before) / 3) std::this_thread::yield();
}
