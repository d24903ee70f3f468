// The end of a runtime, of the default one at exit, and of many in a row under load.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/child.hpp"
#include "support/parked.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;

/// Uses the default runtime when static objects are destroyed.
struct works_at_exit {
  ~works_at_exit() {
    sluice::channel<int> ch{1};
    auto task = sluice::go([ch] { ch.put(41); });
    const int got = ch.get() + sluice::run([] { return 1; });
    task.join();
    std::printf("static destructor: %d\n", got);
    std::fflush(stdout);
  }
};

const test::child at_exit("work at exit", [] {
  static const works_at_exit last;
  std::atexit([] {
    std::printf("atexit: %d\n", sluice::run([] { return 7; }));
    std::fflush(stdout);
  });
  sluice::run([] {});
});

const test::child fibers_at_exit("fibers at exit", [] {
  // Parked, asleep and running when main returns.
  sluice::go([] { sluice::channel<int>().get(); });
  sluice::go([] { sluice::this_fiber::sleep_for(1h); });
  sluice::go([] {
    for (;;) sluice::this_fiber::yield();
  });
  sluice::go([] {
    for (volatile bool on = true; on;) {
    }
  });
  sluice::run([] {});
});

const test::child static_runtime("a static runtime", [] {
  static sluice::channel<int> never;
  static sluice::runtime rt{{.workers = 2}};
  rt.go([] {
    try {
      never.get();
    } catch (const sluice::cancelled&) {
      std::printf("stopped\n");
      std::fflush(stdout);
      throw;
    }
  });
  rt.run([] {});
});

const test::child slow_to_stop("slow to stop", [] {
  std::atomic<bool> leave{false};
  std::thread later;
  {
    sluice::runtime rt{{.workers = 1}};
    sluice::channel<int> begun{1};
    rt.go({.name = "deaf one"}, [&leave, begun] {
      begun.put(1);
      while (!leave) {
      }
    });
    begun.get();
    later = std::thread([&] {
      // Longer than the destructor's patience; nothing depends on how much longer.
      std::this_thread::sleep_for(6s);
      leave = true;
    });
  }
  later.join();
});

}  // namespace

TEST_CASE("the end of a runtime stops its parked fibers and waits for them") {
  for (const int workers : {1, 2, 4}) {
    std::atomic<int> stopped{0};
    std::atomic<int> unwound{0};
    const auto park = [&](auto wait) {
      return [&, wait] {
        struct at_end {
          std::atomic<int>& count;
          ~at_end() { ++count; }
        } const count{unwound};
        try {
          wait();
        } catch (const sluice::cancelled&) {
          ++stopped;
          throw;
        }
      };
    };
    const sluice::channel<int> empty{1};
    const sluice::channel<int> meeting{sluice::rendezvous};
    {
      sluice::runtime rt{{.workers = workers}};
      rt.go(park([=] { empty.get(); }));
      rt.go(park([=] { meeting.put(1); }));
      rt.go(park([=] { static_cast<void>(empty.get_for(1h)); }));
      rt.go(park([=] { empty.join(); }));
      rt.go(park([=] { sluice::this_fiber::sleep_for(1h); }));
      rt.go(park([=] { sluice::go([=] { empty.get(); }).join(); }));
      rt.go(park([=] {
        for (;;) sluice::this_fiber::yield();
      }));
    }
    CHECK(stopped == 7);
    CHECK(unwound == 7);
    CHECK(meeting.try_get().status() == sluice::status::empty);
  }
}

TEST_CASE("the end of a runtime waits for fibers that run, and for those that they start") {
  for (const int workers : {1, 2}) {
    std::atomic<int> ended{0};
    std::atomic<bool> leaving{false};
    std::optional<sluice::runtime> rt;
    rt.emplace(sluice::runtime_options{.workers = workers});
    sluice::channel<int> begun{1};
    rt->go([&, begun] {
      begun.put(1);
      // Looks at the stop only after the destructor has begun.
      while (!sluice::this_fiber::stop_requested()) {
      }
      leaving = true;
      sluice::go([&] { ++ended; });
      ++ended;
    });
    begun.get();
    rt.reset();
    CHECK(leaving);
    CHECK(ended == 2);
  }
}

