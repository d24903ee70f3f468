// Stops against those who wait: a fiber that is cancelled takes no item and no wake-up with it.
#include <doctest/doctest.h>

#include <chrono>
#include <deque>
#include <vector>

#include "../support/items.hpp"
#include "../support/shapes.hpp"
#include "../support/strands.hpp"
#include "sluice/channel.hpp"

namespace {

using sluice::channel;
using test::boxed;
using test::number;
using test::shape;
using test::strands;

constexpr int rounds = test::slowness > 1 ? 8 : 25;

/// Starts strands until one of them is a fiber, which it is that can be stopped.
template <class F>
std::size_t start_fiber(strands& crowd, F f) {
  if (!crowd.next_is_fiber()) crowd.start([] {});
  return crowd.start(std::move(f));
}

}  // namespace

TEST_CASE("stops beside puts and gets lose no item: a put that was cancelled still has its own") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (crowd.where().kind == test::flavour::threads || what.capacity == 1000) return;
    test::random any = test::random_for("stops");
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      const channel<boxed> ch = what.make<boxed>();
      std::atomic<number> accepted{0};
      std::atomic<number> got{0};
      std::vector<std::size_t> fibers;
      for (int i = 0; i < 2; ++i) {
        fibers.push_back(start_fiber(crowd, [&, ch] {
          boxed item(1);
          try {
            for (;;) {
              ch.put(std::move(item));
              ++accepted;
              item = boxed(1);
              if (what.is_unbounded()) test::relax();  // where nothing else slows it down
            }
          } catch (const sluice::cancelled&) {
            CHECK(!item.moved_from());
          }
        }));
        fibers.push_back(start_fiber(crowd, [&, ch] {
          try {
            for (;;) got += ch.get().value();
          } catch (const sluice::cancelled&) {
          }
        }));
      }
      for (std::uint64_t i = any() % 6; i > 0; --i) test::relax();
      for (const std::size_t one : fibers) crowd.stop(one);
      crowd.join();
      CHECK(test::getters_waiting(ch) == 0);
      CHECK(test::putters_waiting(ch) == 0);
      ch.close();
      while (const auto item = ch.try_get()) got += item->value();
      CHECK(accepted == got);
    }
  });
}

TEST_CASE("a stop of one that waits leaves its turn to the next in line") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (crowd.where().kind == test::flavour::threads) return;
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      const channel<number> ch = what.make<number>();
      std::atomic<int> stopped{0};
      std::atomic<number> got{0};
      const auto get = [&, ch] {
        try {
          got += ch.get();
        } catch (const sluice::cancelled&) {
          ++stopped;
        }
      };
      const std::size_t first = start_fiber(crowd, get);
      test::await([&] { return test::getters_waiting(ch) == 1; });
      crowd.start(get);
      test::await([&] { return test::getters_waiting(ch) == 2; });
      // The item comes while the first is about to leave: one of the two must get it.
      crowd.stop(first);
      ch.put(1);
      test::await([&] { return got == 1; });
      if (stopped == 0) {
        test::await([&] { return test::getters_waiting(ch) == 1 || stopped == 1; });
      }
      ch.close(std::make_exception_ptr(sluice::cancelled()));
      crowd.join();
      CHECK(got == 1);
      CHECK(stopped == 1);
      CHECK(ch.drained());
    }
  });
}

TEST_CASE("a batch that is stopped says what was accepted, and the rest is unmoved") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (crowd.where().kind == test::flavour::threads || what.is_unbounded()) return;
    if (what.capacity == 1000) return;
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      const channel<boxed> ch = what.make<boxed>();
      std::atomic<std::size_t> accepted{0};
      const std::size_t fiber = start_fiber(crowd, [&, ch] {
        std::vector<boxed> items;
        for (number i = 0; i < 200; ++i) items.emplace_back(1);
        try {
          accepted = ch.put_batch(std::move(items));
          CHECK(accepted > 0);
        } catch (const sluice::cancelled&) {
        }
        for (std::size_t i = 0; i < items.size(); ++i) {
          CHECK(items[i].moved_from() == (i < accepted));
        }
      });
      std::size_t got = 0;
      for (int i = 0; i < round % 7; ++i) got += ch.get_batch(3).size();
      crowd.stop(fiber);
      crowd.join();
      got += ch.try_get_batch(300).size();
      CHECK(accepted == got);
    }
  });
}

TEST_CASE("a lingering batch that is stopped returns what it has") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (crowd.where().kind == test::flavour::threads) return;
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      const channel<number> ch = what.make<number>();
      std::atomic<std::size_t> got{0};
      const std::size_t fiber = start_fiber(crowd, [&, ch] {
        got = ch.get_batch(100, std::chrono::hours(1)).size();
        CHECK_THROWS_AS(ch.get(), sluice::cancelled);
      });
      ch.put(1);
      test::await([&] { return ch.empty() && test::getters_waiting(ch) == 1; });
      crowd.stop(fiber);
      crowd.join();
      CHECK(got == 1);
    }
  });
}
