// request_stop: which waits it ends, what it leaves alone, and that it stays.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;

static_assert(!std::is_base_of_v<sluice::channel_error, sluice::cancelled>);
static_assert(std::is_base_of_v<std::exception, sluice::cancelled>);

/// Channels in which nothing moves, others in which everything can, and a fiber that never ends.
struct scene {
  sluice::channel<int> full{1};
  sluice::channel<int> empty{1};
  sluice::channel<int> endless{sluice::unbounded};
  sluice::channel<int> meeting{sluice::rendezvous};
  sluice::channel<int> some{4};
  sluice::channel<int> many{sluice::unbounded};
  sluice::channel<int> over{1};
  sluice::channel<int> gate{1};
  sluice::task<void> waiting;
  sluice::task<void> ended;

  scene() {
    full.put(1);
    some.put(1);
    some.put(2);
    many.put(1);
    over.close();
    waiting = sluice::go([this] { gate.get(); });
    ended = sluice::go([] {});
    static_cast<void>(ended.join_for(1h));
  }
  ~scene() {
    gate.put(1);
    waiting.join();
  }
  scene(const scene&) = delete;
  scene& operator=(const scene&) = delete;

  void check_untouched() {
    CHECK(full.size() == 1);
    CHECK(empty.size() == 0);
    CHECK(endless.size() == 0);
    CHECK(some.size() == 2);
    CHECK(many.size() == 1);
    CHECK_FALSE(waiting.done());
    // Nobody is left behind in a wait list, so nothing meets.
    CHECK(meeting.try_put(1) == sluice::status::full);
    CHECK(meeting.try_get().status() == sluice::status::empty);
    CHECK(empty.try_put(5) == sluice::status::ok);
    CHECK(empty.try_get().value() == 5);
  }
};

struct wait {
  const char* name;
  void (*of)(scene&);
};

const std::vector<int> batch{1, 2, 3};
constexpr auto hour = 1h;
std::chrono::steady_clock::time_point in_an_hour() {
  return std::chrono::steady_clock::now() + hour;
}

/// Each of these would wait for ever, or nearly.
constexpr wait long_waits[] = {
    {"put, full", [](scene& s) { s.full.put(9); }},
    {"<<, full", [](scene& s) { s.full << 9; }},
    {"put_for, full", [](scene& s) { s.full.put_for(9, hour); }},
    {"put_until, full", [](scene& s) { s.full.put_until(9, in_an_hour()); }},
    {"put_batch, full", [](scene& s) { s.full.put_batch(batch); }},
    {"put, rendezvous", [](scene& s) { s.meeting.put(9); }},
    {"put_for, rendezvous", [](scene& s) { s.meeting.put_for(9, hour); }},
    {"put_batch, rendezvous", [](scene& s) { s.meeting.put_batch(batch); }},
    {"get, empty", [](scene& s) { s.empty.get(); }},
    {"get, unbounded", [](scene& s) { s.endless.get(); }},
    {"get, rendezvous", [](scene& s) { s.meeting.get(); }},
    {">>, empty",
     [](scene& s) {
       int item = 0;
       s.empty >> item;
     }},
    {"for, unbounded",
     [](scene& s) {
       for (const int item : s.endless) static_cast<void>(item);
     }},
    {"get_for, empty", [](scene& s) { static_cast<void>(s.empty.get_for(hour)); }},
    {"get_for, rendezvous", [](scene& s) { static_cast<void>(s.meeting.get_for(hour)); }},
    {"get_for, for ever",
     [](scene& s) { static_cast<void>(s.endless.get_for(std::chrono::hours::max())); }},
    {"get_until, unbounded",
     [](scene& s) { static_cast<void>(s.endless.get_until(in_an_hour())); }},
    {"get_until, system clock",
     [](scene& s) {
       static_cast<void>(s.empty.get_until(std::chrono::system_clock::now() + hour));
     }},
    {"get_batch, empty", [](scene& s) { static_cast<void>(s.empty.get_batch(3)); }},
    {"get_batch, linger", [](scene& s) { static_cast<void>(s.endless.get_batch(3, hour)); }},
    {"join of a channel", [](scene& s) { s.full.join(); }},
    {"join_for of a channel", [](scene& s) { s.endless.join_for(hour); }},
    {"join of a task", [](scene& s) { s.waiting.join(); }},
    {"join_for of a task", [](scene& s) { s.waiting.join_for(hour); }},
    {"sleep_for", [](scene&) { sluice::this_fiber::sleep_for(hour); }},
    {"sleep_for, for ever",
     [](scene&) { sluice::this_fiber::sleep_for(std::chrono::hours::max()); }},
    {"sleep_until", [](scene&) { sluice::this_fiber::sleep_until(in_an_hour()); }},
    {"yield",
     [](scene&) {
       for (;;) sluice::this_fiber::yield();
     }},
};

