// What ends a wait: each operation that waits, on each kind of channel, with each thing that can
// end it; and that a wait which ended without success has taken nothing along.
#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "sluice/channel.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::status;
using test::boxed;
using test::number;
using test::shape;
using test::strands;

struct cause_error : std::runtime_error {
  cause_error() : std::runtime_error("the cause") {}
};

/// How a wait ended, as its strand saw it.
enum class ending { success, end, cause, time, stop };

template <class F>
ending ending_of(F f) {
  try {
    return f();
  } catch (const sluice::channel_closed&) {
    return ending::end;
  } catch (const cause_error&) {
    return ending::cause;
  } catch (const sluice::cancelled&) {
    return ending::stop;
  }
}

/// Throws the cause of an end that has one.
ending ending_of(const sluice::result<boxed>& r) {
  if (r.cause()) std::rethrow_exception(r.cause());
  if (r) return ending::success;
  return r.status() == status::closed ? ending::end : ending::time;
}
ending ending_of(status s) {
  if (s == status::ok) return ending::success;
  return s == status::closed ? ending::end : ending::time;
}

struct getting {
  const char* name;
  bool timed;
  ending (*run)(const channel<boxed>&, std::chrono::milliseconds);
};

const getting all_gets[] = {
    {"get", false, [](const channel<boxed>& ch, auto) { return ch.get(), ending::success; }},
    {">>", false,
     [](const channel<boxed>& ch, auto) {
       boxed item(-5);
       const bool got{ch >> item};
       CHECK(got == (item.value() != -5));
       return got ? ending::success : ending::end;
     }},
    {"iteration", false,
     [](const channel<boxed>& ch, auto) {
       for (const boxed& item : ch) return item.moved_from() ? ending::end : ending::success;
       return ending::end;
     }},
    {"get_batch", false,
     [](const channel<boxed>& ch, auto) {
       return ch.get_batch(1).empty() ? ending::end : ending::success;
     }},
    {"get_batch that lingers", false,
     [](const channel<boxed>& ch, auto) {
       return ch.get_batch(1, 1h).empty() ? ending::end : ending::success;
     }},
    {"get_for", true,
     [](const channel<boxed>& ch, auto limit) { return ending_of(ch.get_for(limit)); }},
    {"get_until", true,
     [](const channel<boxed>& ch, auto limit) {
       return ending_of(ch.get_until(std::chrono::steady_clock::now() + limit));
     }},
    {"get_until of a clock that can be set", true,
     [](const channel<boxed>& ch, auto limit) {
       return ending_of(ch.get_until(std::chrono::system_clock::now() + limit));
     }},
};

struct putting {
  const char* name;
  bool timed;
  ending (*run)(const channel<boxed>&, boxed&, std::chrono::milliseconds);
};

const putting all_puts[] = {
    {"put", false,
     [](const channel<boxed>& ch, boxed& item, auto) {
       return ch.put(std::move(item)), ending::success;
     }},
    {"<<", false,
     [](const channel<boxed>& ch, boxed& item, auto) {
       return ch << std::move(item), ending::success;
     }},
    {"put_batch", false,
     [](const channel<boxed>& ch, boxed& item, auto) {
       std::vector<boxed> batch;
       batch.push_back(std::move(item));
       struct give_back {
         boxed& to;
         std::vector<boxed>& from;
         ~give_back() { to = std::move(from.front()); }
       } const at_the_end{item, batch};
       return ch.put_batch(std::move(batch)) == 1 ? ending::success : ending::end;
     }},
    {"put_for", true,
     [](const channel<boxed>& ch, boxed& item, auto limit) {
       return ending_of(ch.put_for(std::move(item), limit));
     }},
    {"put_until", true,
     [](const channel<boxed>& ch, boxed& item, auto limit) {
       return ending_of(ch.put_until(std::move(item), std::chrono::steady_clock::now() + limit));
     }},
    {"put_until of a clock that can be set", true,
     [](const channel<boxed>& ch, boxed& item, auto limit) {
       return ending_of(ch.put_until(std::move(item), std::chrono::system_clock::now() + limit));
     }},
};

/// Calls `ends(strand, channel)` while a strand waits in each operation that gets, and checks how
/// the wait ended.
template <class Ends>
void while_getting(ending expected, Ends ends) {
  test::everywhere_with_shapes([&](strands& crowd, const shape& what) {
    for (const getting& op : all_gets) {
      const test::situation now(op.name);
      const channel<boxed> ch = what.make<boxed>();
      if (expected == ending::stop && !crowd.next_is_fiber()) crowd.start([] {});
      if (expected == ending::stop && !crowd.next_is_fiber()) return;
      const std::size_t strand = crowd.start([=, &op] {
        const ending found = ending_of([&] { return op.run(ch, std::chrono::hours(1)); });
        CHECK(found == expected);
      });
      test::await([&] { return test::getters_waiting(ch) == 1; });
      ends(crowd, strand, ch);
      crowd.join();
      CHECK(test::getters_waiting(ch) == 0);
    }
  });
}

