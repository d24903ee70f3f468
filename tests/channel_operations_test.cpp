// Single puts and gets in all their forms, the close, the end and the questions: every kind of
// channel, every flavour of strand.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <type_traits>
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

/// Enough items for every putter to wait, also behind a large capacity.
number enough_for(const shape& what) { return static_cast<number>(2 * what.room(100) + 5); }

/// Puts until no item fits; where nothing fits by itself, none.
void fill(const channel<number>& ch, const shape& what) {
  for (std::size_t i = 0; i < what.room(3); ++i) CHECK(ch.try_put(number(i)) == status::ok);
}

/// One way to put and one to get; false: the channel was closed.
struct way {
  const char* name;
  bool (*put)(const channel<number>&, number);
  bool (*get)(const channel<number>&, number&);
};

bool answered(status s) {
  CHECK((s == status::ok || s == status::closed));
  return s == status::ok;
}
bool answered(const sluice::result<number>& r, number& item) {
  if (r) item = *r;
  return answered(r.status());
}

const way ways[] = {
    {"put and get", [](const channel<number>& ch, number n) { return ch.put(n), true; },
     [](const channel<number>& ch, number& n) {
       try {
         return n = ch.get(), true;
       } catch (const sluice::channel_closed&) {
         return false;
       }
     }},
    {"<< and >>", [](const channel<number>& ch, number n) { return &(ch << n) == &ch; },
     [](const channel<number>& ch, number& n) { return static_cast<bool>(ch >> n); }},
    {"put_for and get_for",
     [](const channel<number>& ch, number n) { return answered(ch.put_for(n, 1h)); },
     [](const channel<number>& ch, number& n) { return answered(ch.get_for(1h), n); }},
    {"put_until and get_until",
     [](const channel<number>& ch, number n) {
       return answered(ch.put_until(n, std::chrono::steady_clock::now() + 1h));
     },
     [](const channel<number>& ch, number& n) {
       return answered(ch.get_until(std::chrono::system_clock::now() + 1h), n);
     }},
    {"try_put and try_get, over and over",
     [](const channel<number>& ch, number n) {
       status s = status::full;
       test::await([&] { return (s = ch.try_put(n)) != status::full; });
       return answered(s);
     },
     [](const channel<number>& ch, number& n) {
       sluice::result<number> r(status::empty);
       test::await([&] { return (r = ch.try_get()).status() != status::empty; });
       return answered(r, n);
     }},
    {"put_batch of one and get_batch of one",
     [](const channel<number>& ch, number n) { return ch.put_batch(std::vector{n}) == 1; },
     [](const channel<number>& ch, number& n) {
       const std::vector<number> batch = ch.get_batch(1);
       if (!batch.empty()) n = batch.front();
       return !batch.empty();
     }},
};

/// A try on both sides never meets on a rendezvous channel: somebody must wait.
bool both_only_try(const way& putting, const way& getting, const shape& what) {
  return what.is_rendezvous() && &putting == &ways[4] && &getting == &ways[4];
}

}  // namespace

TEST_CASE("every way to put feeds every way to get, in order, until closed and drained") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    for (const way& putting : ways) {
      for (const way& getting : ways) {
        if (both_only_try(putting, getting, what)) continue;
        if (what.capacity == 1000 && &putting != &getting) continue;  // enough once each
        const test::situation now(std::string(putting.name) + " / " + getting.name);
        const channel<number> ch = what.make<number>();
        const number n = enough_for(what);
        crowd.start([=, &putting] {
          for (number i = 0; i < n; ++i) CHECK(putting.put(ch, i));
          CHECK(ch.close());
        });
        number item = -1;
        for (number i = 0; i < n; ++i) {
          if (!getting.get(ch, item) || item != i) FAIL_CHECK("item " << i << " is " << item);
        }
        CHECK(!getting.get(ch, item));
        CHECK(item == n - 1);
        CHECK(!getting.get(ch, item));
        crowd.join();
        CHECK(ch.drained());
      }
    }
  });
}

