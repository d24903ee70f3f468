// runtime: run, the number of workers, several runtimes at once, and what stats and dump say.
#include <doctest/doctest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/child.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;

std::size_t workers_of(int asked) {
  const sluice::runtime rt{{.workers = asked}};
  return rt.stats().workers;
}

const test::child default_workers("default workers", [] { std::cout << workers_of(0); });
const test::child three_workers("three workers", [] { std::cout << workers_of(3); });
/// How many fibers spin at the same time, each of which needs a worker.
const test::child workers_of_default("workers of the default runtime", [] {
  std::atomic<int> arrived{0};
  std::vector<sluice::task<void>> tasks;
  for (int i = 0; i < 3; ++i) {
    tasks.push_back(sluice::go([&arrived] {
      ++arrived;
      while (arrived < 3) {
      }
    }));
  }
  for (auto& task : tasks) task.join();
  std::cout << "three at once";
});
const test::child one_cpu("one CPU", [] {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(::sched_getcpu(), &one);
  if (::sched_setaffinity(0, sizeof one, &one) != 0) throw std::runtime_error("sched_setaffinity");
  std::cout << workers_of(0);
});

std::string dump_of(const sluice::runtime& rt) {
  std::ostringstream text;
  rt.dump(text);
  return text.str();
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("run returns what the function returns") {
  sluice::runtime rt{{.workers = 2}};
  CHECK(rt.run([] { return 5; }) == 5);
  CHECK(*rt.run([] { return std::make_unique<int>(6); }) == 6);
  int object = 0;
  CHECK(&rt.run([&]() -> int& { return object; }) == &object);
  static_assert(std::is_void_v<decltype(rt.run([] {}))>);
  rt.run([&] { object = 7; });
  CHECK(object == 7);
  CHECK(sluice::run([] { return std::string("default"); }) == "default");
}

TEST_CASE("run rethrows what escapes the function") {
  sluice::runtime rt{{.workers = 1}};
  CHECK_THROWS_WITH_AS(rt.run([] { throw std::range_error("far"); }), "far", std::range_error);
  CHECK_THROWS_AS(sluice::run([]() -> int { throw 5; }), int);
  CHECK(rt.run([] { return 1; }) == 1);
}

TEST_CASE("run is refused to a fiber of the same runtime, which it would keep waiting") {
  sluice::runtime rt{{.workers = 1}};
  rt.run([&] {
    CHECK_THROWS_AS(rt.run([] {}), std::logic_error);
    auto inner = sluice::go([&] { CHECK_THROWS_AS(rt.run([] {}), std::logic_error); });
    inner.join();
  });
  sluice::run([] { CHECK_THROWS_AS(sluice::run([] {}), std::logic_error); });
}

TEST_CASE("a fiber of one runtime may run something on another") {
  sluice::runtime one{{.workers = 1}};
  sluice::runtime other{{.workers = 1}};
  CHECK(one.run([&] { return other.run([] { return 3; }) + sluice::run([] { return 4; }); }) == 7);
}

TEST_CASE("many threads may run something on one runtime at once") {
  sluice::runtime rt{{.workers = 2}};
  std::vector<std::thread> threads;
  std::vector<int> got(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] { got[i] = rt.run([i] { return i * i; }); });
  }
  for (auto& thread : threads) thread.join();
  for (int i = 0; i < 8; ++i) CHECK(got[i] == i * i);
}

TEST_CASE("several runtimes exist at once and share channels") {
  constexpr int items = 2'000;
  sluice::runtime first{{.workers = 1}};
  sluice::runtime second{{.workers = 2}};
  sluice::runtime third{{.workers = 1}};
  for (auto make : {+[] { return sluice::channel<int>{1}; },
                    +[] { return sluice::channel<int>{sluice::unbounded}; },
                    +[] { return sluice::channel<int>{sluice::rendezvous}; }}) {
    const sluice::channel<int> numbers = make();
    const sluice::channel<int> doubled = make();
    auto source = first.go([numbers] {
      const sluice::close_on_exit done{numbers};
      for (int i = 0; i < items; ++i) numbers.put(i);
    });
    auto stage = second.go([numbers, doubled] {
      const sluice::close_on_exit done{doubled};
      for (const int number : numbers) doubled.put(2 * number);
    });
    auto sink = third.go([doubled] {
      int expected = 0;
      for (const int number : doubled) expected += number == expected ? 2 : 0;
      return expected;
    });
    CHECK(sink.join() == 2 * items);
    source.join();
    stage.join();
  }
}

TEST_CASE("a runtime has as many workers as it was asked for") {
  for (const int workers : {1, 2, 4, 16}) CHECK(workers_of(workers) == std::size_t(workers));
}

TEST_CASE("negative and absurd numbers of workers are refused") {
  for (const int workers :
       {-1, -100, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()}) {
    CAPTURE(workers);
    CHECK_THROWS_AS(sluice::runtime{{.workers = workers}}, std::invalid_argument);
  }
}