/// Likewise in each operation that puts, on a full channel.
template <class Ends>
void while_putting(ending expected, Ends ends) {
  test::everywhere_with_shapes([&](strands& crowd, const shape& what) {
    if (!what.can_fill()) return;
    for (const putting& op : all_puts) {
      const test::situation now(op.name);
      const channel<boxed> ch = what.make<boxed>();
      for (std::size_t i = 0; i < what.capacity; ++i) ch.put(boxed(1));
      if (expected == ending::stop && !crowd.next_is_fiber()) crowd.start([] {});
      if (expected == ending::stop && !crowd.next_is_fiber()) return;
      const std::size_t strand = crowd.start([=, &op] {
        boxed item(2);
        const ending found = ending_of([&] { return op.run(ch, item, std::chrono::hours(1)); });
        CHECK(found == expected);
        CHECK(item.moved_from() == (expected == ending::success));
      });
      test::await([&] { return test::putters_waiting(ch) == 1; });
      ends(crowd, strand, ch);
      crowd.join();
      CHECK(test::putters_waiting(ch) == 0);
      // The items that were there before, and the waiting one only if it was accepted.
      std::vector<boxed> left;
      while (sluice::result<boxed> item = ch.try_get()) left.push_back(*std::move(item));
      const std::size_t taken = expected == ending::success ? 1 : 0;
      if (!what.is_rendezvous()) CHECK(left.size() == what.capacity);
      for (std::size_t i = 0; i < left.size(); ++i) {
        CHECK(left[i].value() == (i + taken < left.size() ? 1 : 2));
      }
    }
  });
}

}  // namespace

TEST_CASE("an item that is put ends the wait of a getter") {
  while_getting(ending::success,
                [](strands&, std::size_t, const channel<boxed>& ch) { ch.put(boxed(1)); });
}

TEST_CASE("a try_put wakes a getter that waits") {
  while_getting(ending::success, [](strands&, std::size_t, const channel<boxed>& ch) {
    CHECK(ch.try_put(boxed(1)) == status::ok);
  });
}

TEST_CASE("a batch that is put wakes a getter that waits") {
  while_getting(ending::success, [](strands&, std::size_t, const channel<boxed>& ch) {
    std::vector<boxed> one;
    one.emplace_back(1);
    CHECK(ch.put_batch(std::move(one)) == 1);
  });
}

TEST_CASE("the close ends the wait of a getter that no item can reach") {
  while_getting(ending::end,
                [](strands&, std::size_t, const channel<boxed>& ch) { CHECK(ch.close()); });
}

TEST_CASE("a close with a cause ends the wait of a getter with the cause") {
  while_getting(ending::cause, [](strands&, std::size_t, const channel<boxed>& ch) {
    CHECK(ch.close(std::make_exception_ptr(cause_error())));
  });
}

TEST_CASE("room that a get makes ends the wait of a putter") {
  while_putting(ending::success, [](strands&, std::size_t, const channel<boxed>& ch) { ch.get(); });
}

TEST_CASE("a try_get wakes a putter that waits") {
  while_putting(ending::success, [](strands&, std::size_t, const channel<boxed>& ch) {
    CHECK(ch.try_get().status() == status::ok);
  });
}

TEST_CASE("a batch that is got wakes a putter that waits") {
  while_putting(ending::success, [](strands&, std::size_t, const channel<boxed>& ch) {
    CHECK(ch.try_get_batch(1).size() == 1);
  });
}

TEST_CASE("the close wakes a putter that waits and leaves its item with it") {
  while_putting(ending::end,
                [](strands&, std::size_t, const channel<boxed>& ch) { CHECK(ch.close()); });
}

TEST_CASE("a close with a cause is for putters a plain one") {
  while_putting(ending::end, [](strands&, std::size_t, const channel<boxed>& ch) {
    CHECK(ch.close(std::make_exception_ptr(cause_error())));
  });
}

TEST_CASE("a stop ends the wait of a getter, and the next item is for others") {
  while_getting(ending::stop, [](strands& crowd, std::size_t strand, const channel<boxed>& ch) {
    crowd.stop(strand);
    crowd.join();
    if (ch.capacity() == 0) {
      CHECK(ch.try_put(boxed(3)) == status::full);
      return;
    }
    ch.put(boxed(3));
    CHECK(ch.try_get().value().value() == 3);
  });
}

TEST_CASE("a stop ends the wait of a putter and leaves its item with it") {
  while_putting(ending::stop, [](strands& crowd, std::size_t strand, const channel<boxed>& ch) {
    crowd.stop(strand);
    crowd.join();
    if (ch.capacity() == 0) CHECK(ch.try_get().status() == status::empty);
  });
}

TEST_CASE("the time ends a wait, and nothing was taken along") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<boxed> ch = what.make<boxed>();
    for (const getting& op : all_gets) {
      if (!op.timed) continue;
      crowd.start([=, &op] { CHECK(op.run(ch, 1ms) == ending::time); });
    }
    crowd.join();
    CHECK(test::getters_waiting(ch) == 0);
    if (!what.can_fill()) return;
    for (std::size_t i = 0; i < what.capacity; ++i) CHECK(ch.try_put(boxed(1)) == status::ok);
    for (const putting& op : all_puts) {
      if (!op.timed) continue;
      crowd.start([=, &op] {
        boxed item(2);
        CHECK(op.run(ch, item, 1ms) == ending::time);
        CHECK(!item.moved_from());
      });
    }
    crowd.join();
    CHECK(test::putters_waiting(ch) == 0);
    CHECK(ch.size() == what.capacity);
    CHECK(ch.try_get_batch(2000).size() == what.capacity);
  });
}