TEST_CASE_TEMPLATE("items of every sort pass", T, boxed, test::counted, test::aligned<64>,
                   test::aligned<128>, test::page, test::nothing) {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (what.capacity == 1000) return;
    const channel<T> ch = what.template make<T>();
    const number n = enough_for(what);
    crowd.start([=] {
      for (number i = 0; i < n; ++i) ch << test::make<T>(i);
      ch.close();
    });
    T item = test::make<T>(-1);
    for (number i = 0; i < n; ++i) {
      CHECK((ch >> item));
      if constexpr (test::tells_numbers<T>) CHECK(test::number_of(item) == i);
    }
    CHECK(!(ch >> item));
  });
  CHECK(test::counted::alive() == 0);
  CHECK(test::counted::misuses() == 0);
  CHECK(test::aligned<64>::misaligned() == 0);
  CHECK(test::aligned<128>::misaligned() == 0);
}

TEST_CASE("puts chain, gets convert to bool only when asked, and do not chain") {
  const channel<number> ch;
  ch << 1 << 2 << 3;
  number a = 0;
  CHECK((ch >> a));
  CHECK(a == 1);
  using got = decltype(ch >> a);
  CHECK(!std::is_convertible_v<got, bool>);
  CHECK(std::is_constructible_v<bool, got>);
}

TEST_CASE("an lvalue is copied, and a copy that throws changes nothing") {
  for (const shape& what : test::shapes) {
    const test::situation now(what.name());
    if (what.is_rendezvous()) continue;
    const channel<test::copy_thrower> ch = what.make<test::copy_thrower>();
    const test::copy_thrower item(5);
    test::copy_thrower::set_fuse(0);
    CHECK_THROWS_AS(ch.put(item), std::runtime_error);
    CHECK_THROWS_AS(ch << item, std::runtime_error);
    CHECK_THROWS_AS(static_cast<void>(ch.try_put(item)), std::runtime_error);
    CHECK_THROWS_AS(ch.put_for(item, 1h), std::runtime_error);
    CHECK_THROWS_AS(ch.put_until(item, std::chrono::steady_clock::now()), std::runtime_error);
    CHECK(ch.empty());
    test::copy_thrower::set_fuse(1);
    ch.put(item);
    CHECK(item.value() == 5);
    CHECK(ch.get().value() == 5);
  }
}

TEST_CASE("try_put answers ok while there is room, then full, then closed, which beats full") {
  test::everywhere_with_shapes([](strands&, const shape& what) {
    const channel<boxed> ch = what.make<boxed>();
    for (std::size_t i = 0; i < what.room(100); ++i) {
      CHECK(ch.try_put(boxed(number(i))) == status::ok);
    }
    boxed item(7);
    if (what.can_fill()) CHECK(ch.try_put(std::move(item)) == status::full);
    ch.close();
    CHECK(ch.try_put(std::move(item)) == status::closed);
    CHECK(item.value() == 7);
  });
}

TEST_CASE("try_get answers empty, an item, which beats closed, then closed") {
  test::everywhere_with_shapes([](strands&, const shape& what) {
    const channel<number> ch = what.make<number>();
    CHECK(ch.try_get().status() == status::empty);
    CHECK_THROWS_AS(ch.try_get().value(), sluice::channel_empty);
    fill(ch, what);
    ch.close();
    for (std::size_t i = 0; i < what.room(3); ++i) {
      const sluice::result<number> r = ch.try_get();
      CHECK(r.status() == status::ok);
      CHECK(r.value() == number(i));
    }
    CHECK(ch.try_get().status() == status::closed);
    CHECK_THROWS_AS(ch.try_get().value(), sluice::channel_closed);
  });
}

TEST_CASE("a try_put on a rendezvous channel is ok only if a getter waits, and wakes it") {
  test::everywhere([](strands& crowd) {
    const channel<number> ch(sluice::rendezvous);
    CHECK(ch.try_put(1) == status::full);
    crowd.start([=] { CHECK(ch.get() == 2); });
    test::await([&] { return test::getters_waiting(ch) == 1; });
    CHECK(ch.try_put(2) == status::ok);
    crowd.join();
    CHECK(ch.try_put(3) == status::full);
    CHECK(ch.try_get().status() == status::empty);
  });
}

