// after and tick: one time point each time, nothing early, nothing left behind.
#include "sluice/time.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/allocations.hpp"
#include "support/child.hpp"
#include "support/fork.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using sluice::after;
using sluice::status;
using sluice::tick;
using beats = sluice::channel<clock::time_point>;

static_assert(std::is_same_v<decltype(after(1s)), beats>);
static_assert(std::is_same_v<decltype(tick(1s)), beats>);

TEST_CASE("after gives one time point, not early, and closes") {
  test::everywhere([](test::strands& crowd) {
    for (const auto d : {1us, 300us, 2000us}) {
      crowd.start([d] {
        const auto begin = clock::now();
        const beats ch = after(d);
        const auto at = ch.get();
        CHECK(clock::now() >= at);
        CHECK(at >= begin + d);
        ch.join();
        CHECK(ch.drained());
        CHECK_THROWS_AS(ch.get(), sluice::channel_closed);
      });
    }
    crowd.join();
  });
}

TEST_CASE("after of no time is there at once") {
  for (const auto d : {0s, -1s, std::chrono::seconds::min()}) {
    const beats ch = after(d);
    CHECK(ch.closed());
    CHECK(ch.size() == 1);
    CHECK(ch.try_get().value() <= clock::now());
    CHECK(ch.try_get().status() == status::closed);
  }
}

TEST_CASE("after of all time never comes") {
  const beats ch = after(std::chrono::hours::max());
  CHECK(ch.try_get().status() == status::empty);
  CHECK(ch.close());
  CHECK_THROWS_AS(ch.get(), sluice::channel_closed);
}

TEST_CASE("after may be closed before it comes") {
  const beats ch = after(1h);
  CHECK(ch.close());
  CHECK(ch.try_get().status() == status::closed);
  const beats soon = after(1ms);
  const bool ours = soon.close();
  const bool came = soon.get_for(5ms).status() == status::ok;
  CHECK((ours || came));  // it may have come first, and is delivered also then
  CHECK(soon.drained());
}

TEST_CASE("sooner ones that are made later come first") {
  const beats late = after(2h);
  const beats middle = after(1h);
  const beats soon = after(2ms);
  soon.get();
  CHECK(middle.empty());
  CHECK(late.empty());
}

TEST_CASE("tick gives one for each period, none early") {
  test::everywhere([](test::strands& crowd) {
    crowd.start([] {
      constexpr auto period = 300us;
      const auto begin = clock::now();
      const beats ch = tick(period);
      int n = 0;
      for (const auto at : ch) {
        ++n;
        CHECK(at >= begin + n * period);
        CHECK(ch.size() <= 1);
        if (n == 10) ch.close();
      }
      CHECK(n >= 10);
      CHECK(n <= 11);  // one may have waited when it was closed
    });
    crowd.join();
  });
}

TEST_CASE("of ticks that nobody gets one waits") {
  const beats ch = tick(100us);
  const auto first = ch.get();
  after(3ms).get();
  test::await([&] { return ch.size() == 1; });
  CHECK(ch.get() > first);
  ch.close();
}

TEST_CASE("tick of no period is refused") {
  CHECK_THROWS_AS(static_cast<void>(tick(0ms)), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(tick(-1ms)), std::invalid_argument);
  const beats never = tick(std::chrono::hours::max());
  CHECK(never.try_get().status() == status::empty);
}

TEST_CASE("a period below the clock's is rounded up") {
  const beats ch = tick(std::chrono::duration<double, std::nano>(0.25));
  for (int i = 0; i < 5; ++i) ch.get();
}

TEST_CASE("what is dropped is freed at once, with its timer" *
          doctest::skip(!test::counts_memory)) {
  after(0s).get();
  const auto before = test::blocks.load();
  for (int i = 0; i < 1000; ++i) {
    const beats a = after(1h);
    const beats b = tick(1h);
    const beats c = a;
  }
  CHECK(test::blocks == before);
}

