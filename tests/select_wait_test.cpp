// Selects that wait: who ends the wait, with which case, and what is left behind.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/allocations.hpp"
#include "support/items.hpp"
#include "support/one_worker.hpp"
#include "support/rest.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::all_closed;
using sluice::channel;
using sluice::on_get;
using sluice::on_put;
using sluice::on_timeout;
using sluice::otherwise;
using sluice::result;
using sluice::select;
using test::boxed;
using test::getters_waiting;
using test::number;
using test::putters_waiting;
using test::shape;
using test::strands;

/// Starts strands until one of them is a fiber, which it is that can be stopped.
template <class F>
std::size_t start_fiber(strands& crowd, F f) {
  if (!crowd.next_is_fiber()) crowd.start([] {});
  return crowd.start(std::move(f));
}

/// Fills the channel, so that the next put waits.
void fill(const channel<number>& ch) {
  while (ch.try_put(-1) == sluice::status::ok) {
  }
}

template <class T>
bool nobody_waits(const channel<T>& ch) {
  return getters_waiting(ch) == 0 && putters_waiting(ch) == 0;
}

}  // namespace

TEST_CASE("a put ends a select that waits to get, which leaves its other channels") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> a = what.make<number>();
    const channel<number> b = what.make<number>();
    for (const auto& [from, other, position] : {std::tuple(a, b, 0U), std::tuple(b, a, 1U)}) {
      crowd.start([=] {
        const auto self = sluice::this_fiber::id();
        number got = 0;
        const auto note = [&](number item) {
          CHECK(sluice::this_fiber::id() == self);
          CHECK(nobody_waits(a));
          CHECK(nobody_waits(b));
          got = item;
        };
        CHECK(select(on_get(a, note), on_get(b, note), on_timeout(1h)) == position);
        CHECK(got == 7);
      });
      test::await([&] { return getters_waiting(a) == 1 && getters_waiting(b) == 1; });
      from.put(7);
      crowd.join();
    }
  });
}

TEST_CASE("a get ends a select that waits to put, and the item that was not chosen is unmoved") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (!what.can_fill()) return;
    const channel<number> a = what.make<number>();
    const channel<boxed> b = what.make<boxed>();
    fill(a);
    while (b.try_put(boxed(-1)) == sluice::status::ok) {
    }
    crowd.start([=] {
      boxed mine(5);
      CHECK(select(on_put(b, std::move(mine)), on_put(a, 4)) == 1);
      CHECK(mine.value() == 5);
      CHECK(select(on_put(b, std::move(mine))) == 0);
      CHECK(mine.moved_from());
    });
    test::await([&] { return putters_waiting(a) == 1 && putters_waiting(b) == 1; });
    for (std::size_t i = 0; i < what.room(); ++i) CHECK(a.get() == -1);
    CHECK(a.get() == 4);
    for (std::size_t i = 0; i < what.room(); ++i) CHECK(b.get().value() == -1);
    CHECK(b.get().value() == 5);
    crowd.join();
    CHECK(nobody_waits(a));
    CHECK(nobody_waits(b));
  });
}

TEST_CASE("a plain end takes a waiting case out of play; the last one ends the wait") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> a = what.make<number>();
    const channel<number> b = what.make<number>();
    bool over = false;
    crowd.start([=, &over] {
      CHECK(select(on_get(a), on_get(b), on_get(a), on_timeout(1h)) == all_closed);
      over = true;
    });
    test::await([&] { return getters_waiting(a) == 2 && getters_waiting(b) == 1; });
    a.close();
    CHECK(getters_waiting(a) == 0);
    CHECK(getters_waiting(b) == 1);
    b.close();
    crowd.join();
    CHECK(over);
  });
}

TEST_CASE("a select keeps its places in line when another case goes out of play") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> a = what.make<number>();
    const channel<number> b = what.make<number>();
    crowd.start([=] { CHECK(select(on_get(a), on_get(b, [](number n) { CHECK(n == 1); })) == 1); });
    test::await([&] { return getters_waiting(a) == 1 && getters_waiting(b) == 1; });
    crowd.start([=] { CHECK(b.get() == 2); });
    test::await([&] { return getters_waiting(b) == 2; });
    a.close();
    b.put(1);
    b.put(2);
    crowd.join();
  });
}

