// What a dump says of fibers and workers, and what stats count.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/dumps.hpp"
#include "support/parked.hpp"
#include "support/strands.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::go;
using sluice::runtime;
using steady = std::chrono::steady_clock;
using test::fiber_line;
using test::has;
using test::lines_of;
using test::number_before;

/// For how long the fiber has waited, as its line says.
std::chrono::duration<double> age_in(const std::string& line) {
  const auto at = line.find(" for ");
  if (at == line.npos) return -1s;
  return std::chrono::duration<double>(std::stod(line.substr(at + 5)));
}

/// Long enough for a runtime's ticker to fall asleep, if it gets its turn.
void leave_idle() {
  const auto until = steady::now() + 150ms;
  test::await([&] { return steady::now() >= until; });
}

/// Is the fiber shown to have waited since `begin` at most? About: there are the kernel's clock tick,
/// and the rounding when the wait began.
bool is_no_longer(const runtime& rt, std::string_view fiber, steady::time_point begin) {
  const auto shown = age_in(fiber_line(rt, fiber));
  return shown <= steady::now() - begin + 30ms;
}

}  // namespace

// ---- fibers ------------------------------------------------------------------------------------

TEST_CASE("what came from outside and no worker has taken yet is counted") {
  runtime rt{{.workers = 1}};
  std::atomic<bool> runs{false};
  std::atomic<bool> over{false};
  auto busy = rt.go([&] {
    runs = true;
    while (!over) {
    }
  });
  test::await([&] { return runs.load(); });
  auto first = rt.go([] {});
  auto second = rt.go([] {});
  std::ostringstream text;
  rt.dump(text);
  CHECK(has(text.str(), "inbox: 2 wait for any worker"));
  over = true;
  for (auto* each : {&busy, &first, &second}) each->join();
  std::ostringstream after;
  rt.dump(after);
  CHECK(!has(after.str(), "inbox"));
}

TEST_CASE("a fiber that waits is shown with what it waits for and how full that is") {
  std::optional<runtime> owner(std::in_place, sluice::runtime_options{.workers = 1});
  runtime& rt = *owner;
  const channel<int> full{2, {.name = "full"}};
  full.put_batch(std::vector{1, 2});
  const channel<int> stock{sluice::unbounded, {.name = "stock"}};
  const channel<int> meet{sluice::rendezvous, {.name = "meet"}};
  const channel<int> plain{3};
  auto putter = rt.go({.name = "putter"}, [=] { full.put(3); });
  auto getter = rt.go({.name = "getter"}, [=] { plain.get(); });
  auto reader = rt.go({.name = "reader"}, [=] { static_cast<void>(stock.get_for(1h)); });
  auto giver = rt.go({.name = "giver"}, [=] { meet.put(1); });
  auto late = rt.go({.name = "late"}, [] { sluice::after(1h).get(); });
  auto joiner = rt.go({.name = "joiner"}, [&] { getter.join(); });
  auto nameless = rt.go([=] { plain.get(); });
  auto other = rt.go({.name = "other"}, [&] { nameless.join(); });
  auto chooser = rt.go({.name = "chooser"}, [=] {
    sluice::select(on_get(plain, [](int) {}), on_put(full, 4), sluice::on_timeout(1h));
  });
  auto idler = rt.go({.name = "idler"}, [] { sluice::select(sluice::on_timeout(1h)); });
  std::vector<channel<int>> many(20);
  auto collector = rt.go({.name = "collector"}, [&] {
    sluice::selector any;
    for (const auto& each : many) any.on_get(each, [](int) {});
    any.wait();
  });
  test::await_waiting(rt, "", 11);
  const auto says = [&](std::string_view fiber, std::string_view wait) {
    const std::string line = fiber_line(rt, fiber);
    CAPTURE(line);
    CAPTURE(wait);
    CHECK(has(line, ": waits in " + std::string(wait) + " for "));
  };
  says("putter", "put of \"full\" (2 of 2)");
  says("getter", "get of a channel (0 of 3)");
  says("reader", "get_for of \"stock\" (0)");
  says("giver", "put of \"meet\" (rendezvous)");
  says("late", "get of after");
  says("joiner", "join of \"getter\"");
  std::ostringstream number;
  number << nameless.id();
  says("other", "join of fiber " + number.str());
  const std::string chosen = fiber_line(rt, "chooser");
  CHECK(has(chosen, "get of a channel (0 of 3)"));
  CHECK(has(chosen, "put of \"full\" (2 of 2)"));
  says("idler", "select");
  CHECK(has(fiber_line(rt, "collector"), "get of a channel (0), get of a channel (0)"));
  CHECK(has(fiber_line(rt, "collector"), " and 12 more for "));
  owner.reset();  // before the tasks that others join
}

TEST_CASE("a fiber that does not wait is shown as running, on its worker, or as ready") {
  runtime rt{{.workers = 1}};
  rt.go({.name = "asks"}, [&] {
      bool over = false;
      auto task = go({.name = "patient"}, [&over] {
        while (!over) sluice::this_fiber::yield();
      });
      test::await([&] { return !fiber_line(rt, "patient").empty(); });
      CHECK(has(fiber_line(rt, "asks"), "\": runs on worker 0;"));
      CHECK(has(fiber_line(rt, "patient"), "\": is ready;"));
      task.request_stop();
      CHECK(has(fiber_line(rt, "patient"), "\": is ready, stop requested;"));
      over = true;
      task.join();
    }).join();
}