TEST_CASE("drops race the moment at which it comes") {
  test::everywhere([](test::strands& crowd) {
    for (int i = 0; i < 4; ++i) {
      crowd.start([i] {
        auto random = test::random_for("drops", static_cast<std::uint64_t>(i));
        for (int round = 0; round < 300; ++round) {
          test::progress();
          std::optional<beats> ch(round % 2 == 0
                                      ? after(std::chrono::microseconds(random() % 60))
                                      : tick(std::chrono::microseconds(random() % 60 + 1)));
          switch (random() % 4) {
            case 0:
              break;
            case 1:
              for (auto spins = random() % 3000; spins > 0; --spins) {
                static_cast<void>(ch->empty());
              }
              break;
            case 2:
              ch->get();
              break;
            default:
              ch->close();
          }
          ch.reset();
        }
      });
    }
    crowd.join();
  });
}

TEST_CASE("it outlives the runtime of the fiber that asked for it") {
  std::optional<sluice::runtime> rt(std::in_place, sluice::runtime_options{.workers = 1});
  const beats ch = rt->run([] { return after(2ms); });
  rt.reset();
  ch.get();
  ch.join();
}

TEST_CASE("a stop ends the wait for it") {
  sluice::runtime rt({.workers = 1});
  auto task = rt.go([] { after(1h).get(); });
  task.request_stop();
  CHECK_THROWS_AS(task.join(), sluice::cancelled);
}

TEST_CASE("getters that wait for a tick get the end with the close") {
  const beats ch = tick(1h);
  std::thread getter([&] { CHECK_THROWS_AS(ch.get(), sluice::channel_closed); });
  ch.close();
  getter.join();
}

const test::child on_a_thread("on a plain thread with no runtime started", [] {
  after(2ms).get();
  const beats ch = tick(1ms);
  ch.get();
  after(3ms).get();
  ch.get();
});

TEST_CASE("it works on a plain thread before any runtime was started") {
  for (const char* workers : {"1", "2", "4"}) {
    const test::ending end = on_a_thread.run({std::string("SLUICE_WORKERS=") + workers});
    CHECK_MESSAGE(end.exit_code == 0, end);
  }
}

/// How often the threads of that name have gone to sleep.
std::string sleeps_of(const std::string& name) {
  std::string all;
  for (const auto& one : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(one.path() / "status");
    bool wanted = false;
    for (std::string line; std::getline(status, line);) {
      if (line == "Name:\t" + name) wanted = true;
      if (wanted && line.rfind("voluntary_ctxt_switches", 0) == 0) all += line;
    }
  }
  return all;
}

/// Returns when the ticker sleeps for good, as far as can be seen.
void await_sleeping_ticker() {
  std::string before;
  do {
    before = sleeps_of("sluice-ticker");
    std::this_thread::sleep_for(50ms);  // five ticks
  } while (before != sleeps_of("sluice-ticker"));
}

const test::child beside_a_busy_fiber("beside a fiber that never waits", [] {
  sluice::run([] {});
  await_sleeping_ticker();
  sluice::run([] {
    const beats own = after(1ms);
    while (!own.closed()) {
    }
    const beats ch = tick(1ms);
    for (int i = 0; i < 3; ++i) {
      while (ch.empty()) {
      }
      static_cast<void>(ch.try_get());
    }
  });
  await_sleeping_ticker();
  std::atomic<bool> over{false};
  auto spins = sluice::go([&] {
    while (!over) {
    }
  });
  after(2ms).get();
  over = true;
  spins.join();
});

TEST_CASE("it comes while every worker is held up by a fiber that never waits") {
  for (const char* workers : {"1", "2"}) {
    const test::ending end = beside_a_busy_fiber.run({std::string("SLUICE_WORKERS=") + workers});
    CHECK_MESSAGE(end.exit_code == 0, end);
  }
}

const test::child forked("a fork with alarms", [] {
  const beats mine = after(1h);
  std::optional<beats> dropped(tick(1h));
  const pid_t pid = ::fork();
  if (pid == 0) {
    dropped.reset();
    try {
      static_cast<void>(after(1ms));
    } catch (const std::logic_error&) {
      ::_exit(0);
    }
    ::_exit(1);
  }
  int how = 0;
  ::waitpid(pid, &how, 0);
  if (!WIFEXITED(how) || WEXITSTATUS(how) != 0) throw std::runtime_error("the child failed");
});

TEST_CASE("in a forked child after is refused, and drops wait for nothing" *
          test::unless_forks_hang()) {
  const test::ending end = forked.run();
  CHECK_MESSAGE(end.exit_code == 0, end);
}

}  // namespace