TEST_CASE("a close ends a waiting select where the case is ready by it") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> a = what.make<number>();
    const channel<number> never = what.make<number>();
    const auto waits = [&](const channel<number>& ch) {
      test::await([&] { return getters_waiting(ch) + putters_waiting(ch) == 1; });
    };
    crowd.start([=] {
      std::optional<sluice::status> how;
      const auto note = [&](const result<number>& item) { how = item.status(); };
      CHECK(select(on_get(never), on_get(a, note)) == 1);
      CHECK(how == sluice::status::closed);
    });
    waits(a);
    a.close();
    crowd.join();

    const channel<number> b = what.make<number>();
    crowd.start([=] {
      CHECK_THROWS_WITH_AS(select(on_get(b), on_get(never)), "broken", std::runtime_error);
    });
    waits(b);
    b.close(std::make_exception_ptr(std::runtime_error("broken")));
    crowd.join();

    if (what.can_fill()) {
      const channel<number> c = what.make<number>();
      fill(c);
      crowd.start(
          [=] { CHECK_THROWS_AS(select(on_get(never), on_put(c, 1)), sluice::channel_closed); });
      waits(c);
      c.close();
      crowd.join();
    }
    CHECK(nobody_waits(never));
  });
}

TEST_CASE("the time ends a waiting select, which leaves nothing behind") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> a = what.make<number>();
    const channel<number> b = what.make<number>();
    if (what.can_fill()) fill(b);
    crowd.start([=] {
      const auto begin = std::chrono::steady_clock::now();
      const std::size_t chosen = what.can_fill() ? select(on_get(a), on_put(b, 1), on_timeout(2ms))
                                                 : select(on_get(a), on_get(a), on_timeout(2ms));
      CHECK(chosen == 2);
      CHECK(std::chrono::steady_clock::now() - begin >= 2ms);
    });
    crowd.join();
    CHECK(nobody_waits(a));
    CHECK(nobody_waits(b));
  });
}

TEST_CASE("two selects meet on a rendezvous channel, whoever comes first") {
  test::everywhere([](strands& crowd) {
    const channel<number> a{sluice::rendezvous};
    const channel<number> b{sluice::rendezvous};
    const auto putter = [=] { CHECK(select(on_get(b), on_put(a, 3)) == 1); };
    const auto getter = [=] {
      CHECK(select(on_get(a, [](number n) { CHECK(n == 3); }), on_get(b)) == 0);
    };
    for (int i = 0; i < 20; ++i) {
      crowd.start(putter);
      test::await([&] { return putters_waiting(a) == 1; });
      crowd.start(getter);
      crowd.join();
      crowd.start(getter);
      test::await([&] { return getters_waiting(a) == 1; });
      crowd.start(putter);
      crowd.join();
      CHECK(nobody_waits(a));
      CHECK(nobody_waits(b));
    }
  });
}

TEST_CASE("both sides of one channel in a select: it waits for others and steps over itself") {
  test::everywhere([](strands& crowd) {
    const channel<number> ch{sluice::rendezvous};
    const auto both = [=](std::size_t expected) {
      return [=] { CHECK(select(on_get(ch), on_put(ch, 9)) == expected); };
    };
    crowd.start(both(0));
    test::await([&] { return getters_waiting(ch) == 1 && putters_waiting(ch) == 1; });
    ch.put(1);
    crowd.join();
    crowd.start(both(1));
    test::await([&] { return getters_waiting(ch) == 1 && putters_waiting(ch) == 1; });
    CHECK(ch.get() == 9);
    crowd.join();
    std::atomic<std::size_t> sum{0};
    for (int i = 0; i < 2; ++i)
      crowd.start([=, &sum] { sum += select(on_get(ch), on_put(ch, 9)); });
    crowd.join();
    CHECK(sum == 1);
    CHECK(nobody_waits(ch));
  });
}

