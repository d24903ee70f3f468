// Who gets to run: work spreads over the workers, nobody starves, and nobody runs for nothing.
#include <dirent.h>
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/ferry.hpp"
#include "support/strands.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;

/// Waits without giving its worker away until so many have come.
void meet(std::atomic<int>& arrived, int all) {
  ++arrived;
  while (arrived < all) {
  }
}

std::set<long> threads_of_this_process() {
  std::set<long> found;
  DIR* folder = ::opendir("/proc/self/task");
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') found.insert(std::stol(entry->d_name));
  }
  ::closedir(folder);
  return found;
}

/// For each thread that is not in `others`, how often the kernel has given it a core.
std::map<long, std::string> turns_of_threads(const std::set<long>& others) {
  std::map<long, std::string> found;
  for (const long thread : threads_of_this_process()) {
    if (others.count(thread) != 0) continue;
    std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.find("ctxt_switches") != std::string::npos) found[thread] += line + " ";
    }
  }
  return found;
}

/// Looks until no thread but `others` has run between two looks that are 100 ms apart.
bool becomes_idle(const std::set<long>& others) {
  auto seen = turns_of_threads(others);
  for (int look = 0; look < 100; ++look) {
    test::progress();
    std::this_thread::sleep_for(100ms);  // the time in which they might run: it orders nothing
    auto now = turns_of_threads(others);
    if (now == seen) return true;
    seen = std::move(now);
  }
  return false;
}

}  // namespace

TEST_CASE("as many busy fibers run at once as there are workers, wherever they were started") {
  for (const int workers : {2, 4}) {
    for (int round = 0; round < 20; ++round) {
      test::progress();
      std::atomic<int> outside{0};
      std::atomic<int> inside{0};
      sluice::runtime rt{{.workers = workers}};
      std::vector<sluice::task<void>> tasks;
      for (int i = 0; i < workers; ++i) tasks.push_back(rt.go([&] { meet(outside, workers); }));
      for (auto& task : tasks) task.join();
      rt.run([&] {
        for (int i = 1; i < workers; ++i) sluice::go([&] { meet(inside, workers); });
        meet(inside, workers);
      });
      CHECK(inside == workers);
    }
  }
}

TEST_CASE("busy fibers that were parked run at once when they are woken together") {
  constexpr int workers = 2;
  sluice::runtime rt{{.workers = workers}};
  for (int round = 0; round < 50; ++round) {
    test::progress();
    const sluice::channel<int> start{1};
    std::atomic<int> arrived{0};
    std::vector<sluice::task<void>> tasks;
    for (int i = 0; i < workers; ++i) {
      tasks.push_back(rt.go([&, start] {
        start.join();
        meet(arrived, workers);
      }));
    }
    rt.run([&] { start.close(); });
    for (auto& task : tasks) task.join();
  }
}

TEST_CASE("a fiber that was woken beside a busy one is taken by another worker") {
  sluice::runtime rt{{.workers = 2}};
  for (const test::way how : test::all_ways) {
    const test::situation now("way " + std::to_string(static_cast<int>(how)));
    test::ferry ferry;
    // Each crossing needs it: the worker that made the fiber ready does not let go.
    rt.run([&] {
      for (int i = 0; i < 50; ++i) ferry.cross(how);
    });
  }
  CHECK(rt.stats().steals > 0);
}

TEST_CASE("two fibers that compute between their hand-overs do so at the same time") {
  sluice::runtime rt{{.workers = 2}};
  for (const auto& ch : {sluice::channel<int>{sluice::rendezvous}, sluice::channel<int>{1}}) {
    constexpr int rounds = 100;
    std::atomic<int> arrived{0};
    rt.run([&] {
      auto putter = sluice::go([&] {
        for (int i = 1; i <= rounds; ++i) {
          ch.put(i);
          meet(arrived, 2 * i);
        }
      });
      for (int i = 1; i <= rounds; ++i) {
        CHECK(ch.get() == i);
        meet(arrived, 2 * i);
      }
      putter.join();
    });
  }
}

TEST_CASE("a fiber that never waits lets the others run at its channel operations") {
  const auto spin = [](auto operation) {
    sluice::runtime rt{{.workers = 1}};
    std::atomic<bool> over{false};
    auto spinner = rt.go([&] {
      while (!over) operation();
    });
    auto other = rt.go([&] { over = true; });
    spinner.join();
    other.join();
  };
  const sluice::channel<int> ch{8};
  const sluice::channel<int> meeting{sluice::rendezvous};
  spin([&] {
    static_cast<void>(ch.try_put(1));
    static_cast<void>(ch.try_get());
  });
  spin([&] {
    ch.put(1);
    ch.get();
  });
  spin([&] { static_cast<void>(meeting.try_get()); });
  spin([&] { static_cast<void>(ch.get_for(0s)); });
}

