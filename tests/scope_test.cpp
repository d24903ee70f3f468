// scope: nothing outlives it, the first error stops the rest, stops go from the inside out.
#include "sluice/scope.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sluice/detail/park/attention.hpp"
#include "sluice/sluice.hpp"
#include "support/child.hpp"
#include "support/fork.hpp"
#include "support/parked.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::cancelled;
using sluice::scope;

struct failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What on_unhandled hears.
struct reports {
  std::mutex lock;
  std::vector<std::string> heard;

  sluice::runtime_options options(int workers) {
    return {.workers = workers,
            .on_unhandled = [this](std::string_view fiber, const std::exception_ptr& error) {
              std::string text(fiber);
              try {
                std::rethrow_exception(error);
              } catch (const std::exception& what) {
                text += std::string(": ") + what.what();
              }
              const std::lock_guard guard(lock);
              heard.push_back(text);
            }};
  }
};

// ---- the good case ---------------------------------------------------------------------------

TEST_CASE("join waits for all, also for those that fibers of the scope start in it") {
  test::everywhere([](test::strands& crowd) {
    crowd.start([] {
      std::atomic<int> ended{0};
      scope s;
      for (int i = 0; i < 20; ++i) {
        s.go([&] {
          sluice::this_fiber::yield();
          for (int k = 0; k < 3; ++k) {
            s.go([&] {
              sluice::this_fiber::yield();
              ++ended;
            });
          }
          ++ended;
        });
      }
      s.join();
      CHECK(ended == 80);
      s.join();
      s.go([&] { ++ended; });  // it can be used again
      s.join();
      CHECK(ended == 81);
    });
    crowd.join();
  });
}

TEST_CASE("an empty scope is joined at once") {
  scope s;
  s.join();
  CHECK(s.request_stop());
  CHECK_FALSE(s.request_stop());
}

TEST_CASE("go takes options and arguments and returns the task") {
  scope s;
  std::string name;
  auto sum =
      s.go([](int a, std::unique_ptr<int> b) { return a + *b; }, 1, std::make_unique<int>(2));
  s.go(
      sluice::fiber_options{.name = "named", .stack_size = 64 * 1024},
      [&](int) { name = sluice::this_fiber::name(); }, 1);
  s.join();
  CHECK(sum.done());
  CHECK(sum.join() == 3);
  CHECK(name == "named");
  CHECK_THROWS_AS(s.go(static_cast<void (*)()>(nullptr)), std::invalid_argument);
  CHECK_THROWS_AS(s.go(sluice::fiber_options{.stack_size = std::size_t{1} << 60}, [] {}),
                  std::length_error);
  s.join();
}

TEST_CASE("what a task captured, and a value that nobody took, are gone when join returns") {
  struct slow_to_go {
    std::atomic<int>* living;
    explicit slow_to_go(std::atomic<int>& l) : living(&l) { ++*living; }
    slow_to_go(const slow_to_go& other) : living(other.living) { ++*living; }
    slow_to_go& operator=(const slow_to_go&) = delete;
    ~slow_to_go() {
      for (int i = 0; i < 3; ++i) sluice::this_fiber::yield();
      --*living;
    }
  };
  for (const int workers : {1, 2, 4}) {
    sluice::runtime rt({.workers = workers});
    rt.run([] {
      for (int round = 0; round < 50; ++round) {
        std::atomic<int> living{0};
        {
          scope s;
          for (int i = 0; i < 4; ++i) s.go([held = slow_to_go(living)] { return held; });
          s.join();
          CHECK(living == 0);
        }
      }
    });
  }
}

// ---- errors ----------------------------------------------------------------------------------

TEST_CASE("the first error stops the rest and is rethrown by join, once") {
  test::everywhere([](test::strands& crowd) {
    crowd.start([] {
      sluice::channel<int> never{1};
      std::atomic<int> stopped{0};
      scope s;
      for (int i = 0; i < 4; ++i) {
        s.go([&] {
          try {
            never.get();
          } catch (const cancelled&) {
            CHECK(sluice::this_fiber::stop_requested());
            ++stopped;
            throw;
          }
        });
      }
      s.go([] { throw failure("first"); });
      CHECK_THROWS_WITH_AS(s.join(), "first", failure);
      CHECK(stopped == 4);
      s.join();
      CHECK(never.empty());
    });
    crowd.join();
  });
}

TEST_CASE("later errors are dropped, and none of a scope's errors reaches on_unhandled") {
  reports all;
  sluice::runtime rt(all.options(2));
  rt.run([] {
    sluice::channel<int> never{1};
    scope s;
    s.go([&] {
      try {
        never.get();
      } catch (const cancelled&) {
        throw failure("second");
      }
    });
    s.go([] { throw failure("first"); });
    CHECK_THROWS_WITH_AS(s.join(), "first", failure);
  });
  CHECK(all.heard.empty());
}

