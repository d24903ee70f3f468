// shield: no stop is thrown until the work is over, and then it is.
#include "sluice/shield.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <type_traits>

#include "sluice/sluice.hpp"
#include "support/parked.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::this_fiber::stop_requested;

TEST_CASE("a stop that was requested before a shield is thrown after it") {
  sluice::runtime rt({.workers = 2});
  sluice::channel<int> go_on{1};
  sluice::channel<int> some{4};
  auto task = rt.go([&] {
    while (!stop_requested()) static_cast<void>(go_on.try_get());
    int sum = 0;
    sluice::shield([&] {
      some.put(1);
      some << 2;
      sum += some.get();
      sluice::this_fiber::yield();
      sluice::this_fiber::sleep_for(1us);
      CHECK(some.get_for(1h).value() == 2);
      CHECK(stop_requested());
      ++sum;
    });
    CHECK(sum == 2);
    CHECK_THROWS_AS(some.put(3), sluice::cancelled);
    CHECK_THROWS_AS(sluice::this_fiber::yield(), sluice::cancelled);
    return sum;
  });
  CHECK(task.request_stop());
  CHECK(task.join() == 2);
  CHECK(some.size() == 0);
}

TEST_CASE("a stop does not end a wait under a shield") {
  for (const int workers : {1, 2, 4}) {
    sluice::runtime rt({.workers = workers});
    sluice::channel<int> items{sluice::rendezvous};
    auto task = rt.go([&] {
      const int item = sluice::shield([&] { return items.get(); });
      CHECK_THROWS_AS(items.get(), sluice::cancelled);
      return item;
    });
    test::await_waiting(rt, "get");
    CHECK(task.request_stop());
    CHECK_FALSE(task.join_for(1ms));
    CHECK(test::count_waiting(rt, "get") == 1);
    CHECK(items.try_put(7) == sluice::status::ok);
    CHECK(task.join() == 7);
  }
}

TEST_CASE("a runtime that ends waits for a shield") {
  sluice::channel<int> gate{sluice::rendezvous};
  std::optional<sluice::runtime> rt(std::in_place, sluice::runtime_options{.workers = 2});
  std::atomic<bool> finished{false};
  auto task = rt->go([&] {
    sluice::shield([&] {
      gate.get();
      sluice::this_fiber::yield();
    });
    finished = true;
    gate.get();
  });
  test::await_waiting(*rt, "get");
  std::thread closer([&] { rt.reset(); });
  gate.put(1);
  CHECK_THROWS_AS(task.join(), sluice::cancelled);
  CHECK(finished);
  closer.join();
}

TEST_CASE("shields nest") {
  sluice::runtime rt({.workers = 1});
  sluice::channel<int> some{9};
  auto task = rt.go([&] {
    while (!stop_requested()) static_cast<void>(some.try_get());
    sluice::shield([&] {
      sluice::shield([&] { some.put(1); });
      some.put(2);
    });
    CHECK_THROWS_AS(some.put(3), sluice::cancelled);
  });
  task.request_stop();
  task.join();
  CHECK(some.size() == 2);
}

TEST_CASE("a shield ends with an exception too") {
  sluice::runtime rt({.workers = 1});
  sluice::channel<int> some{9};
  auto task = rt.go([&] {
    while (!stop_requested()) static_cast<void>(some.try_get());
    CHECK_THROWS_AS(sluice::shield([] { throw std::runtime_error("inside"); }), std::runtime_error);
    CHECK_THROWS_AS(some.put(3), sluice::cancelled);
    // In a handler a shield is what lets a fiber clean up.
    try {
      some.put(4);
    } catch (const sluice::cancelled&) {
      sluice::shield([&] { some.put(5); });
    }
  });
  task.request_stop();
  task.join();
  CHECK(some.size() == 1);
  CHECK(some.get() == 5);
}

TEST_CASE("fibers that are started under a shield are not shielded") {
  sluice::runtime rt({.workers = 2});
  sluice::channel<int> never{1};
  rt.run([&] {
    sluice::shield([&] {
      auto child = sluice::go([&] { never.get(); });
      child.request_stop();
      CHECK_THROWS_AS(child.join(), sluice::cancelled);
    });
  });
}

TEST_CASE("a shield covers the tokens of with_stop, inside and outside, on every strand") {
  test::everywhere([](test::strands& crowd) {
    crowd.start([] {
      sluice::channel<int> some{9};
      std::stop_source source;
      source.request_stop();
      sluice::with_stop(source.get_token(), [&] {
        sluice::shield([&] {
          some.put(1);
          CHECK(stop_requested());
        });
        CHECK_THROWS_AS(some.put(2), sluice::cancelled);
      });
      sluice::shield([&] { sluice::with_stop(source.get_token(), [&] { some.put(3); }); });
      CHECK(some.size() == 2);
    });
    crowd.join();
  });
}

TEST_CASE("a shield passes on what its function returns") {
  int number = 5;
  int& same = sluice::shield([&]() -> int& { return number; });
  CHECK(&same == &number);
  const auto owned = sluice::shield([] { return std::make_unique<int>(6); });
  CHECK(*owned == 6);
  static_assert(std::is_void_v<decltype(sluice::shield([] {}))>);
}

}  // namespace
