// Joins of one task by several strands at once: one of them gets the result, the others are told.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>

#include "sluice/sluice.hpp"
#include "support/parked.hpp"
#include "support/watch.hpp"

namespace {

const std::string long_text = "a text that is too long to lie beside its length";

bool is_whole(int value) { return value == 7; }
bool is_whole(const std::string& value) { return value == long_text; }
bool is_whole(const std::unique_ptr<int>& value) { return value != nullptr && *value == 7; }

/// How the joins of one task have ended.
struct join_ends {
  std::atomic<int> values{0};
  std::atomic<int> errors{0};
  std::atomic<int> refusals{0};

  template <class R>
  void join(sluice::task<R>& task) {
    try {
      if constexpr (std::is_void_v<R>) {
        task.join();
        ++values;
      } else {
        R value = task.join();
        values += is_whole(value) ? 1 : 0;
      }
    } catch (const std::range_error&) {
      ++errors;
    } catch (const std::logic_error&) {
      ++refusals;
    }
  }

  void check(bool with_value, int joins) const {
    CHECK(values == (with_value ? 1 : 0));
    CHECK(errors == (with_value ? 0 : 1));
    CHECK(refusals == joins - 1);
  }
};

/// Calls `body` with functions that end in every way. Its second argument: with a value?
template <class Body>
void with_every_end(Body body) {
  static int seven = 7;
  body([] { return 7; }, true);
  body([] { return long_text; }, true);
  body([] { return std::make_unique<int>(7); }, true);
  body([]() -> int& { return seven; }, true);
  body([] {}, true);
  body([]() -> int { throw std::range_error("once"); }, false);
  body([]() -> std::string { throw std::range_error("once"); }, false);
  body([]() -> std::unique_ptr<int> { throw std::range_error("once"); }, false);
  body([]() -> int& { throw std::range_error("once"); }, false);
  body([] { throw std::range_error("once"); }, false);
}

/// A task that ends as `end` does once an item was put into `gate`.
template <class End>
auto go_behind(sluice::runtime& rt, const sluice::channel<int>& gate, End end) {
  return rt.go([gate, end]() -> decltype(end()) {
    gate.get();
    return end();
  });
}

}  // namespace

TEST_CASE("of fibers that wait in join, one gets the result and the others a logic_error") {
  for (const int workers : {1, 2}) {
    sluice::runtime rt{{.workers = workers}};
    with_every_end([&](auto end, bool with_value) {
      const sluice::channel<int> gate{1};
      auto task = go_behind(rt, gate, end);
      join_ends ends;
      const auto joiner = [&] { ends.join(task); };
      auto first = rt.go(joiner);
      auto second = rt.go(joiner);
      auto third = rt.go(joiner);
      test::await_waiting(rt, "join", 3);
      gate.put(1);
      first.join();
      second.join();
      third.join();
      ends.check(with_value, 3);
    });
  }
}

TEST_CASE("of threads that join at once, one gets the result and the others a logic_error") {
  sluice::runtime rt{{.workers = 1}};
  for (int round = 0; round < 40 / test::slowness; ++round) {
    with_every_end([&](auto end, bool with_value) {
      const sluice::channel<int> gate{1};
      auto task = go_behind(rt, gate, end);
      const bool over_before = round % 2 == 1;
      if (over_before) {
        gate.put(1);
        CHECK(task.join_for(std::chrono::hours(1)));
      }
      join_ends ends;
      const auto joiner = [&] { ends.join(task); };
      std::thread first(joiner);
      std::thread second(joiner);
      if (!over_before) gate.put(1);
      first.join();
      second.join();
      ends.check(with_value, 2);
    });
    test::progress();
  }
}

TEST_CASE("a join that was cancelled has taken nothing, and another gets the result") {
  sluice::runtime rt{{.workers = 1}};
  const sluice::channel<int> gate{1};
  auto task = go_behind(rt, gate, [] { return std::make_unique<int>(7); });
  auto stopped = rt.go([&] { task.join(); });
  test::await_waiting(rt, "join");
  stopped.request_stop();
  CHECK_THROWS_AS(stopped.join(), sluice::cancelled);
  gate.put(1);
  CHECK(is_whole(task.join()));
  CHECK_THROWS_AS(task.join(), std::logic_error);
}
