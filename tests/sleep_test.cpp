// Sleeps: never early, on every clock and strand.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

/// Runs the body on a plain thread, then as a fiber.
template <class Body>
void on_thread_and_fiber(Body body) {
  {
    const test::situation now("thread");
    body();
  }
  const test::situation now("fiber");
  sluice::runtime rt{{.workers = 1}};
  rt.run(body);
}

/// A clock of its own pace: a millisecond for each look at it, however long that took.
struct slow_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<slow_clock>;
  [[maybe_unused]] static constexpr bool is_steady = false;
  inline static std::atomic<int> looks{0};
  static time_point now() { return time_point(looks++ * 1ms); }
};

}  // namespace

TEST_CASE("a sleep is never shorter than asked for") {
  on_thread_and_fiber([] {
    for (const auto d : {1ns, 999ns, 1'000ns, 123'457ns, 1'000'000ns, 7'000'001ns}) {
      const auto before = steady::now();
      sluice::this_fiber::sleep_for(d);
      CHECK(steady::now() - before >= d);
    }
    const auto before = steady::now();
    sluice::this_fiber::sleep_for(std::chrono::duration<double, std::micro>(1500.25));
    CHECK(steady::now() - before >= std::chrono::nanoseconds(1'500'250));
  });
}

TEST_CASE("sleep_until does not return before its time, on any clock") {
  on_thread_and_fiber([] {
    const auto steady_end = steady::now() + 2ms;
    sluice::this_fiber::sleep_until(steady_end);
    CHECK(steady::now() >= steady_end);

    const auto system_end = std::chrono::system_clock::now() + 2ms;
    sluice::this_fiber::sleep_until(system_end);
    CHECK(std::chrono::system_clock::now() >= system_end);

    const auto in_seconds =
        std::chrono::ceil<std::chrono::seconds>(std::chrono::system_clock::now());
    sluice::this_fiber::sleep_until(in_seconds);
    CHECK(std::chrono::system_clock::now() >= in_seconds);
  });
}

TEST_CASE("a clock that runs slower than the steady one is looked at again") {
  on_thread_and_fiber([] {
    const auto end = slow_clock::now() + 20ms;
    sluice::this_fiber::sleep_until(end);
    CHECK(slow_clock::now() >= end);
  });
}

TEST_CASE("a sleep of nothing or less returns") {
  on_thread_and_fiber([] {
    sluice::this_fiber::sleep_for(0s);
    sluice::this_fiber::sleep_for(-1h);
    sluice::this_fiber::sleep_for(std::chrono::nanoseconds::min());
    sluice::this_fiber::sleep_for(std::chrono::hours::min());
    sluice::this_fiber::sleep_until(steady::time_point::min());
    sluice::this_fiber::sleep_until(steady::now() - 1h);
    sluice::this_fiber::sleep_until(std::chrono::system_clock::time_point());
  });
}

TEST_CASE("a sleep of a huge time saturates: it lasts until the stop") {
  for (const int workers : {1, 2}) {
    sluice::runtime rt{{.workers = workers}};
    std::vector<sluice::task<void>> tasks;
    tasks.push_back(rt.go([] { sluice::this_fiber::sleep_for(std::chrono::hours::max()); }));
    tasks.push_back(rt.go([] { sluice::this_fiber::sleep_for(std::chrono::nanoseconds::max()); }));
    tasks.push_back(rt.go([] { sluice::this_fiber::sleep_until(steady::time_point::max()); }));
    tasks.push_back(
        rt.go([] { sluice::this_fiber::sleep_for(std::chrono::duration<double>(1e300)); }));
    // Let them begin: each fiber that a run starts comes after those before it.
    for (int i = 0; i < 10; ++i) rt.run([] { sluice::this_fiber::sleep_for(100us); });
    for (auto& task : tasks) CHECK_FALSE(task.done());
    for (auto& task : tasks) CHECK(task.request_stop());
    for (auto& task : tasks) CHECK_THROWS_AS(task.join(), sluice::cancelled);
  }
}

TEST_CASE("thousands of sleepers wake, none of them early") {
  for (const int workers : {1, 2, 4}) {
    sluice::runtime rt{{.workers = workers}};
    std::vector<sluice::task<bool>> tasks;
    auto random = test::random_for("thousands", static_cast<std::uint64_t>(workers));
    for (int i = 0; i < 5'000; ++i) {
      const auto d = std::chrono::microseconds(random() % 20'000);
      tasks.push_back(rt.go([d] {
        const auto before = steady::now();
        sluice::this_fiber::sleep_for(d);
        return steady::now() - before >= d;
      }));
    }
    int early = 0;
    for (auto& task : tasks) early += task.join() ? 0 : 1;
    CHECK(early == 0);
  }
}

TEST_CASE("a sleeper wakes while its only worker is busy with fibers that never wait") {
  sluice::runtime rt{{.workers = 1}};
  std::atomic<bool> awake{false};
  auto sleeper = rt.go([&] {
    sluice::this_fiber::sleep_for(1ms);
    awake = true;
  });
  auto busy = rt.go([&] {
    const sluice::channel<int> ch{1};
    while (!awake) {
      static_cast<void>(ch.try_put(1));
      static_cast<void>(ch.try_get());
    }
  });
  sleeper.join();
  busy.join();
}

TEST_CASE("a sleeper wakes while the worker that it slept on is busy and another is idle") {
  sluice::runtime rt{{.workers = 2}};
  for (int round = 0; round < 20; ++round) {
    test::progress();
    std::atomic<bool> asleep{false};
    std::atomic<bool> awake{false};
    auto sleeper = rt.go([&] {
      asleep = true;
      sluice::this_fiber::sleep_for(std::chrono::milliseconds(2 + round));
      awake = true;
    });
    const auto before = steady::now();
    while (!asleep || steady::now() - before < 1ms) std::this_thread::yield();
    // Perhaps this takes the very worker that was to wake for the timer.
    auto busy = rt.go([&] {
      while (!awake) {
      }
    });
    busy.join();
    sleeper.join();
  }
}

TEST_CASE("a sleep that is over before a stop returns, one that is not throws") {
  // Both ends race; what the fiber says must agree with the clock.
  sluice::runtime rt{{.workers = 2}};
  for (int round = 0; round < 300; ++round) {
    const auto d = std::chrono::microseconds(50 + round % 100);
    const auto before = steady::now();
    auto task = rt.go([d] { sluice::this_fiber::sleep_for(d); });
    while (steady::now() - before < d) {
    }
    task.request_stop();
    try {
      task.join();
      CHECK(steady::now() - before >= d);
    } catch (const sluice::cancelled&) {
    }
  }
}

TEST_CASE("a plain thread sleeps without a runtime and is not cancelled") {
  std::thread([] {
    const auto before = steady::now();
    sluice::this_fiber::sleep_for(3ms);
    CHECK(steady::now() - before >= 3ms);
    sluice::this_fiber::yield();
  }).join();
}
