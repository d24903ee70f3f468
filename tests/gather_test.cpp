// gather and gather_results: values in order, the first error, stops.
#include "sluice/gather.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/parked.hpp"
#include "support/strands.hpp"

namespace {

using sluice::cancelled;
using sluice::gather;
using sluice::gather_results;
using sluice::outcome;

struct failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

TEST_CASE("gather returns a tuple in the order of the functions") {
  test::everywhere([](test::strands& crowd) {
    crowd.start([] {
      sluice::channel<int> meet{sluice::rendezvous};
      auto all = gather([&] { return meet.get(); }, [&] { meet.put(4); },
                        [] { return std::make_unique<int>(5); }, [] { return std::string("six"); });
      static_assert(
          std::is_same_v<decltype(all),
                         std::tuple<int, std::monostate, std::unique_ptr<int>, std::string>>);
      CHECK(std::get<0>(all) == 4);
      CHECK(*std::get<2>(all) == 5);
      CHECK(std::get<3>(all) == "six");
    });
    crowd.join();
  });
}

TEST_CASE("gather of nothing, of one, and of references") {
  static_assert(std::is_same_v<decltype(gather()), std::tuple<>>);
  CHECK(std::get<0>(gather([] { return 1; })) == 1);
  int number = 7;
  auto [same] = gather([&]() -> int& { return number; });
  static_assert(std::is_same_v<decltype(same), int&>);
  CHECK(&same == &number);
}

TEST_CASE("gather of a range returns a vector") {
  std::vector<std::function<int()>> fs;
  for (int i = 0; i < 100; ++i) fs.emplace_back([i] { return i * i; });
  const std::vector<int> values = gather(fs);
  REQUIRE(values.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(values[static_cast<std::size_t>(i)] == i * i);
  CHECK(fs[3]() == 9);  // copied from an lvalue

  const auto tasks =
      std::views::iota(0, 5) | std::views::transform([](int i) { return [i] { return i; }; });
  CHECK(gather(tasks) == std::vector<int>{0, 1, 2, 3, 4});
  CHECK(gather(std::vector<std::function<int()>>()).empty());
  const std::vector<std::monostate> none = gather(std::vector<std::function<void()>>(3, [] {}));
  CHECK(none.size() == 3);
}

TEST_CASE("gather moves functions out of a container that is given away") {
  struct once {
    std::unique_ptr<int> value;
    int operator()() { return *value; }
  };
  std::vector<once> fs;
  for (int i = 0; i < 3; ++i) fs.push_back({std::make_unique<int>(i)});
  CHECK(gather(std::move(fs)) == std::vector<int>{0, 1, 2});
}

TEST_CASE("the first error stops the others, which end before it is rethrown") {
  test::everywhere([](test::strands& crowd) {
    crowd.start([] {
      sluice::channel<int> never{1};
      std::atomic<int> stopped{0};
      const auto wait = [&] {
        try {
          return never.get();
        } catch (const cancelled&) {
          for (int i = 0; i < 5; ++i) sluice::shield([] { sluice::this_fiber::yield(); });
          ++stopped;
          throw failure("later");
        }
      };
      CHECK_THROWS_WITH_AS(gather(
                               wait, []() -> int { throw failure("first"); }, wait),
                           "first", failure);
      CHECK(stopped == 2);
      std::vector<std::function<int()>> fs(3, wait);
      fs.emplace_back([]() -> int { throw failure("first"); });
      CHECK_THROWS_WITH_AS(gather(fs), "first", failure);
      CHECK(stopped == 5);
    });
    crowd.join();
  });
}

TEST_CASE("a function that ends by `cancelled` has no value: gather stops the others too") {
  sluice::channel<int> never{1};
  CHECK_THROWS_AS(gather([&] { return never.get(); }, []() -> int { throw cancelled(); }),
                  cancelled);
}

TEST_CASE("what cannot be started stops what was") {
  sluice::channel<int> never{1};
  std::atomic<bool> stopped{false};
  CHECK_THROWS_AS(gather(
                      [&] {
                        try {
                          never.get();
                        } catch (const cancelled&) {
                          stopped = true;
                        }
                      },
                      std::function<void()>()),
                  std::invalid_argument);
  CHECK(stopped);
}

TEST_CASE("a stop inside gather stops the functions, waits for them, then throws") {
  for (const bool results : {false, true}) {
    sluice::runtime rt({.workers = 2});
    sluice::channel<int> never{1};
    std::atomic<int> ended{0};
    const auto wait = [&] {
      try {
        never.get();
      } catch (const cancelled&) {
        for (int i = 0; i < 5; ++i) sluice::shield([] { sluice::this_fiber::yield(); });
        ++ended;
        throw;
      }
    };
    auto owner = rt.go([&] {
      try {
        results ? static_cast<void>(gather_results(wait, wait))
                : static_cast<void>(gather(wait, wait));
      } catch (const cancelled&) {
        CHECK(ended == 2);
        throw;
      }
    });
    test::await_waiting(rt, "get", 2);
    owner.request_stop();
    CHECK_THROWS_AS(owner.join(), cancelled);
    CHECK(ended == 2);
  }
}

TEST_CASE("gather within gather is stopped as a whole") {
  sluice::runtime rt({.workers = 2});
  sluice::channel<int> never{1};
  std::atomic<int> stopped{0};
  rt.run([&] {
    const auto wait = [&] {
      try {
        never.get();
      } catch (const cancelled&) {
        ++stopped;
        throw;
      }
    };
    CHECK_THROWS_AS(gather([&] { gather(wait, wait); }, [&] { gather(wait, wait); },
                           [] { throw failure("outer"); }),
                    failure);
  });
  CHECK(stopped <= 4);
  CHECK(never.empty());
}

TEST_CASE("gather_results says of each how it ended and lets all come to their end") {
  test::everywhere([](test::strands& crowd) {
    crowd.start([] {
      sluice::channel<int> meet{sluice::rendezvous};
      auto all = gather_results([]() -> int { throw failure("one"); }, [&] { meet.put(2); },
                                [&] { return meet.get(); }, []() -> int { throw cancelled(); },
                                [] { return std::make_unique<int>(3); });
      auto& [one, two, three, four, five] = all;
      static_assert(std::is_same_v<decltype(two), outcome<void>>);
      CHECK_FALSE(one.has_value());
      CHECK(one.error() != nullptr);
      CHECK_THROWS_WITH_AS(static_cast<void>(one.value()), "one", failure);
      CHECK_THROWS_AS(static_cast<void>(std::move(one).value()), failure);
      CHECK(two.has_value());
      two.value();
      CHECK(three.value() == 2);
      CHECK(three.error() == nullptr);
      CHECK_THROWS_AS(static_cast<void>(four.value()), cancelled);
      const std::unique_ptr<int> taken = std::move(five).value();
      CHECK(*taken == 3);
    });
    crowd.join();
  });
}

TEST_CASE("gather_results of a range returns a vector") {
  std::vector<std::function<int()>> fs;
  for (int i = 0; i < 10; ++i) {
    fs.emplace_back([i] {
      if (i % 2 != 0) throw failure("odd");
      return i;
    });
  }
  const std::vector<outcome<int>> ends = gather_results(fs);
  REQUIRE(ends.size() == 10);
  for (std::size_t i = 0; i < 10; ++i) CHECK(ends[i].has_value() == (i % 2 == 0));
  CHECK(ends[4].value() == 4);
  int number = 1;
  auto [ref] = gather_results([&]() -> int& { return number; });
  CHECK(&ref.value() == &number);
}

TEST_CASE("stops race errors and ends") {
  for (const int workers : {1, 2, 4}) {
    sluice::runtime rt({.workers = workers});
    for (int round = 0; round < 300; ++round) {
      test::progress();
      std::atomic<int> began{0};
      std::atomic<int> ended{0};
      auto owner = rt.go([&] {
        sluice::channel<int> ch{1};
        const auto one = [&](bool fails) {
          ++began;
          struct at_end {
            std::atomic<int>& n;
            ~at_end() { ++n; }
          } const guard{ended};
          if (fails) throw failure("now");
          ch.put(1);
          return ch.get();
        };
        try {
          static_cast<void>(gather([&] { return one(false); }, [&] { return one(round % 2 == 0); },
                                   [&] { return one(false); }));
        } catch (const failure&) {
        }
        CHECK(began == ended);
      });
      owner.request_stop();
      try {
        owner.join();
      } catch (const cancelled&) {
      }
      CHECK(began == ended);
    }
  }
}

}  // namespace