TEST_CASE("a try_get on a rendezvous channel gets an item only if a putter waits, and wakes it") {
  test::everywhere([](strands& crowd) {
    const channel<number> ch(sluice::rendezvous);
    crowd.start([=] { ch.put(4); });
    test::await([&] { return test::putters_waiting(ch) == 1; });
    CHECK(ch.empty());
    CHECK(ch.full());
    CHECK(ch.try_get().value() == 4);
    crowd.join();
  });
}

TEST_CASE("a put on a rendezvous channel completes only when a get has taken the item") {
  test::everywhere([](strands& crowd) {
    const channel<number> ch(sluice::rendezvous);
    std::atomic<bool> put{false};
    crowd.start([=, &put] {
      ch.put(1);
      put = true;
    });
    test::await([&] { return test::putters_waiting(ch) == 1; });
    CHECK(!put);
    CHECK(ch.get() == 1);
    crowd.join();
    CHECK(put);
  });
}

TEST_CASE("a timed operation that can be done at once is done even if the time is over") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> ch = what.make<number>();
    const auto past = std::chrono::steady_clock::now() - 1h;
    if (what.is_rendezvous()) {
      crowd.start([=] { ch.put(1); });
      test::await([&] { return test::putters_waiting(ch) == 1; });
      CHECK(ch.get_for(-1h).value() == 1);
      crowd.start([=] { CHECK(ch.get() == 2); });
      test::await([&] { return test::getters_waiting(ch) == 1; });
      CHECK(ch.put_until(2, past) == status::ok);
    } else {
      CHECK(ch.put_for(1, 0s) == status::ok);
      CHECK(ch.get_until(past).value() == 1);
      CHECK(ch.put_until(2, std::chrono::system_clock::time_point::min()) == status::ok);
      CHECK(ch.get_for(std::chrono::hours::min()).value() == 2);
    }
  });
}

TEST_CASE("a timed operation that runs out says so, leaves the item and loses nothing") {
  test::everywhere_with_shapes([](strands&, const shape& what) {
    const channel<boxed> ch = what.make<boxed>();
    CHECK(ch.get_for(1ms).status() == status::timed_out);
    CHECK_THROWS_AS(ch.get_for(-1s).value(), sluice::timed_out);
    CHECK(ch.get_until(std::chrono::steady_clock::now() + 1ms).status() == status::timed_out);
    CHECK(ch.get_until(std::chrono::system_clock::now() + 1ms).status() == status::timed_out);
    if (!what.can_fill()) return;
    for (std::size_t i = 0; i < what.capacity; ++i) ch.put(boxed(number(i)));
    boxed item(9);
    CHECK(ch.put_for(std::move(item), 1ms) == status::timed_out);
    CHECK(ch.put_for(std::move(item), 0s) == status::timed_out);
    CHECK(ch.put_until(std::move(item), std::chrono::steady_clock::now() - 1h) ==
          status::timed_out);
    CHECK(ch.put_until(std::move(item), std::chrono::system_clock::now() + 1ms) ==
          status::timed_out);
    CHECK(item.value() == 9);
    CHECK(ch.size() == what.capacity);
    for (std::size_t i = 0; i < what.capacity; ++i) CHECK(ch.get().value() == number(i));
  });
}

TEST_CASE("no wait is too long: the largest durations and moments do not overflow") {
  test::everywhere([](strands& crowd) {
    const channel<number> ch(1);
    crowd.start([=] {
      CHECK(ch.get_for(std::chrono::hours::max()).value() == 1);
      CHECK(ch.get_until(std::chrono::steady_clock::time_point::max()).value() == 2);
      CHECK(ch.get_until(std::chrono::system_clock::time_point::max()).value() == 3);
      CHECK(ch.get_for(std::chrono::duration<double>(1e300)).value() == 4);
    });
    for (number i = 1; i <= 4; ++i) {
      test::await([&] { return test::getters_waiting(ch) == 1; });
      ch.put(i);
    }
  });
}