TEST_CASE("a wait is shown to last longer and longer, and no longer than it has lasted") {
  runtime rt{{.workers = 1}};
  const channel<int> ch{8};
  auto first = rt.go({.name = "first"}, [ch] { ch.get(); });
  test::await([&] { return age_in(fiber_line(rt, "first")) >= 150ms; });
  const auto shown = age_in(fiber_line(rt, "first"));
  test::await([&] { return age_in(fiber_line(rt, "first")) > shown; });

  // The runtime has slept meanwhile, and nobody kept its time. It is the beginning that counts.
  const auto before = steady::now();
  auto second = rt.go({.name = "second"}, [ch] { ch.get(); });
  test::await([&] { return age_in(fiber_line(rt, "second")) >= 0s; });
  CHECK(is_no_longer(rt, "second", before));

  // One that has run for long, alone, and then parks while there is nobody else.
  steady::time_point parks;
  const auto run_for_long = [&] {
    const auto begin = steady::now();
    while (steady::now() < begin + 150ms) {
    }
    parks = steady::now();
  };
  auto third = rt.go({.name = "third"}, [&, ch] { run_for_long(), ch.get(); });
  test::await([&] { return age_in(fiber_line(rt, "third")) >= 0s; });
  CHECK(is_no_longer(rt, "third", parks));

  ch.put_batch(std::vector{1, 2, 3});
  for (auto* each : {&first, &second, &third}) each->join();

  // The same, and then it parks for another one. Where the ticker happens to be awake, but is late on
  // a busy machine, the wait may be shown longer; but not each time.
  test::await([&] {
    leave_idle();
    auto fourth = rt.go({.name = "fourth"}, [&, ch] {
      run_for_long();
      auto next = go([ch] {
        while (ch.empty()) sluice::this_fiber::yield();
      });
      next.join();
    });
    test::await([&] { return has(fiber_line(rt, "fourth"), "waits in join"); });
    const bool right = is_no_longer(rt, "fourth", parks);
    ch.put(4);
    fourth.join();
    ch.get();
    return right;
  });
}

TEST_CASE("a wait on a worker that has slept for long and then stole is shown no longer") {
  runtime rt{{.workers = 2}};
  rt.run([] {});
  leave_idle();
  std::atomic<bool> over{false};
  const auto begin = steady::now();
  auto busy = rt.go([&] {
    auto stolen = go({.name = "stolen"}, [&] {
      auto next = go([&] {
        while (!over) sluice::this_fiber::yield();
      });
      next.join();
    });
    while (!over) {  // so only the other worker can begin it
    }
    stolen.join();
  });
  test::await([&] { return has(fiber_line(rt, "stolen"), "waits in join"); });
  CHECK(is_no_longer(rt, "stolen", begin));
  over = true;
  busy.join();
}

// ---- workers -----------------------------------------------------------------------------------

TEST_CASE("a worker counts turns, parks and what it took from outside, exactly") {
  runtime rt{{.workers = 1}};
  for (int i = 0; i < 5; ++i) rt.go([] {}).join();
  const channel<int> ch{1};
  auto parks = rt.go([ch] {
    for (int i = 0; i < 3; ++i) ch.get();
  });
  for (int i = 0; i < 3; ++i) {
    test::await_waiting(rt, "get");
    ch.put(i);
    test::await([&] { return test::getters_waiting(ch) == (i < 2 ? 1 : 0); });
  }
  parks.join();
  // Six tasks, and a fiber that was woken three times, each of which had to look for work first.
  const auto counted = [&] {
    const std::string line = lines_of(rt, "  worker 0: ").front();
    return number_before(line, "turns,") == 9 && number_before(line, "parks,") == 3 &&
           number_before(line, "from outside,") == 9;
  };
  test::await([&] { return rt.stats().fibers == 0 && counted(); });
  for (int i = 0; i < 100; ++i) {
    test::await([&, sleeps = rt.stats().sleeps] {
      rt.run([] {});
      return rt.stats().sleeps > sleeps;
    });
  }
  const sluice::runtime_stats now = rt.stats();
  CHECK(now.parks == 3);
  CHECK(now.steals == 0);
  CHECK(now.spawned == now.injected - 3);
  test::await([&] { return rt.stats().switches == now.spawned + 3; });
}

TEST_CASE("a worker counts how often it slept and was woken") {
  runtime rt{{.workers = 1}};
  test::await([&] {
    rt.run([] {});
    return rt.stats().wakes >= 3;
  });
  const std::string line = lines_of(rt, "  worker 0: ").front();
  CHECK(number_before(line, "wakes,") >= 3);
  CHECK(number_before(line, "sleeps,") >= 3);
}

TEST_CASE("a worker counts what it steals") {
  runtime rt{{.workers = 2}};
  rt.run([] {
    std::atomic<bool> begun{false};
    auto other = go([&] { begun = true; });
    while (!begun) {  // only another worker can begin it
    }
    while (!other.done()) {
    }
  });
  CHECK(rt.stats().steals == 1);
  std::uint64_t steals = 0;
  for (const std::string& line : lines_of(rt, "  worker "))
    steals += number_before(line, "steals,");
  CHECK(steals == 1);
  test::await([&] { return rt.stats().switches == 2; });  // one of them is what was stolen
}