TEST_CASE("fibers that were never started still run, and see the stop, at the end of a runtime") {
  std::atomic<int> begun{0};
  {
    sluice::runtime rt{{.workers = 1}};
    for (int i = 0; i < 1'000; ++i) {
      rt.go([&] {
        ++begun;
        sluice::channel<int>().get();
      });
    }
  }
  CHECK(begun == 1'000);
}

TEST_CASE("tasks outlive their runtime") {
  sluice::task<int> value;
  sluice::task<int> stopped;
  {
    sluice::runtime rt{{.workers = 1}};
    value = rt.go([] { return 5; });
    CHECK(value.join_for(1h));
    stopped = rt.go([] { return sluice::channel<int>().get(); });
  }
  CHECK(value.done());
  CHECK(value.join() == 5);
  CHECK(stopped.done());
  CHECK_FALSE(stopped.request_stop());
  CHECK_THROWS_AS(stopped.join(), sluice::cancelled);
}

TEST_CASE("items that a stopped fiber has put are still there after its runtime") {
  const sluice::channel<int> out{sluice::unbounded};
  {
    sluice::runtime rt{{.workers = 2}};
    rt.go([out] {
      for (int i = 0; i < 10; ++i) out.put(i);
      sluice::channel<int>().get();
    });
    CHECK(out.get() == 0);
  }
  int sum = 0;
  while (auto item = out.try_get()) sum += *item;
  CHECK(sum <= 45);
}

TEST_CASE("the end of a runtime waits for a destructor that waits while a stop unwinds its fiber") {
  struct last_words {
    const sluice::channel<int>& to;
    ~last_words() { to.put(2); }  // in the unwinding nothing is cancelled
  };
  const sluice::channel<int> full{1};
  full.put(1);
  std::optional<sluice::runtime> rt;
  rt.emplace(sluice::runtime_options{.workers = 1});
  rt->go([&] {
    const last_words speaks{full};
    sluice::channel<int>{1}.get();
  });
  test::await_waiting(*rt, "get");
  std::atomic<bool> over{false};
  std::thread ends([&] {
    rt.reset();
    over = true;
  });
  test::await([&] { return test::putters_waiting(full) == 1; });
  CHECK(!over);
  CHECK(full.get() == 1);
  CHECK(full.get() == 2);
  ends.join();
}

TEST_CASE("a runtime of a thousand workers starts, works and ends") {
  for (int round = 0; round < 2; ++round) {
    test::progress();
    sluice::runtime rt{{.workers = 1000}};
    CHECK(rt.stats().workers == 1000);
    const sluice::channel<int> ch{3};
    rt.go([ch] { ch.put(1); });
    CHECK(rt.run([ch] { return ch.get(); }) == 1);
    rt.go([] { sluice::channel<int>{1}.get(); });
  }
}

TEST_CASE("runtimes start and end in a row, idle and under load") {
  const int rounds = 300 / test::slowness;
  for (int round = 0; round < rounds; ++round) {
    test::progress();
    sluice::runtime rt{{.workers = round % 20 == 0 ? 64 : 1 + round % 4}};
    if (round % 3 == 0) continue;
    const sluice::channel<int> ch{round % 2 == 0 ? 1 : 64};
    for (int i = 0; i < 8; ++i) {
      rt.go([ch] {
        for (int n = 0;; ++n) ch.put(n);
      });
      rt.go([ch] {
        for (;;) ch.get();
      });
    }
    if (round % 3 == 1) rt.run([] {});
  }
}

TEST_CASE("a runtime ends while threads and another runtime use its channels") {
  for (int round = 0; round < 50 / test::slowness; ++round) {
    test::progress();
    const sluice::channel<int> ch{2};
    sluice::runtime stays{{.workers = 1}};
    constexpr int items = 200;
    std::atomic<int> got{0};
    std::atomic<int> sum{0};
    const auto count = [&](int item) {
      ++got;
      sum += item;
    };
    auto getter = stays.go([ch, count] {
      for (const int item : ch) count(item);
    });
    std::thread putter([ch] {
      for (int i = 0; i < items; ++i) ch.put(i);
      ch.close();
    });
    {
      sluice::runtime goes{{.workers = 2}};
      for (int i = 0; i < 4; ++i) {
        goes.go([ch, count] {
          while (const auto item = ch.get_for(1h)) count(*item);
        });
      }
    }
    putter.join();
    getter.join();
    CHECK(got == items);
    CHECK(sum == items * (items - 1) / 2);
    CHECK(ch.drained());
  }
}

TEST_CASE("the default runtime works at exit and in static destructors") {
  const test::ending end = at_exit.run();
  CAPTURE(end);
  CHECK(end.exit_code == 0);
  CHECK(end.wrote == "atexit: 7\nstatic destructor: 42\n");
}

TEST_CASE("a process exits although fibers of the default runtime are parked, asleep and busy") {
  const test::ending end = fibers_at_exit.run({"SLUICE_WORKERS=3"});
  CAPTURE(end);
  CHECK(end.exit_code == 0);
}

TEST_CASE("a static runtime ends at exit as any other") {
  const test::ending end = static_runtime.run();
  CAPTURE(end);
  CHECK(end.exit_code == 0);
  CHECK(end.wrote == "stopped\n");
}

TEST_CASE("a runtime that waits long for a fiber at its end says for which") {
  const test::ending end = slow_to_stop.run();
  CAPTURE(end);
  CHECK(end.exit_code == 0);
  CHECK(end.says("deaf one"));
}
