// What a stop leaves behind: items, wake-ups, other waiters, and destructors that wait.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/one_worker.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
using test::begin;
using test::on_one_worker;

using owned = std::unique_ptr<int>;

/// Waits at its end: hands an item over, which takes somebody who gets it.
struct hands_over_at_its_end {
  sluice::channel<int> to;
  int item;
  ~hands_over_at_its_end() {
    to.put(item);
    sluice::this_fiber::yield();
    sluice::this_fiber::sleep_for(1us);
  }
};

}  // namespace

TEST_CASE("a put that a stop ends leaves its item unmoved") {
  on_one_worker([] {
    sluice::channel<owned> full{1};
    sluice::channel<owned> meeting{sluice::rendezvous};
    full.put(std::make_unique<int>(0));
    owned items[4];
    for (auto& item : items) item = std::make_unique<int>(7);
    std::vector<owned> batch;
    batch.push_back(std::make_unique<int>(8));

    sluice::task<void> tasks[] = {
        begin([&] { full.put(std::move(items[0])); }),
        begin([&] { full.put_for(std::move(items[1]), 1h); }),
        begin([&] { meeting.put(std::move(items[2])); }),
        begin([&] { meeting << std::move(items[3]); }),
        begin([&] { full.put_batch(std::move(batch)); }),
    };
    for (auto& task : tasks) {
      CHECK(task.request_stop());
      CHECK_THROWS_AS(task.join(), sluice::cancelled);
    }
    for (const auto& item : items) {
      REQUIRE(item != nullptr);
      CHECK(*item == 7);
    }
    REQUIRE(batch.at(0) != nullptr);
    CHECK(*batch[0] == 8);
    CHECK(full.size() == 1);
  });
}

TEST_CASE("a batch put that a stop ends says how many were accepted and keeps the rest") {
  on_one_worker([] {
    sluice::channel<owned> ch{2};
    std::vector<owned> batch;
    for (int i = 0; i < 5; ++i) batch.push_back(std::make_unique<int>(i));
    std::size_t accepted = 99;
    bool stays_stopped = false;
    auto task = begin([&] {
      accepted = ch.put_batch(std::move(batch));
      try {
        sluice::this_fiber::yield();
      } catch (const sluice::cancelled&) {
        stays_stopped = true;
      }
    });
    CHECK(task.request_stop());
    task.join();
    CHECK(accepted == 2);
    CHECK(stays_stopped);
    CHECK(ch.size() == 2);
    for (std::size_t i = 0; i < batch.size(); ++i) CHECK((batch[i] != nullptr) == (i >= 2));
  });
}

TEST_CASE("a lingering batch get that a stop ends returns what it has") {
  on_one_worker([] {
    sluice::channel<int> ch{4};
    ch.put(1);
    std::vector<int> got;
    auto task = begin([&] { got = ch.get_batch(3, 1h); });
    CHECK(task.request_stop());
    task.join();
    CHECK(got == std::vector<int>{1});
    CHECK(ch.empty());
  });
}

TEST_CASE("an item goes to the next getter when the first is stopped") {
  on_one_worker([] {
    for (auto ch : {sluice::channel<int>{1}, sluice::channel<int>{sluice::unbounded},
                    sluice::channel<int>{sluice::rendezvous}}) {
      int got = 0;
      auto first = begin([&] { ch.get(); });
      auto second = begin([&] { got = ch.get(); });
      CHECK(first.request_stop());
      ch.put(5);
      second.join();
      CHECK(got == 5);
      CHECK_THROWS_AS(first.join(), sluice::cancelled);
    }
  });
}

TEST_CASE("room goes to the next putter when the first is stopped") {
  on_one_worker([] {
    sluice::channel<int> ch{1};
    ch.put(1);
    auto first = begin([&] { ch.put(2); });
    auto second = begin([&] { ch.put(3); });
    CHECK(first.request_stop());
    CHECK(ch.get() == 1);
    second.join();
    CHECK(ch.get() == 3);
    CHECK_THROWS_AS(first.join(), sluice::cancelled);
  });
}