TEST_CASE("a task that ends by `cancelled` stops nobody") {
  sluice::runtime rt({.workers = 2});
  rt.run([] {
    sluice::channel<int> never{1};
    sluice::channel<int> gate{1};
    int got = 0;
    scope s;
    auto one = s.go([&] { never.get(); });
    s.go([&] { got = gate.get(); });
    CHECK(one.request_stop());
    CHECK_THROWS_AS(one.join(), cancelled);
    gate.put(5);
    s.join();
    CHECK(got == 5);
  });
}

TEST_CASE("the task's own join rethrows too") {
  scope s;
  auto one = s.go([]() -> int { throw failure("mine"); });
  CHECK_THROWS_AS(one.join(), failure);
  CHECK_THROWS_AS(s.join(), failure);
}

TEST_CASE("an error that no join has rethrown reaches on_unhandled with the fiber's name") {
  reports all;
  sluice::runtime rt(all.options(2));
  rt.run([] {
    scope s;
    auto failing = s.go(sluice::fiber_options{.name = "sorter"}, [] { throw failure("lost"); });
    static_cast<void>(failing.join_for(1h));
  });
  REQUIRE(all.heard.size() == 1);
  CHECK(all.heard[0] == "sorter: lost");
}

TEST_CASE("during unwinding the exception on its way speaks for the scope's errors") {
  reports all;
  sluice::runtime rt(all.options(2));
  rt.run([] {
    try {
      scope s;
      auto failing = s.go([] { throw failure("lost"); });
      static_cast<void>(failing.join_for(1h));
      throw failure("outer");
    } catch (const failure& error) {
      CHECK(std::string(error.what()) == "outer");
    }
  });
  CHECK(all.heard.empty());
}

// ---- stops -----------------------------------------------------------------------------------

TEST_CASE("a stop inside join stops the fibers, waits for them, then throws") {
  for (const int workers : {1, 2, 4}) {
    sluice::runtime rt({.workers = workers});
    std::atomic<int> ended{0};
    sluice::channel<int> never{1};
    auto owner = rt.go([&] {
      scope s;
      for (int i = 0; i < 3; ++i) {
        s.go([&] {
          try {
            never.get();
          } catch (const cancelled&) {
            sluice::shield([] {
              for (int k = 0; k < 5; ++k) sluice::this_fiber::yield();
            });
            ++ended;
            throw;
          }
        });
      }
      try {
        s.join();
        CHECK(false);
      } catch (const cancelled&) {
        CHECK(ended == 3);
        throw;
      }
    });
    test::await_waiting(rt, "get", 3);
    test::await_waiting(rt, "join of a scope");
    owner.request_stop();
    CHECK_THROWS_AS(owner.join(), cancelled);
    CHECK(ended == 3);
  }
}

TEST_CASE("a join after the stop throws even where nothing is to be waited for") {
  sluice::runtime rt({.workers = 1});
  auto owner = rt.go([&] {
    while (!sluice::this_fiber::stop_requested()) {
      sluice::shield([] { sluice::this_fiber::yield(); });
    }
    scope s;
    s.join();
  });
  owner.request_stop();
  CHECK_THROWS_AS(owner.join(), cancelled);
}

TEST_CASE("on a plain thread a join obeys with_stop") {
  sluice::channel<int> never{1};
  std::atomic<int> begun{0};
  std::stop_source source;
  std::thread owner([&] {
    sluice::with_stop(source.get_token(), [&] {
      scope s;
      s.go([&] {
        ++begun;
        never.get();
      });
      CHECK_THROWS_AS(s.join(), cancelled);
    });
  });
  test::await([&] { return begun == 1; });
  source.request_stop();
  owner.join();
}

TEST_CASE("the destructor stops and waits, however long a fiber ignores its stop") {
  test::everywhere([](test::strands& crowd) {
    crowd.start([] {
      sluice::channel<int> never{1};
      std::atomic<int> ended{0};
      std::atomic<bool> begun{false};
      {
        scope s;
        s.go([&] {
          begun = true;
          while (!sluice::this_fiber::stop_requested()) {
            sluice::shield([] { sluice::this_fiber::yield(); });
          }
          for (int i = 0; i < 100; ++i) sluice::shield([] { sluice::this_fiber::yield(); });
          ++ended;
        });
        s.go([&] {
          try {
            never.get();
          } catch (...) {
            ++ended;
          }
        });
        test::await([&] { return begun.load(); });
      }
      CHECK(ended == 2);
    });
    crowd.join();
  });
}

TEST_CASE("the destructor waits during unwinding too, also when its own strand is stopped") {
  for (const int workers : {1, 2}) {
    sluice::runtime rt({.workers = workers});
    sluice::channel<int> never{1};
    std::atomic<int> ended{0};
    auto owner = rt.go([&] {
      scope s;
      s.go([&] {
        try {
          never.get();
        } catch (const cancelled&) {
          for (int i = 0; i < 50; ++i) sluice::shield([] { sluice::this_fiber::yield(); });
          ++ended;
          throw;
        }
      });
      never.get();
    });
    test::await_waiting(rt, "get", 2);
    owner.request_stop();
    CHECK_THROWS_AS(owner.join(), cancelled);
    CHECK(ended == 1);
  }
}

