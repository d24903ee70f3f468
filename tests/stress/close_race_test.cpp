// The close against everything else: what was accepted is delivered, and nobody stays behind.
#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <vector>

#include "../support/items.hpp"
#include "../support/shapes.hpp"
#include "../support/strands.hpp"
#include "sluice/channel.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::status;
using test::boxed;
using test::counted;
using test::number;
using test::shape;
using test::strands;

constexpr int rounds = test::slowness > 1 ? 8 : 25;

struct cause_error : std::runtime_error {
  cause_error() : std::runtime_error("the cause") {}
};

/// Everybody begins at once, or as nearly as the machine allows.
class start_line {
 public:
  explicit start_line(int runners) : missing_(runners) {}
  void wait() {
    if (--missing_ == 0) {
      open_.close();
    } else {
      open_.join();
    }
  }

 private:
  std::atomic<int> missing_;
  const channel<int> open_;
};

/// So many turns that a strand waits at random before it acts.
void dawdle(test::random& any) {
  for (std::uint64_t i = any() % 3; i > 0; --i) test::relax();
}

}  // namespace

TEST_CASE("a close beside puts: a put is accepted and delivered, or refused with its item intact") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    test::random any = test::random_for("close and puts");
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      const channel<boxed> ch = what.make<boxed>();
      std::atomic<number> accepted{0};
      std::atomic<number> got{0};
      start_line line(5);
      for (int putter = 0; putter < 2; ++putter) {
        crowd.start([&, ch, any = test::random(any())]() mutable {
          line.wait();
          dawdle(any);
          for (boxed item(1);; item = boxed(1)) {
            const status answer = ch.put_for(std::move(item), 1h);
            if (item.moved_from() != (answer == status::ok)) FAIL_CHECK("the item of a put");
            if (answer != status::ok) break;
            ++accepted;
            if (what.is_unbounded()) test::relax();  // where nothing else slows it down
          }
        });
      }
      for (int getter = 0; getter < 2; ++getter) {
        crowd.start([&, ch] {
          line.wait();
          for (const boxed& item : ch) got += item.value();
        });
      }
      crowd.start([&, ch, any = test::random(any())]() mutable {
        line.wait();
        dawdle(any);
        CHECK(ch.close());
      });
      crowd.join();
      CHECK(accepted == got);
      CHECK(ch.drained());
    }
  });
}

TEST_CASE("a close beside putters that wait wakes every one of them, each with its item") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (!what.can_fill() || what.capacity == 1000) return;
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      const channel<counted> ch = what.make<counted>();
      for (std::size_t i = 0; i < what.capacity; ++i) ch.put(counted(1));
      std::atomic<int> refused{0};
      for (int putter = 0; putter < 4; ++putter) {
        crowd.start([&, ch] {
          counted item(2);
          if (ch.put_for(std::move(item), 1h) == status::closed) ++refused;
        });
      }
      // Some wait already, some come while the channel closes.
      test::await([&] { return test::putters_waiting(ch) >= static_cast<std::size_t>(round % 5); });
      ch.close();
      crowd.join();
      CHECK(refused == 4);
      CHECK(ch.size() == what.capacity);
    }
    CHECK(counted::alive() == 0);
  });
  CHECK(counted::misuses() == 0);
}

TEST_CASE("of several closes at once one says true, and its cause is what the getters see") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      const channel<number> ch = what.make<number>();
      std::atomic<int> winner{-1};
      std::atomic<int> seen_cause{0};
      start_line line(5);
      for (int closer = 0; closer < 3; ++closer) {
        crowd.start([&, ch, closer] {
          line.wait();
          const bool won = closer == 0 ? ch.close() : ch.close(std::make_exception_ptr(closer));
          if (won) CHECK(winner.exchange(closer) == -1);
        });
      }
      for (int getter = 0; getter < 2; ++getter) {
        crowd.start([&, ch] {
          line.wait();
          try {
            ch.get();
          } catch (const sluice::channel_closed&) {
          } catch (const int cause) {
            seen_cause += cause;
          }
        });
      }
      crowd.join();
      CHECK(winner != -1);
      CHECK(seen_cause == 2 * winner);
    }
  });
}

TEST_CASE("a join beside gets and a close ends, and only when all is drained") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      const channel<number> ch = what.make<number>();
      const auto n = static_cast<number>(what.room(20));
      for (number i = 0; i < n; ++i) ch << i;
      std::atomic<number> got{0};
      start_line line(5);
      for (int i = 0; i < 2; ++i) {
        crowd.start([&, ch] {
          line.wait();
          ch.join();
          CHECK(ch.drained());
        });
      }
      for (int i = 0; i < 2; ++i) {
        crowd.start([&, ch] {
          line.wait();
          for ([[maybe_unused]] const number item : ch) ++got;
        });
      }
      crowd.start([&, ch] {
        line.wait();
        ch.close();
      });
      crowd.join();
      CHECK(got == n);
    }
  });
}

TEST_CASE("a batch beside a close: what it says was accepted is what was delivered") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      const channel<boxed> ch = what.make<boxed>();
      std::atomic<std::size_t> accepted{0};
      std::atomic<std::size_t> got{0};
      start_line line(3);
      crowd.start([&, ch] {
        std::vector<boxed> items;
        for (number i = 0; i < 100; ++i) items.emplace_back(i);
        line.wait();
        const std::size_t n = ch.put_batch(std::move(items));
        for (std::size_t i = 0; i < items.size(); ++i) CHECK(items[i].moved_from() == (i < n));
        accepted += n;
      });
      crowd.start([&, ch] {
        line.wait();
        for (;;) {
          const std::vector<boxed> batch = ch.get_batch(7);
          if (batch.empty()) break;
          got += batch.size();
        }
      });
      crowd.start([&, ch] {
        line.wait();
        test::await([&] { return got > 3 || ch.full() || ch.size() > 3; });
        ch.close();
      });
      crowd.join();
      CHECK(accepted == got);
    }
  });
}