/// None of these has to wait.
constexpr wait ready_waits[] = {
    {"put", [](scene& s) { s.some.put(9); }},
    {"<<", [](scene& s) { s.many << 9; }},
    {"put_for", [](scene& s) { s.some.put_for(9, hour); }},
    {"put_for, zero", [](scene& s) { s.full.put_for(9, 0s); }},
    {"put_until", [](scene& s) { s.many.put_until(9, in_an_hour()); }},
    {"put_batch", [](scene& s) { s.some.put_batch(batch); }},
    {"put_batch, unbounded", [](scene& s) { s.many.put_batch(batch); }},
    {"put, closed", [](scene& s) { s.over.put(9); }},
    {"get", [](scene& s) { s.some.get(); }},
    {"get, unbounded", [](scene& s) { s.many.get(); }},
    {"get, drained", [](scene& s) { s.over.get(); }},
    {">>",
     [](scene& s) {
       int item = 0;
       s.full >> item;
     }},
    {"get_for", [](scene& s) { static_cast<void>(s.some.get_for(hour)); }},
    {"get_for, zero", [](scene& s) { static_cast<void>(s.empty.get_for(0s)); }},
    {"get_until", [](scene& s) { static_cast<void>(s.many.get_until(in_an_hour())); }},
    {"get_batch", [](scene& s) { static_cast<void>(s.some.get_batch(3)); }},
    {"get_batch, linger", [](scene& s) { static_cast<void>(s.some.get_batch(2, hour)); }},
    {"join of a channel", [](scene& s) { s.over.join(); }},
    {"join_for of a channel", [](scene& s) { s.over.join_for(0s); }},
    {"join of a task", [](scene& s) { s.ended.join(); }},
    {"join_for of a task", [](scene& s) { s.ended.join_for(0s); }},
    {"sleep_for, zero", [](scene&) { sluice::this_fiber::sleep_for(0s); }},
    {"sleep_for, negative", [](scene&) { sluice::this_fiber::sleep_for(-1s); }},
    {"sleep_until, past",
     [](scene&) { sluice::this_fiber::sleep_until(std::chrono::steady_clock::time_point()); }},
    {"yield", [](scene&) { sluice::this_fiber::yield(); }},
};

/// Runs `f` in a fiber whose stop was requested before, on a worker that goes on: what f sees of
/// the stop it must see at once.
template <class F>
sluice::task<void> go_stopped(sluice::runtime& rt, F f) {
  const auto stopped = std::make_shared<std::atomic<bool>>(false);
  auto task = rt.go([f, stopped]() mutable {
    // order: acquire, pairs with the release below: the whole request is visible
    while (!stopped->load(std::memory_order_acquire)) {
    }
    f();
  });
  CHECK(task.request_stop());
  // order: release, see above
  stopped->store(true, std::memory_order_release);
  return task;
}

}  // namespace

TEST_CASE("a stop ends every wait of a parked fiber, which has had no effect") {
  sluice::runtime rt{{.workers = 1}};
  for (const wait& one : long_waits) {
    const test::situation now(one.name);
    rt.run([&] {
      scene s;
      bool begun = false;
      auto task = sluice::go([&] {
        begun = true;
        one.of(s);
      });
      // On the only worker: once this fiber sees it, the other one has parked.
      while (!begun) sluice::this_fiber::yield();
      CHECK_FALSE(task.done());
      CHECK(task.request_stop());
      CHECK_FALSE(task.request_stop());
      CHECK_THROWS_AS(task.join(), sluice::cancelled);
      CHECK_FALSE(task.request_stop());
      s.check_untouched();
    });
  }
}

TEST_CASE("a stop from a thread ends every wait, whether it has begun or not") {
  sluice::runtime rt{{.workers = 2}};
  for (const wait& one : long_waits) {
    const test::situation now(one.name);
    for (int i = 0; i < 20; ++i) {
      scene s;
      auto task = rt.go([&] { one.of(s); });
      CHECK(task.request_stop());
      CHECK_THROWS_AS(task.join(), sluice::cancelled);
      s.check_untouched();
    }
  }
}