TEST_CASE("a select that is stopped has moved nothing, and the next in line is served") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (crowd.where().kind == test::flavour::threads) return;
    const channel<boxed> a = what.make<boxed>();
    const channel<boxed> b = what.make<boxed>();
    std::atomic<bool> over{false};
    const std::size_t stopped = start_fiber(crowd, [=, &over] {
      boxed mine(1);
      CHECK_THROWS_AS((what.is_rendezvous() ? select(on_get(a), on_put(b, std::move(mine)))
                                            : select(on_get(a), on_get(b))),
                      sluice::cancelled);
      CHECK(mine.value() == 1);
      CHECK_THROWS_AS(select(on_get(a), on_timeout(1h)), sluice::cancelled);
      bool called = false;
      CHECK(select(on_get(a), otherwise([&] { called = true; })) == 1);
      CHECK(called);
      over = true;
    });
    test::await([&] { return getters_waiting(a) == 1; });
    std::atomic<number> got{0};
    crowd.start([=, &got] { got = a.get().value(); });
    test::await([&] { return getters_waiting(a) == 2; });
    crowd.stop_parked(stopped);
    // Its last select looks without waiting: it may take an item that is put before.
    test::await([&] { return over.load(); });
    a.put(boxed(2));
    crowd.join();
    CHECK(got == 2);
    CHECK(nobody_waits(a));
    CHECK(nobody_waits(b));
  });
}

TEST_CASE("a stop comes before any case takes effect, also where select need not wait") {
  sluice::runtime rt{{.workers = 1}};
  rt.run([] {
    const channel<int> ch{2};
    ch.put(1);
    auto task = sluice::go([=] {
      CHECK_THROWS_AS(select(on_get(ch)), sluice::cancelled);
      CHECK_THROWS_AS(select(on_put(ch, 2)), sluice::cancelled);
      CHECK_THROWS_AS(select(on_timeout(0ms)), sluice::cancelled);
      CHECK(ch.size() == 1);
      CHECK(select(on_get(ch), otherwise()) == 0);
    });
    task.request_stop();
    task.join();
    CHECK(ch.empty());
  });
}

TEST_CASE("a select that waits, is served or runs out of time asks for no memory" *
          doctest::skip(!test::counts_memory)) {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> a = what.make<number>();
    const channel<number> b = what.make<number>();
    std::atomic<int> step{0};
    crowd.start([=, &step] {
      CHECK(select(on_get(a), on_timeout(1h), on_get(b)) == 0);
      CHECK(select(on_get(a), on_timeout(1us)) == 1);
      CHECK(select(on_get(a), otherwise()) == 1);
      ++step;
      CHECK(select(on_get(a), on_get(b)) == all_closed);
      ++step;
    });
    test::await([&] { return getters_waiting(a) == 1 && getters_waiting(b) == 1; });
    const std::int64_t before = test::allocations;
    a.put(1);
    test::await([&] { return step == 1 && getters_waiting(b) == 1; });
    a.close();
    b.close();
    test::await([&] { return step == 2; });
    CHECK(test::allocations == before);
  });
}

TEST_CASE("a put into an unbounded channel that finds no memory passes that on, item unmoved" *
          doctest::skip(!test::counts_memory)) {
  for (int filled = 0; filled < 130; ++filled) {
    const channel<boxed> ch;
    for (int i = 0; i < filled; ++i) ch.put(boxed(0));
    boxed item(1);
    try {
      const test::memory_ends_after none(0);
      select(on_put(ch, std::move(item)));
      CHECK(item.moved_from());
    } catch (const std::bad_alloc&) {
      CHECK(item.value() == 1);
      CHECK(ch.size() == static_cast<std::size_t>(filled));
    }
  }
}

TEST_CASE("a dump says of a fiber that it waits in a select") {
  sluice::runtime rt{{.workers = 1}};
  const channel<int> ch{1};
  auto task = rt.go({.name = "chooser"}, [=] { CHECK(select(on_get(ch), on_timeout(1h)) == 0); });
  test::await([&] { return getters_waiting(ch) == 1; });
  std::string said;
  test::await([&] {  // it is shown as waiting only once it is off its stack
    std::ostringstream text;
    rt.dump(text);
    said = text.str();
    return said.find("select") != std::string::npos;
  });
  CHECK(said.find("chooser") != std::string::npos);
  ch.put(1);
  task.join();
}