TEST_CASE("zero workers stand for one for each CPU of this process, or SLUICE_WORKERS") {
  CHECK(default_workers.run({"SLUICE_WORKERS=3"}).wrote == "3");
  CHECK(workers_of_default.run({"SLUICE_WORKERS=3"}).wrote == "three at once");
  CHECK(three_workers.run({"SLUICE_WORKERS=5"}).wrote == "3");
  CHECK(one_cpu.run({"SLUICE_WORKERS="}).wrote == "1");
  const std::string found = default_workers.run({"SLUICE_WORKERS="}).wrote;
  const auto cpus = std::thread::hardware_concurrency();
  REQUIRE_FALSE(found.empty());
  CHECK(std::stoul(found) >= 1);
  CHECK(std::stoul(found) <= cpus);  // fewer where a cgroup says so
}

TEST_CASE("a SLUICE_WORKERS that is no number of workers does not start a runtime like that") {
  for (const char* variable : {"SLUICE_WORKERS=many", "SLUICE_WORKERS=-2", "SLUICE_WORKERS=0",
                               "SLUICE_WORKERS=3x", "SLUICE_WORKERS=99999999999999999999"}) {
    CAPTURE(variable);
    const test::ending end = default_workers.run({variable});
    CAPTURE(end);
    // Refused or ignored, but never taken for what it is not.
    CHECK(end.signal == 0);
    if (end.exit_code == 0) {
      CHECK(end.wrote == default_workers.run({"SLUICE_WORKERS="}).wrote);
    } else {
      CHECK(end.says("SLUICE_WORKERS"));
    }
  }
}

TEST_CASE("stats count fibers, spawns and switches") {
  sluice::runtime rt{{.workers = 1}};
  const sluice::runtime_stats fresh = rt.stats();
  CHECK(fresh.workers == 1);
  CHECK(fresh.fibers == 0);
  CHECK(fresh.spawned == 0);

  const sluice::channel<int> gate{8};
  std::vector<sluice::task<int>> tasks;
  for (int i = 0; i < 5; ++i) tasks.push_back(rt.go([gate] { return gate.get(); }));
  rt.run([] {});
  CHECK(rt.stats().fibers == 5);
  CHECK(rt.stats().spawned == 6);
  CHECK(rt.stats().injected >= 6);
  for (int i = 0; i < 5; ++i) gate.put(i);
  for (auto& task : tasks) task.join();
  // A join may return a moment before the fiber has been counted out.
  while (rt.stats().fibers != 0) std::this_thread::yield();
  CHECK(rt.stats().spawned == 6);
  CHECK(rt.stats().switches >= 6);
}

TEST_CASE("a dump names the workers, the fibers, their waits and the channels") {
  sluice::runtime rt{{.workers = 2}};
  const sluice::channel<int> words{1, {.name = "words"}};
  const sluice::channel<int> lines{sluice::rendezvous, {.name = "lines"}};
  const sluice::channel<int> pages{1, {.name = "pages"}};
  pages.put(1);
  auto getter = rt.go({.name = "reader"}, [words] { words.get(); });
  auto putter = rt.go({.name = "writer"}, [lines] { lines.put(1); });
  auto timed = rt.go({.name = "printer"}, [pages] { pages.put_for(2, 1h); });
  auto sleeper = rt.go({.name = "sleeper"}, [] { sluice::this_fiber::sleep_for(1h); });
  auto joiner = rt.go({.name = "owner"}, [&] { sleeper.join(); });
  const auto shows = [](const std::string& text, std::string_view fiber, std::string_view wait,
                        std::string_view object) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      if (contains(line, fiber)) return contains(line, wait) && contains(line, object);
    }
    return false;
  };
  // Each line appears once its fiber has parked.
  const auto complete = [&](const std::string& text) {
    return shows(text, "reader", "get", "words") && shows(text, "writer", "put", "lines") &&
           shows(text, "printer", "put_for", "pages") && shows(text, "sleeper", "sleep", "") &&
           shows(text, "owner", "join", "");
  };
  std::string text;
  for (int i = 0; i < 20'000 && !complete(text); ++i) {
    text = dump_of(rt);
    std::this_thread::yield();
  }
  CAPTURE(text);
  CHECK(complete(text));
  CHECK(contains(text, "2 workers"));
  for (sluice::task<void>* task : {&joiner, &getter, &putter, &timed, &sleeper}) {
    task->request_stop();
    CHECK_THROWS_AS(task->join(), sluice::cancelled);
  }
}

TEST_CASE("a dump shows fibers that run and how many tasks have not begun") {
  sluice::runtime rt{{.workers = 1}};
  auto asks = rt.go({.name = "asks"}, [&] {
    auto later = sluice::go([] {});
    const std::string text = dump_of(rt);
    CAPTURE(text);
    CHECK(contains(text, "asks"));
    CHECK(contains(text, "1 not begun"));
    later.join();
    CHECK(contains(dump_of(rt), "0 not begun"));
  });
  asks.join();
}

TEST_CASE("stats and dump can be asked while everything moves") {
  sluice::runtime rt{{.workers = 2}};
  std::atomic<bool> over{false};
  auto load = rt.go([&] {
    while (!over) {
      const sluice::channel<int> ch{1, {.name = "short-lived"}};
      auto putter = sluice::go({.name = "passing"}, [ch] {
        for (int i = 0; i < 10; ++i) ch.put(i);
        ch.close();
      });
      for (const int item : ch) static_cast<void>(item);
      putter.join();
    }
  });
  for (int i = 0; i < 2'000 / test::slowness; ++i) {
    CHECK(rt.stats().workers == 2);
    CHECK_FALSE(dump_of(rt).empty());
    test::progress();
  }
  over = true;
  load.join();
}