TEST_CASE("request_stop stops fibers that run, wait, have not begun, or come later") {
  sluice::runtime rt({.workers = 1});
  rt.run([] {
    sluice::channel<int> never{1};
    std::atomic<int> stopped{0};
    const auto wait = [&] {
      try {
        never.get();
      } catch (const cancelled&) {
        ++stopped;
      }
    };
    scope s;
    s.go(wait);
    sluice::this_fiber::yield();
    s.go(wait);
    CHECK(s.request_stop());
    CHECK_FALSE(s.request_stop());
    s.go(wait);
    s.join();
    CHECK(stopped == 3);
  });
}

TEST_CASE("nested scopes end from the inside out") {
  sluice::runtime rt({.workers = 2});
  sluice::channel<int> never{1};
  std::mutex lock;
  std::vector<int> order;
  const auto note = [&](int depth) {
    const std::lock_guard guard(lock);
    order.push_back(depth);
  };
  auto owner = rt.go([&] {
    scope outer;
    outer.go([&] {
      try {
        scope middle;
        middle.go([&] {
          try {
            scope inner;
            inner.go([&] {
              try {
                never.get();
              } catch (const cancelled&) {
                note(3);
                throw;
              }
            });
            inner.join();
          } catch (const cancelled&) {
            note(2);
            throw;
          }
        });
        middle.join();
      } catch (const cancelled&) {
        note(1);
        throw;
      }
    });
    try {
      outer.join();
    } catch (const cancelled&) {
      note(0);
      throw;
    }
  });
  test::await_waiting(rt, "get");
  test::await_waiting(rt, "join of a scope", 3);
  owner.request_stop();
  CHECK_THROWS_AS(owner.join(), cancelled);
  CHECK(order == std::vector<int>{3, 2, 1, 0});
}

TEST_CASE("the end of a runtime stops scopes and their fibers") {
  std::optional<sluice::runtime> rt(std::in_place, sluice::runtime_options{.workers = 2});
  sluice::channel<int> never{1};
  std::atomic<int> stopped{0};
  auto owner = rt->go([&] {
    scope s;
    for (int i = 0; i < 3; ++i) {
      s.go([&] {
        try {
          never.get();
        } catch (const cancelled&) {
          ++stopped;
          throw;
        }
      });
    }
    try {
      s.join();  // completes if its fibers are told first, and all end before it is told
    } catch (const cancelled&) {
    }
    CHECK(stopped == 3);
    CHECK_THROWS_AS(s.join(), cancelled);
  });
  test::await_waiting(*rt, "get", 3);
  rt.reset();
  owner.join();
}

TEST_CASE("stops race ends") {
  for (const int workers : {1, 2, 4}) {
    sluice::runtime rt({.workers = workers});
    for (int round = 0; round < 300; ++round) {
      test::progress();
      std::atomic<int> living{0};
      auto owner = rt.go([&] {
        sluice::channel<int> ch{1};
        scope s;
        for (int i = 0; i < 3; ++i) {
          s.go([&, i] {
            struct counted {
              std::atomic<int>& n;
              explicit counted(std::atomic<int>& all) : n(all) { ++n; }
              ~counted() { --n; }
            } const me(living);
            if (i == 2 && round % 3 == 0) throw failure("now");
            ch.put(i);
            ch.get();
          });
        }
        try {
          s.join();
        } catch (const failure&) {
        }
        CHECK(living == 0);
      });
      if (round % 2 == 0) sluice::this_fiber::yield();
      owner.request_stop();
      try {
        owner.join();
      } catch (const cancelled&) {
      }
      CHECK(living == 0);
    }
  }
  test::await([] { return sluice::detail::attention.load() == 0; });
}

// ---- misuse ------------------------------------------------------------------------------------

TEST_CASE("join by one of its own fibers is refused") {
  scope s;
  s.go([&] { CHECK_THROWS_AS(s.join(), std::logic_error); });
  s.join();
}

const test::child forked("a fork within a scope", [] {
  sluice::channel<int> never{1};
  scope s;
  s.go([&] { never.get(); });
  const pid_t pid = ::fork();
  if (pid == 0) {
    try {
      s.join();
    } catch (const std::logic_error&) {
      try {
        s.go([] {});
      } catch (const std::logic_error&) {
        s.~scope();
        ::_exit(0);
      }
    }
    ::_exit(1);
  }
  int how = 0;
  ::waitpid(pid, &how, 0);
  s.request_stop();
  s.join();
  std::_Exit(WIFEXITED(how) ? WEXITSTATUS(how) : 2);
});

TEST_CASE("in a forked child a scope waits for nothing" * test::unless_forks_hang()) {
  const test::ending end = forked.run();
  CHECK_MESSAGE(end.exit_code == 0, end);
}

}  // namespace