TEST_CASE("a fiber whose slice is over waits where every worker finds it") {
  // Of three that never wait, two are with one of the two workers. In its own queue they would have
  // half the slices of the third for as long as no worker has nothing to do.
  sluice::runtime rt{{.workers = 2}};
  const sluice::channel<int> empty;
  std::atomic<bool> over{false};
  std::vector<sluice::task<void>> busy;
  for (int i = 0; i < 3; ++i) {
    busy.push_back(rt.go([&] {
      while (!over) static_cast<void>(empty.try_get());
    }));
  }
  test::await([&] { return rt.stats().injected >= 3 + 3; });
  over = true;
  for (auto& one : busy) one.join();
}

TEST_CASE("what has not begun gets its turn soon beside fibers that use up their slices") {
  constexpr int enough = 12;  // slices; it used to take more than sixty
  for (const bool from_outside : {false, true}) {
    sluice::runtime rt{{.workers = 1}};
    std::atomic<bool> there{false};
    std::atomic<bool> begun{false};
    std::atomic<int> running{0};
    int slices = 0;  // of one hog after the other, while the third fiber is there
    int last = 0;
    const auto hog = [&, ch = sluice::channel<int>{1}](int me) {
      ++running;
      while (!begun && slices < enough) {
        if (std::exchange(last, me) != me && there) ++slices;
        static_cast<void>(ch.try_get());
      }
    };
    const auto late = [&] { begun = true; };
    std::vector<sluice::task<void>> all;
    if (from_outside) {
      for (const int me : {1, 2}) all.push_back(rt.go(hog, me));
      test::await([&] { return running == 2; });
      all.push_back(rt.go(late));
    } else {
      rt.run([&] {
        all.push_back(sluice::go(late));  // the newest go first
        for (const int me : {1, 2}) all.push_back(sluice::go(hog, me));
      });
    }
    there = true;
    for (auto& one : all) one.join();
    CHECK(slices < enough);
  }
}

TEST_CASE("two fibers that wake each other for ever do not starve a third") {
  for (const int workers : {1, 2}) {
    sluice::runtime rt{{.workers = workers}};
    std::atomic<bool> over{false};
    const sluice::channel<int> there{1};
    const sluice::channel<int> back{1};
    auto one = rt.go([&] {
      while (!over) {
        there.put(1);
        back.get();
      }
      there.close();
    });
    auto other = rt.go([&] {
      int item = 0;
      while (there >> item) back.put(item);
    });
    rt.run([] {});                                       // from outside
    rt.run([] { sluice::go([] {}).join(); });            // from inside
    rt.run([] { sluice::this_fiber::yield(); });         // made ready
    rt.run([] { sluice::this_fiber::sleep_for(1ms); });  // by its timer
    over = true;
    one.join();
    other.join();
  }
}

TEST_CASE("fibers that yield take turns") {
  sluice::runtime rt{{.workers = 1}};
  rt.run([] {
    int begun = 0;
    std::string turns;
    const auto body = [&](char name) {
      ++begun;
      while (begun < 3) sluice::this_fiber::yield();
      for (int i = 0; i < 3; ++i) {
        turns += name;
        sluice::this_fiber::yield();
      }
    };
    auto a = sluice::go(body, 'a');
    auto b = sluice::go(body, 'b');
    auto c = sluice::go(body, 'c');
    a.join();
    b.join();
    c.join();
    // Nobody's second turn comes before everybody's first.
    REQUIRE(turns.size() == 9);
    for (int round = 0; round < 3; ++round) {
      const std::set<char> seen(turns.begin() + 3 * round, turns.begin() + 3 * round + 3);
      CHECK_MESSAGE(seen.size() == 3, turns);
    }
  });
}

TEST_CASE("fibers that yield for ever do not keep a new one from beginning") {
  sluice::runtime rt{{.workers = 1}};
  rt.run([&] {
    bool begun = false;
    const auto yields = [&] {
      while (!begun) sluice::this_fiber::yield();
    };
    auto oldest = sluice::go([&] { begun = true; });
    auto one = sluice::go(yields);
    auto other = sluice::go(yields);
    yields();
    oldest.join();
    one.join();
    other.join();
  });
}

