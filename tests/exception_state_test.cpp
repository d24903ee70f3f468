// The C++ runtime keeps per thread which exceptions are caught and how many are on their way. A
// fiber must take both along when it goes on on another thread.
#include <doctest/doctest.h>

#include <atomic>
#include <exception>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/ferry.hpp"
#include "support/watch.hpp"

namespace {

constexpr int fibers = 24;
constexpr int rounds = test::slowness > 1 ? 3 : 8;

/// Counts how many are alive: one that is never ended by its handler would stay for ever.
struct numbered : std::exception {
  numbered(int thrower, int turn) : fiber(thrower), round(turn) { ++alive; }
  numbered(const numbered& other) : exception(other), fiber(other.fiber), round(other.round) {
    ++alive;
  }
  ~numbered() override { --alive; }
  inline static std::atomic<int> alive{0};
  int fiber;
  int round;
};

/// Runs `body(fiber, round)`, which returns how often it was wrong, in many fibers at once.
template <class Body>
int wrongs(int workers, Body body) {
  sluice::runtime rt{{.workers = workers}};
  return rt.run([&] {
    std::vector<sluice::task<int>> tasks;
    for (int fiber = 0; fiber < fibers; ++fiber) {
      tasks.push_back(sluice::go([&body, fiber] {
        int wrong = 0;
        for (int round = 0; round < rounds; ++round) wrong += body(fiber, round);
        return wrong;
      }));
    }
    int wrong = 0;
    for (auto& task : tasks) wrong += task.join();
    return wrong;
  });
}

template <class Body>
void check(Body body) {
  for (const int workers : {2, 3}) {
    CAPTURE(workers);
    CHECK(wrongs(workers, body) == 0);
    CHECK(numbered::alive == 0);
  }
}

int rethrow_after(test::ferry& ferry, test::way how, int fiber, int round) {
  int wrong = 0;
  try {
    throw numbered(fiber, round);
  } catch (const numbered& first) {
    const std::exception_ptr before = std::current_exception();
    ferry.cross(how);
    if (std::current_exception() != before) ++wrong;
    try {
      throw;
    } catch (const numbered& again) {
      if (&again != &first || again.fiber != fiber || again.round != round) ++wrong;
    } catch (...) {
      ++wrong;
    }
  }
  if (std::current_exception() != nullptr) ++wrong;
  return wrong;
}

int nested_catches(test::ferry& ferry, int fiber, int round) {
  int wrong = 0;
  try {
    try {
      throw numbered(fiber, round);
    } catch (const numbered& outer) {
      ferry.cross(test::way::get);
      try {
        throw numbered(fiber, -round - 1);
      } catch (const numbered& inner) {
        ferry.cross(test::way::yield);
        if (inner.fiber != fiber || inner.round != -round - 1) ++wrong;
      }
      ferry.cross(test::way::put);
      if (outer.fiber != fiber || outer.round != round) ++wrong;
      throw;
    }
  } catch (const numbered& passed_on) {
    ferry.cross(test::way::get);
    if (passed_on.fiber != fiber || passed_on.round != round) ++wrong;
  }
  return wrong;
}

/// Moves to another thread while an exception is on its way.
class crosses_at_its_end {
 public:
  crosses_at_its_end(test::ferry& ferry, int& wrong) : ferry_(ferry), wrong_(wrong) {}
  crosses_at_its_end(const crosses_at_its_end&) = delete;
  crosses_at_its_end& operator=(const crosses_at_its_end&) = delete;
  ~crosses_at_its_end() {
    if (std::uncaught_exceptions() != 1) ++wrong_;
    ferry_.cross(test::way::get);
    if (std::uncaught_exceptions() != 1) ++wrong_;
    if (std::current_exception() != nullptr) ++wrong_;  // not caught yet
    try {
      throw numbered(-1, -1);
    } catch (const numbered& own) {
      ferry_.cross(test::way::yield);
      if (own.fiber != -1 || std::uncaught_exceptions() != 1) ++wrong_;
    }
    if (std::uncaught_exceptions() != 1) ++wrong_;
  }

 private:
  test::ferry& ferry_;
  int& wrong_;
};

int wait_while_unwinding(test::ferry& ferry, int fiber, int round) {
  int wrong = 0;
  if (std::uncaught_exceptions() != 0) ++wrong;
  try {
    const crosses_at_its_end guard(ferry, wrong);
    throw numbered(fiber, round);
  } catch (const numbered& caught) {
    if (std::uncaught_exceptions() != 0) ++wrong;
    if (caught.fiber != fiber || caught.round != round) ++wrong;
  }
  if (std::uncaught_exceptions() != 0 || std::current_exception() != nullptr) ++wrong;
  return wrong;
}

}  // namespace

TEST_CASE("a fiber that waits in a catch block rethrows its own exception on another thread") {
  for (const test::way how : test::all_ways) {
    CAPTURE(static_cast<int>(how));
    test::ferry ferry;
    check([&](int fiber, int round) { return rethrow_after(ferry, how, fiber, round); });
  }
}

TEST_CASE("nested catch blocks keep their exceptions across threads") {
  test::ferry ferry;
  check([&](int fiber, int round) { return nested_catches(ferry, fiber, round); });
}

TEST_CASE("the count of uncaught exceptions moves with a fiber that waits in a destructor") {
  test::ferry ferry;
  check([&](int fiber, int round) { return wait_while_unwinding(ferry, fiber, round); });
}

TEST_CASE("a fiber without exceptions sees nothing of those of the others") {
  test::ferry ferry;
  check([&](int fiber, int round) {
    if (fiber % 2 == 0) return rethrow_after(ferry, test::way::yield, fiber, round);
    int wrong = 0;
    for (int i = 0; i < 20; ++i) {
      sluice::this_fiber::yield();
      if (std::current_exception() != nullptr || std::uncaught_exceptions() != 0) ++wrong;
    }
    return wrong;
  });
}

TEST_CASE("a new fiber sees nothing of the exception in whose handler it was started") {
  sluice::runtime rt{{.workers = 1}};
  rt.run([] {
    try {
      throw numbered(1, 1);
    } catch (const numbered&) {
      auto fresh = sluice::go(
          [] { return std::current_exception() == nullptr && std::uncaught_exceptions() == 0; });
      CHECK(fresh.join());
      CHECK(std::current_exception() != nullptr);
    }
  });
  CHECK(numbered::alive == 0);
}

TEST_CASE("an exception outlives the fiber that threw it") {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    auto thrower = sluice::go([] { throw numbered(7, 8); });
    try {
      thrower.join();
      FAIL("the join returned");
    } catch (const numbered& caught) {
      sluice::this_fiber::yield();
      CHECK(caught.fiber == 7);
      CHECK(caught.round == 8);
    }
  });
  CHECK(numbered::alive == 0);
}