TEST_CASE("a stop ends a select that lets others run before it waits, and the item stays") {
  test::on_one_worker([] {
    const channel<number> a{sluice::rendezvous};
    const channel<number> b{sluice::rendezvous};
    const channel<number> c{sluice::rendezvous};
    const channel<number> d{sluice::rendezvous};
    sluice::task<std::size_t> selecting;
    std::atomic<bool> has_begun{false};  // by then `selecting` is there
    auto other = sluice::go([&] {
      REQUIRE(has_begun.load());
      selecting.request_stop();
      a << 1;
    });
    // Begins first, and finds nothing; then the other runs, and only then it would wait.
    selecting = sluice::go([&] { return select(on_get(a), on_get(b), on_get(c), on_get(d)); });
    has_begun = true;
    CHECK_THROWS_AS(selecting.join(), sluice::cancelled);
    CHECK(a.get() == 1);
    other.join();
  });
}

TEST_CASE("the time of a timeout counts from the begin, also where others run before the wait") {
  test::on_one_worker([] {
    const channel<number> a{sluice::rendezvous};
    const channel<number> b{sluice::rendezvous};
    const channel<number> c{sluice::rendezvous};
    const channel<number> d{sluice::rendezvous};
    std::atomic<bool> over{false};
    auto other = sluice::go([&] {
      const auto late = std::chrono::steady_clock::now() + 10ms;
      while (std::chrono::steady_clock::now() < late) {
      }
      sluice::this_fiber::yield();
      CHECK(over.load());  // it has not begun to wait for another 10 ms
    });
    // Begins first, and finds nothing; then the other runs until the time is over.
    auto selecting = sluice::go([&] {
      CHECK(select(on_get(a), on_get(b), on_get(c), on_get(d), on_timeout(10ms)) == 4);
      over = true;
    });
    selecting.join();
    other.join();
  });
}

// ---- beside waits that have ended ----------------------------------------------------------------

namespace {

enum class way : std::uint8_t { late, stopped, elsewhere };
constexpr way all_ways[] = {way::late, way::stopped, way::elsewhere};

/// A fiber that waits in a line of a channel, and whose wait is ended by its time, by a stop or by
/// another channel. On the only worker it leaves the line when the caller waits, not before.
class short_wait {
 public:
  short_wait(const channel<number>& ch, bool gets, way how)
      : how_(how), task_(test::begin([ch, gets, how, other = other_] {
          const auto limit = std::chrono::milliseconds(how == way::late ? 3 : 3'600'000);
          try {
            if (how == way::elsewhere) {
              gets ? select(on_get(ch), on_get(other)) : select(on_put(ch, -1), on_get(other));
            } else if (gets) {
              static_cast<void>(ch.get_for(limit));
            } else {
              ch.put_for(-1, limit);
            }
          } catch (const sluice::cancelled&) {
          }
        })) {}
  short_wait(const short_wait&) = delete;
  short_wait& operator=(const short_wait&) = delete;
  ~short_wait() { task_.join(); }

  void end() {
    if (how_ == way::stopped) CHECK(task_.request_stop());
    if (how_ == way::elsewhere) CHECK(other_.try_put(1) == sluice::status::ok);
  }