TEST_CASE("the drain, the time and a stop end the wait of a join") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<boxed> ch = what.make<boxed>();
    crowd.start([=] { CHECK(!ch.join_for(1ms)); });
    crowd.start([=] { CHECK(!ch.join_for(1ms)); });
    crowd.join();
    CHECK(test::joiners_waiting(ch) == 0);
    if (!crowd.next_is_fiber()) crowd.start([] {});
    if (crowd.next_is_fiber()) {
      const std::size_t strand = crowd.start([=] {
        const ending found = ending_of([&] { return ch.join(), ending::success; });
        CHECK(found == ending::stop);
      });
      test::await([&] { return test::joiners_waiting(ch) == 1; });
      crowd.stop(strand);
      crowd.join();
      CHECK(test::joiners_waiting(ch) == 0);
    }
    for (int i = 0; i < 2; ++i) crowd.start([=] { ch.join(); });
    test::await([&] { return test::joiners_waiting(ch) == 2; });
    ch.close();
  });
}

TEST_CASE("waiters are served in the order in which they came") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    constexpr std::size_t waiters = 6;
    const channel<number> ch = what.make<number>();
    number served[waiters] = {};
    for (std::size_t i = 0; i < waiters; ++i) {
      crowd.start([=, &served] { served[i] = ch.get(); });
      test::await([&] { return test::getters_waiting(ch) == i + 1; });
    }
    for (std::size_t i = 0; i < waiters; ++i) ch.put(number(i + 1));
    crowd.join();
    for (std::size_t i = 0; i < waiters; ++i) CHECK(served[i] == number(i + 1));
    if (!what.can_fill()) return;
    for (std::size_t i = 0; i < what.capacity; ++i) ch.put(0);
    for (std::size_t i = 0; i < waiters; ++i) {
      crowd.start([=] { ch.put(number(i + 1)); });
      test::await([&] { return test::putters_waiting(ch) == i + 1; });
    }
    for (std::size_t i = 0; i < what.capacity; ++i) CHECK(ch.get() == 0);
    for (std::size_t i = 0; i < waiters; ++i) CHECK(ch.get() == number(i + 1));
  });
}

TEST_CASE("a waiter that gives up in the middle of the line leaves the others their places") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> ch = what.make<number>();
    number served[2] = {};
    crowd.start([=, &served] { served[0] = ch.get(); });
    test::await([&] { return test::getters_waiting(ch) == 1; });
    std::atomic<bool> gave_up{false};
    crowd.start([=, &gave_up] {
      CHECK(ch.get_for(2ms).status() == status::timed_out);
      gave_up = true;
    });
    test::await([&] { return test::getters_waiting(ch) == 2 || gave_up; });
    crowd.start([=, &served] { served[1] = ch.get(); });
    test::await([&] { return gave_up && test::getters_waiting(ch) == 2; });
    ch.put(1);
    ch.put(2);
    crowd.join();
    CHECK(served[0] == 1);
    CHECK(served[1] == 2);
  });
}

TEST_CASE("one close wakes all who wait, on both sides and for the end") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<boxed> getting_end = what.make<boxed>();
    for (int i = 0; i < 5; ++i) {
      crowd.start([=] { CHECK(getting_end.get_for(1h).status() == status::closed); });
    }
    for (int i = 0; i < 2; ++i) crowd.start([=] { getting_end.join(); });
    test::await([&] { return test::getters_waiting(getting_end) == 5; });
    test::await([&] { return test::joiners_waiting(getting_end) == 2; });
    getting_end.close();
    crowd.join();
    if (!what.can_fill()) return;
    const channel<boxed> putting_end = what.make<boxed>();
    for (std::size_t i = 0; i < what.capacity; ++i) putting_end.put(boxed(1));
    for (int i = 0; i < 5; ++i) {
      crowd.start([=] {
        boxed item(3);
        CHECK(putting_end.put_for(std::move(item), 1h) == status::closed);
        CHECK(!item.moved_from());
      });
    }
    test::await([&] { return test::putters_waiting(putting_end) == 5; });
    putting_end.close();
  });
}

TEST_CASE("items that were accepted reach the getters, and only the rest of them see the end") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> ch = what.make<number>();
    std::atomic<int> items{0};
    std::atomic<int> ends{0};
    for (int i = 0; i < 4; ++i) {
      crowd.start([=, &items, &ends] { ++(ch.get_for(1h) ? items : ends); });
    }
    test::await([&] { return test::getters_waiting(ch) == 4; });
    ch.put(1);
    ch.put(2);
    ch.close();
    crowd.join();
    CHECK(items == 2);
    CHECK(ends == 2);
  });
}