TEST_CASE("more fibers than a run queue holds all get their turn") {
  for (const int workers : {1, 2}) {
    sluice::runtime rt{{.workers = workers}};
    rt.run([] {
      const sluice::channel<int> gate{sluice::unbounded};
      std::vector<sluice::task<int>> tasks;
      for (int i = 0; i < 5'000; ++i) tasks.push_back(sluice::go([gate] { return gate.get(); }));
      sluice::this_fiber::yield();
      for (int i = 0; i < 5'000; ++i) gate.put(1);
      int sum = 0;
      for (auto& task : tasks) sum += task.join();
      CHECK(sum == 5'000);
    });
  }
}

TEST_CASE("a task begins beside more fibers that are always ready than a run queue holds") {
  sluice::runtime rt{{.workers = 1}};
  rt.run([] {
    std::atomic<bool> begun{false};
    std::vector<sluice::task<void>> ready;
    for (int i = 0; i < 300; ++i) {
      ready.push_back(sluice::go([&] {
        while (!begun) sluice::this_fiber::yield();
      }));
    }
    // Later than those: each has yielded, and they fill the queue and what overflows it.
    for (int i = 0; i < 1'000; ++i) sluice::this_fiber::yield();
    sluice::go([&] { begun = true; }).join();
    for (auto& task : ready) task.join();
    CHECK(begun);
  });
}

TEST_CASE("more than a busy worker's queues hold is taken by another worker") {
  constexpr int count = 2'000;
  sluice::runtime rt{{.workers = 2}};
  const auto spin_until = [](const std::atomic<int>& number) {
    while (number < count) std::this_thread::yield();  // gives away its core, not its worker
  };
  {
    const test::situation now("tasks that have not begun");
    std::atomic<int> ran{0};
    std::vector<sluice::task<void>> tasks;
    rt.run([&] {
      for (int i = 0; i < count; ++i) tasks.push_back(sluice::go([&] { ++ran; }));
      spin_until(ran);
    });
    for (auto& task : tasks) task.join();
  }
  const test::situation now("fibers that were woken");
  const sluice::channel<int> gate{1};
  std::atomic<int> begun{0};
  std::atomic<int> ran{0};
  std::vector<sluice::task<void>> tasks;
  for (int i = 0; i < count; ++i) {
    tasks.push_back(rt.go([&, gate] {
      ++begun;
      gate.join();
      ++ran;
    }));
  }
  rt.run([&] {
    while (begun < count) sluice::this_fiber::yield();
    gate.close();
    spin_until(ran);
  });
  for (auto& task : tasks) task.join();
}

TEST_CASE("an idle runtime does not run at all, whatever its fibers wait for") {
  const std::set<long> others = threads_of_this_process();
  sluice::runtime rt{{.workers = 4}};
  CHECK(becomes_idle(others));

  const sluice::channel<int> ch{1};
  auto getter = rt.go([ch] { return ch.get(); });
  auto timed = rt.go([ch] { return ch.get_for(1h).value(); });
  auto sleeper = rt.go([] { sluice::this_fiber::sleep_for(1h); });
  auto joiner = rt.go([&] { static_cast<void>(sleeper.join_for(1h)); });
  rt.run([] {});
  CHECK(becomes_idle(others));
  const auto sleeps = rt.stats().sleeps;

  // And it is awake at once when there is something to do.
  ch.put(3);
  ch.put(3);
  CHECK(getter.join() == 3);
  CHECK(timed.join() == 3);
  CHECK(sleeper.request_stop());
  joiner.join();
  CHECK(becomes_idle(others));
  CHECK(rt.stats().sleeps >= sleeps);
}

TEST_CASE("a stop that nobody obeys does not keep an idle runtime awake") {
  const std::set<long> others = threads_of_this_process();
  sluice::runtime rt{{.workers = 2}};
  // The stop came while the fiber waits in a destructor, where it is not obeyed.
  struct waits_at_its_end {
    sluice::channel<int> gate;
    ~waits_at_its_end() { gate.get(); }
  };
  const sluice::channel<int> gate{1};
  auto task = rt.go([gate] {
    const waits_at_its_end last{gate};
    sluice::channel<int>().get();
  });
  CHECK(task.request_stop());
  rt.run([] {});
  CHECK(becomes_idle(others));
  gate.put(1);
  CHECK_THROWS_AS(task.join(), sluice::cancelled);
}

TEST_CASE("a task from outside begins beside more fibers than workers that use up their slices") {
  sluice::runtime rt({.workers = 2});
  std::atomic<int> running{0};
  std::atomic<bool> begun{false};
  std::vector<sluice::task<void>> busy;
  for (int i = 0; i < 6; ++i) {
    busy.push_back(rt.go([&] {
      const sluice::channel<int> ch{1};
      ++running;
      while (!begun) static_cast<void>(ch.try_get());
    }));
  }
  test::await([&] { return running == 6; });
  rt.go([&] { begun = true; }).join();
  for (auto& one : busy) one.join();
}