TEST_CASE("the first close decides, is the only one that says true, and its cause is kept") {
  test::everywhere_with_shapes([](strands&, const shape& what) {
    const channel<number> ch = what.make<number>();
    fill(ch, what);
    CHECK(ch.close(std::make_exception_ptr(cause_error())));
    CHECK(!ch.close());
    CHECK(!ch.close(std::make_exception_ptr(std::logic_error("late"))));
    CHECK(ch.closed());
    number item = -1;
    for (std::size_t i = 0; i < what.room(3); ++i) CHECK((ch >> item));  // the drain comes first
    CHECK(ch.drained());
    item = -1;
    CHECK_THROWS_AS(ch.get(), cause_error);
    CHECK_THROWS_AS(ch >> item, cause_error);
    CHECK_THROWS_AS(ch.try_get().value(), cause_error);
    CHECK(ch.try_get().status() == status::closed);
    CHECK(ch.get_for(1h).status() == status::closed);
    CHECK_THROWS_AS(ch.get_for(1h).value(), cause_error);
    CHECK_THROWS_AS(ch.get_until(std::chrono::steady_clock::now()).value(), cause_error);
    CHECK_THROWS_AS(static_cast<void>(ch.get_batch(3)), cause_error);
    CHECK_THROWS_AS(static_cast<void>(ch.get_batch(3, 1h)), cause_error);
    CHECK_THROWS_AS(static_cast<void>(ch.try_get_batch(3)), cause_error);
    CHECK_THROWS_AS(ch.put(1), sluice::channel_closed);  // putters see a plain end
    ch.join();
    CHECK(ch.join_for(1h));
    CHECK(item == -1);
  });
}

TEST_CASE("a null cause is a plain close") {
  const channel<number> ch;
  CHECK(ch.close(std::exception_ptr()));
  number item = 0;
  CHECK(!(ch >> item));
  CHECK_THROWS_AS(ch.get(), sluice::channel_closed);
}

TEST_CASE("questions follow the items and the close") {
  test::everywhere_with_shapes([](strands&, const shape& what) {
    const channel<number> ch = what.make<number>();
    const std::size_t n = what.room(50);
    for (std::size_t i = 0; i < n; ++i) {
      CHECK(ch.size() == i);
      CHECK(!ch.full());
      ch.put(1);
      CHECK(!ch.empty());
    }
    CHECK(ch.full() == what.can_fill());
    CHECK(!ch.drained());
    ch.close();
    CHECK(ch.drained() == (n == 0));
    for (std::size_t i = n; i-- > 0;) {
      ch.get();
      CHECK(ch.size() == i);
      CHECK(ch.drained() == (i == 0));
    }
    CHECK(ch.empty());
    CHECK(ch.capacity() == what.capacity);
  });
}

TEST_CASE("join waits until closed and drained, and not longer") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> ch = what.make<number>();
    fill(ch, what);
    CHECK(!ch.join_for(1ms));
    std::atomic<int> joined{0};
    crowd.start([=, &joined] {
      ch.join();
      ++joined;
    });
    crowd.start([=, &joined] {
      CHECK(ch.join_for(1h));
      ++joined;
    });
    test::await([&] { return test::joiners_waiting(ch) == 2; });
    if (what.room(3) > 0) {
      ch.close();
      CHECK(!ch.join_for(0s));
      for (std::size_t i = 0; i + 1 < what.room(3); ++i) ch.get();
      CHECK(test::joiners_waiting(ch) == 2);
      CHECK(joined == 0);
      ch.get();
    } else {
      CHECK(joined == 0);
      ch.close();
    }
    crowd.join();
    CHECK(joined == 2);
    ch.join();
    CHECK(ch.join_for(0s));
  });
}