TEST_CASE("an operation that was done before the stop has succeeded") {
  on_one_worker([] {
    sluice::channel<int> ch{1};
    std::optional<int> got;
    bool then_cancelled = false;
    auto task = begin([&] {
      got = ch.get();
      try {
        sluice::this_fiber::yield();
      } catch (const sluice::cancelled&) {
        then_cancelled = true;
      }
    });
    ch.put(4);  // completes the get; the fiber itself has not run on yet
    CHECK(task.request_stop());
    task.join();
    CHECK(got == 4);
    CHECK(then_cancelled);
  });
}

TEST_CASE("a task whose joiner was stopped runs on and can be joined again") {
  on_one_worker([] {
    sluice::channel<int> gate{1};
    auto inner = sluice::go([gate] { return gate.get(); });
    auto joiner = begin([&] { inner.join(); });
    CHECK(joiner.request_stop());
    CHECK_THROWS_AS(joiner.join(), sluice::cancelled);
    CHECK_FALSE(inner.done());
    gate.put(6);
    CHECK(inner.join() == 6);
  });
}

TEST_CASE("destructors may wait while a stop unwinds their fiber") {
  for (const int workers : {1, 2}) {
    sluice::runtime rt{{.workers = workers}};
    sluice::channel<int> out{sluice::rendezvous};
    auto task = rt.go([out] {
      const hands_over_at_its_end last{out, 2};
      const hands_over_at_its_end first{out, 1};
      sluice::channel<int>().get();
    });
    CHECK(task.request_stop());
    CHECK(out.get() == 1);
    CHECK(out.get() == 2);
    CHECK_THROWS_AS(task.join(), sluice::cancelled);
  }
}

TEST_CASE("destructors may wait while another error unwinds a stopped fiber") {
  on_one_worker([] {
    sluice::channel<int> out{sluice::rendezvous};
    sluice::channel<int> gate{1};
    auto task = begin([out, gate] {
      try {
        gate.get();
      } catch (const sluice::cancelled&) {
      }
      const hands_over_at_its_end last{out, 3};
      throw std::range_error("own");
    });
    CHECK(task.request_stop());
    CHECK(out.get() == 3);
    CHECK_THROWS_AS(task.join(), std::range_error);
  });
}

TEST_CASE("a handler is no unwinding: its waits throw cancelled") {
  on_one_worker([] {
    sluice::channel<int> gate{1};
    bool again = false;
    auto task = begin([&] {
      try {
        gate.get();
      } catch (const sluice::cancelled&) {
        try {
          gate.get();
        } catch (const sluice::cancelled&) {
          again = true;
        }
      }
    });
    CHECK(task.request_stop());
    task.join();
    CHECK(again);
  });
}

TEST_CASE("a stopped fiber that runs something on another runtime stops that first") {
  sluice::runtime outer{{.workers = 1}};
  sluice::runtime inner{{.workers = 1}};
  std::atomic<bool> inner_ended{false};
  sluice::channel<int> begun{1};
  auto task = outer.go([&] {
    inner.run([&] {
      begun.put(1);
      try {
        sluice::channel<int>().get();
      } catch (const sluice::cancelled&) {
        inner_ended = true;
        throw;
      }
    });
  });
  begun.get();
  CHECK(task.request_stop());
  CHECK_THROWS_AS(task.join(), sluice::cancelled);
  CHECK(inner_ended);
}

TEST_CASE("a fiber that never waits is not interrupted by a stop") {
  sluice::runtime rt{{.workers = 1}};
  std::atomic<bool> requested{false};
  auto task = rt.go([&] {
    while (!requested || !sluice::this_fiber::stop_requested()) {
    }
    return 12;
  });
  CHECK(task.request_stop());
  requested = true;
  CHECK(task.join() == 12);
}