 private:
  const channel<number> other_{sluice::rendezvous};
  const way how_;
  sluice::task<void> task_;
};

/// Returns when no more than these wait. The time of those that are late ends by the ticker, while
/// this fiber keeps the worker.
void await_ends(const channel<number>& ch, bool gets, std::size_t still) {
  while ((gets ? test::still_waiting(ch, test::getters_key{})
               : test::still_waiting(ch, test::putters_key{})) > still) {
  }
}

/// Calls `body(ch, what)` where one stands in a line of `ch` whose wait has ended.
template <class Body>
void beside_an_ended_wait(bool gets, Body body) {
  for (const shape& what : test::shapes) {
    if (what.capacity == 64 || what.capacity == 1000 || (!gets && !what.can_fill())) continue;
    for (const way how : all_ways) {
      const test::situation now(what.name() + ", way " + std::to_string(static_cast<int>(how)));
      test::progress();
      test::on_one_worker([&] {
        const auto ch = what.make<number>();
        for (std::size_t i = 0; !gets && i < what.capacity; ++i) ch << number(i);
        {
          short_wait there(ch, gets, how);
          there.end();
          await_ends(ch, gets, 0);
          body(ch, what);
        }
        test::check_nobody_waits(ch);
      });
    }
  }
}

/// The answer of a selector with this case and `otherwise`, which has position 1.
template <class Add>
std::size_t select_at_once(Add add) {
  sluice::selector cases;
  CHECK(add(cases) == 0);
  cases.otherwise();
  return cases.wait();
}

}  // namespace

TEST_CASE("beside a getter whose wait has ended and that has not left a select answers at once") {
  beside_an_ended_wait(true, [](const channel<number>& ch, const shape& what) {
    const auto put = [&](number n) {
      return select_at_once([&](sluice::selector& cases) { return cases.on_put(ch, n); });
    };
    CHECK(select(on_get(ch), otherwise()) == 1);
    CHECK(select(on_get(ch), on_timeout(0s)) == 1);
    if (what.is_rendezvous()) {  // it is none that one could meet
      CHECK(select(on_put(ch, 1), otherwise()) == 1);
      CHECK(select(on_put(ch, 1), on_timeout(0s)) == 1);
      CHECK(put(1) == 1);
      return;
    }
    CHECK(select(on_put(ch, 1), otherwise()) == 0);
    CHECK(select(on_get(ch), otherwise()) == 0);
    CHECK(put(2) == 0);
    CHECK(select(on_get(ch), on_timeout(0s)) == 0);
    CHECK(select(on_put(ch, 3), on_get(ch)) == 0);
    CHECK(ch.try_get().value() == 3);
  });
}

TEST_CASE("beside a putter whose wait has ended and that has not left a select answers at once") {
  beside_an_ended_wait(false, [](const channel<number>& ch, const shape& what) {
    const auto get = [&] {
      return select_at_once([&](sluice::selector& cases) { return cases.on_get(ch); });
    };
    CHECK(select(on_put(ch, 1), otherwise()) == 1);
    CHECK(select(on_put(ch, 1), on_timeout(0s)) == 1);
    if (what.is_rendezvous()) {
      CHECK(select(on_get(ch), otherwise()) == 1);
      CHECK(select(on_get(ch), on_timeout(0s)) == 1);
      CHECK(get() == 1);
      return;
    }
    CHECK(select(on_get(ch, [](number got) { CHECK(got == 0); }), otherwise()) == 0);
    CHECK(select(on_put(ch, 5), otherwise()) == 0);
    CHECK(ch.full());
    CHECK(get() == 0);
    CHECK(ch.size() == what.capacity - 1);
    CHECK(select(on_put(ch, 6), on_timeout(0s)) == 0);
    while (const auto item = ch.try_get()) CHECK(*item >= 0);
  });
}

TEST_CASE("a select meets the one who waits behind some whose waits have ended, and who is last") {
  for (const bool gets : {true, false}) {
    for (const bool tries : {true, false}) {
      test::progress();
      test::on_one_worker([&] {
        const channel<number> ch(sluice::rendezvous);
        number met = 0;
        {
          std::optional<short_wait> ended[std::size(all_ways)];
          for (const way how : all_ways) ended[static_cast<int>(how)].emplace(ch, gets, how);
          auto waits = test::begin([&] { gets ? static_cast<void>(met = ch.get()) : ch.put(7); });
          for (auto& one : ended) one->end();
          await_ends(ch, gets, 1);
          const auto select_with = [&](auto&&... more) {
            return gets ? select(on_put(ch, 7), std::move(more)...)
                        : select(on_get(ch, [&](number item) { met = item; }), std::move(more)...);
          };
          CHECK((tries ? select_with(otherwise()) : select_with()) == 0);
          waits.join();
          CHECK(met == 7);
        }
        test::check_at_rest(ch);
      });
    }
  }
}