TEST_CASE("a fiber that was stopped before it began begins, and ends at its first wait") {
  sluice::runtime rt{{.workers = 1}};
  for (const wait& one : long_waits) {
    const test::situation now(one.name);
    rt.run([&] {
      scene s;
      bool begun = false;
      bool told = false;
      auto task = sluice::go([&] {
        begun = true;
        told = sluice::this_fiber::stop_requested();
        one.of(s);
      });
      CHECK_FALSE(begun);
      CHECK(task.request_stop());
      CHECK_THROWS_AS(task.join(), sluice::cancelled);
      CHECK(begun);
      CHECK(told);
      s.check_untouched();
    });
  }
}

TEST_CASE(
    "a stopped fiber's operations throw before they take effect, also if they need not wait") {
  sluice::runtime rt{{.workers = 2}};
  for (const wait& one : ready_waits) {
    const test::situation now(one.name);
    scene s;
    auto task = go_stopped(rt, [&] { one.of(s); });
    CHECK_THROWS_AS(task.join(), sluice::cancelled);
    s.check_untouched();
  }
}

TEST_CASE("a fiber that swallows cancelled goes on being cancelled") {
  sluice::runtime rt{{.workers = 2}};
  scene s;
  int thrown = 0;
  auto task = go_stopped(rt, [&] {
    for (int round = 0; round < 3; ++round) {
      for (const auto& list : {std::vector<wait>(std::begin(ready_waits), std::end(ready_waits)),
                               std::vector<wait>(std::begin(long_waits), std::end(long_waits))}) {
        for (const wait& one : list) {
          try {
            one.of(s);
          } catch (const sluice::cancelled&) {
            ++thrown;
          }
        }
      }
    }
  });
  task.join();
  CHECK(thrown == 3 * static_cast<int>(std::size(ready_waits) + std::size(long_waits)));
  s.check_untouched();
}

TEST_CASE("what never waits does not obey a stop") {
  sluice::runtime rt{{.workers = 2}};
  auto task = go_stopped(rt, [] {
    sluice::channel<int> ch{2};
    CHECK(ch.try_put(1) == sluice::status::ok);
    CHECK(ch.try_put(2) == sluice::status::ok);
    CHECK(ch.try_put(3) == sluice::status::full);
    CHECK(ch.try_get().value() == 1);
    CHECK(ch.try_get_batch(5) == std::vector<int>{2});
    CHECK(ch.try_get().status() == sluice::status::empty);
    CHECK(ch.empty());
    CHECK(ch.close());
    CHECK(ch.drained());
    CHECK(ch.try_put(4) == sluice::status::closed);
    sluice::channel<int> gate{1};
    auto other = sluice::go([gate] { gate.get(); });  // starting and stopping others works
    CHECK_FALSE(other.done());
    CHECK(other.request_stop());
    CHECK_FALSE(other.request_stop());
    CHECK(sluice::this_fiber::stop_requested());
    CHECK(sluice::this_fiber::id() != sluice::fiber_id());
  });
  task.join();
}

TEST_CASE("a request is true once, and false for a fiber that is done") {
  auto ended = sluice::go([] {});
  ended.join();
  CHECK_FALSE(ended.request_stop());
  sluice::channel<int> gate{1};
  auto task = sluice::go([gate] { gate.get(); });
  std::atomic<int> made{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { made += task.request_stop() ? 1 : 0; });
  for (auto& thread : threads) thread.join();
  CHECK(made == 1);
  CHECK_THROWS_AS(task.join(), sluice::cancelled);
}

TEST_CASE("a stop does not reach the fibers that the stopped one has started") {
  sluice::channel<int> gate{1};
  sluice::channel<sluice::task<int>> inner{1};
  auto outer = sluice::go([&] {
    inner.put(sluice::go([&] { return gate.get(); }));
    sluice::channel<int>().get();
  });
  auto child = inner.get();
  outer.request_stop();
  CHECK_THROWS_AS(outer.join(), sluice::cancelled);
  gate.put(8);
  CHECK(child.join() == 8);
}

TEST_CASE("nobody else is cancelled while a stop is pending") {
  sluice::runtime rt{{.workers = 2}};
  std::atomic<bool> over{false};
  auto pending = go_stopped(rt, [&] {
    while (!over) {
    }
  });
  const auto exchange = [] {
    sluice::channel<int> ch{1};
    for (int i = 0; i < 1000; ++i) {
      ch.put(i);
      CHECK(ch.get() == i);
    }
    sluice::this_fiber::yield();
    sluice::this_fiber::sleep_for(1us);
    CHECK_FALSE(sluice::this_fiber::stop_requested());
  };
  exchange();
  rt.run(exchange);
  over = true;
  pending.join();
}
