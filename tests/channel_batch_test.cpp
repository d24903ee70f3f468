// Batches: sequences of single puts and gets, in every kind of channel and flavour of strand.
#include <doctest/doctest.h>

#include <chrono>
#include <deque>
#include <forward_list>
#include <initializer_list>
#include <list>
#include <ranges>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "sluice/channel.hpp"
#include "sluice/handles.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::status;
using test::boxed;
using test::copy_thrower;
using test::number;
using test::shape;
using test::strands;

std::vector<number> numbers(number from, number to) {
  std::vector<number> all;
  for (number i = from; i < to; ++i) all.push_back(i);
  return all;
}

std::vector<boxed> boxes(number n) {
  std::vector<boxed> all;
  for (number i = 0; i < n; ++i) all.emplace_back(i);
  return all;
}

/// What a channel holds, without waiting.
template <class T>
std::vector<number> contents(const channel<T>& ch) {
  std::vector<number> all;
  for (const T& item : ch.try_get_batch(1'000'000)) all.push_back(test::number_of(item));
  return all;
}

/// 0, 1, 2 ... and then an exception instead of `end`.
struct throwing_iterator {
  using value_type = number;
  using difference_type = std::ptrdiff_t;
  number at = 0;
  number end = 0;
  number operator*() const {
    if (at == end) throw std::range_error("no more");
    return at;
  }
  throwing_iterator& operator++() { return ++at, *this; }
  void operator++(int) { ++at; }
  friend bool operator==(const throwing_iterator&, std::default_sentinel_t) { return false; }
};

/// A container of boxes whose iterator throws when it leaves the one at `weak`.
struct weak_container {
  struct iterator {
    using value_type = boxed;
    using difference_type = std::ptrdiff_t;
    std::vector<boxed>* in = nullptr;
    std::size_t at = 0;
    std::size_t weak = 0;
    boxed& operator*() const { return (*in)[at]; }
    iterator& operator++() {
      if (at == weak) throw std::range_error("broken");
      return ++at, *this;
    }
    iterator operator++(int) {
      const iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const iterator& other) const { return at == other.at; }
  };
  iterator begin() { return {&inside, 0, weak}; }
  iterator end() { return {&inside, inside.size(), weak}; }

  std::vector<boxed> inside;
  std::size_t weak;
};

}  // namespace

TEST_CASE("a batch waits for room and comes out whole, in order") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> ch = what.make<number>();
    const auto n = static_cast<number>(2 * what.room(500) + 200);
    crowd.start([=] {
      CHECK(ch.put_batch(numbers(0, n)) == static_cast<std::size_t>(n));
      ch.close();
    });
    number next = 0;
    for (;;) {
      const std::vector<number> batch = ch.get_batch(9);
      if (batch.empty()) break;
      CHECK(batch.size() <= 9);
      for (const number item : batch) CHECK(item == next++);
    }
    CHECK(next == n);
    CHECK(ch.get_batch(1).empty());
    CHECK(ch.get_batch(1, 1h).empty());
    CHECK(ch.try_get_batch(1).empty());
  });
}

TEST_CASE("batches of several putters mix, but none of them changes its own order") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> ch = what.make<number>();
    constexpr number each = 300;
    for (number putter = 0; putter < 3; ++putter) {
      crowd.start(
          [=] { CHECK(ch.put_batch(numbers(1000 * putter, 1000 * putter + each)) == each); });
    }
    number next[3] = {0, 1000, 2000};
    for (number got = 0; got < 3 * each;) {
      for (const number item : ch.get_batch(50, 1ms)) {
        CHECK(item == next[item / 1000]++);
        ++got;
      }
    }
  });
}

TEST_CASE("an rvalue container is moved from; lvalues, views and borrowed ranges are copied") {
  const channel<test::counted> ch;
  std::vector<test::counted> given;
  for (number i = 0; i < 100; ++i) given.emplace_back(i);
  const auto intact = [&] {
    return std::ranges::all_of(given, [](const auto& item) { return item.value() >= 0; });
  };
  CHECK(ch.put_batch(given) == 100);
  CHECK(intact());
  CHECK(ch.put_batch(std::as_const(given)) == 100);
  CHECK(ch.put_batch(std::span(given)) == 100);
  CHECK(ch.put_batch(given | std::views::take(100)) == 100);
  CHECK(ch.put_batch(std::ranges::subrange(given)) == 100);
  CHECK(intact());
  CHECK(ch.put_batch(std::move(given)) == 100);
  CHECK(!intact());
  CHECK(contents(ch).size() == 600);
}

TEST_CASE("every sort of range can be put") {
  const channel<number> ch;
  CHECK(ch.put_batch(std::list<number>{1, 2}) == 2);
  CHECK(ch.put_batch(std::forward_list<number>{3, 4}) == 2);
  CHECK(ch.put_batch(std::deque<number>{5, 6}) == 2);
  CHECK(ch.put_batch(std::set<number>{7, 8}) == 2);
  CHECK(ch.put_batch(std::views::iota(number{9}, number{11})) == 2);
  const number plain[] = {11, 12};
  CHECK(ch.put_batch(plain) == 2);
  std::istringstream text("13 14");
  CHECK(ch.put_batch(std::views::istream<number>(text)) == 2);
  CHECK(ch.put_batch(std::vector<short>{15, 16}) == 2);
  CHECK(ch.put_batch(std::vector<number>{}) == 0);
  CHECK(contents(ch) == numbers(1, 17));
}

TEST_CASE("a list in braces can be put, and its items are copied before any of them is") {
  const channel<number> ch{2};
  CHECK(ch.put_batch({1, 2}) == 2);
  CHECK(ch.put_batch({}) == 0);
  CHECK(contents(ch) == numbers(1, 3));
  const auto [tx, rx] = sluice::make_channel<std::string>(sluice::unbounded);
  CHECK(tx.put_batch({"one", "two"}) == 2);
  const std::initializer_list<std::string> named = {"three"};
  CHECK(tx.put_batch(named) == 1);
  CHECK(tx.put_batch(std::initializer_list<const char*>{"four"}) == 1);
  CHECK(rx.get_batch(9) == std::vector<std::string>{"one", "two", "three", "four"});
  const channel<std::vector<number>> nested{8};
  CHECK(nested.put_batch({{1, 2}, {}, {3}}) == 3);
  CHECK(nested.get() == numbers(1, 3));
  const channel<number> closed{2};
  closed.close();
  CHECK(closed.put_batch({1, 2}) == 0);
}

TEST_CASE("a list in braces of which a copy throws puts nothing") {
  const channel<copy_thrower> ch;
  const copy_thrower one(1);
  copy_thrower::set_fuse(3);  // two copies make the list
  CHECK_THROWS_AS(ch.put_batch({one, one}), std::runtime_error);
  CHECK(ch.empty());
  CHECK(one.value() == 1);
}

TEST_CASE("a channel can be put into another as a batch") {
  const channel<number> from;
  const channel<number> to;
  from << 1 << 2 << 3;
  from.close();
  CHECK(to.put_batch(from) == 3);
  CHECK(contents(to) == numbers(1, 4));
}

TEST_CASE("a batch on a closed channel accepts none and leaves all items unmoved") {
  test::everywhere_with_shapes([](strands&, const shape& what) {
    const channel<boxed> ch = what.make<boxed>();
    ch.close();
    std::vector<boxed> items = boxes(3);
    CHECK(ch.put_batch(std::move(items)) == 0);
    for (number i = 0; i < 3; ++i) CHECK(items[static_cast<std::size_t>(i)].value() == i);
  });
}

TEST_CASE("a batch cut short by the close says how many went in and leaves the rest unmoved") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (!what.can_fill()) return;
    const channel<boxed> ch = what.make<boxed>();
    const auto n = static_cast<number>(what.capacity + 10);
    crowd.start([=] {
      std::vector<boxed> items = boxes(n);
      const std::size_t accepted = ch.put_batch(std::move(items));
      CHECK(accepted == what.capacity + 2);
      for (number i = 0; i < n; ++i) {
        const boxed& item = items[static_cast<std::size_t>(i)];
        CHECK(item.moved_from() == (i < static_cast<number>(accepted)));
      }
    });
    CHECK(ch.get().value() == 0);
    CHECK(ch.get().value() == 1);
    test::await([&] { return ch.full() && test::putters_waiting(ch) == 1; });
    ch.close();
    crowd.join();
    CHECK(contents(ch).size() == what.capacity);
  });
}

TEST_CASE("a copy that throws passes on; what was accepted stays, the rest is untouched") {
  const channel<copy_thrower> ch;
  std::vector<copy_thrower> items;
  for (number i = 0; i < 200; ++i) items.emplace_back(i);
  copy_thrower::set_fuse(150);
  CHECK_THROWS_AS(ch.put_batch(items), std::runtime_error);
  const std::vector<number> there = contents(ch);
  CHECK(there.size() <= 150);
  CHECK(there == numbers(0, static_cast<number>(there.size())));
  for (number i = 0; i < 200; ++i) CHECK(items[static_cast<std::size_t>(i)].value() == i);
}

TEST_CASE("an iterator that throws passes on, and what was accepted stays") {
  for (const number end : {0, 1, 64, 150}) {
    const channel<number> ch;
    const std::ranges::subrange bad(throwing_iterator{0, end}, std::default_sentinel);
    CHECK_THROWS_AS(ch.put_batch(bad), std::range_error);
    const std::vector<number> there = contents(ch);
    CHECK(there.size() <= static_cast<std::size_t>(end));
    CHECK(there == numbers(0, static_cast<number>(there.size())));
  }
}

TEST_CASE("an rvalue container whose iterator throws loses nothing, and what was put stays") {
  for (const number size : {1, 64, 150}) {
    for (const number weak : {number{0}, size / 2, size - 1}) {
      const channel<boxed> ch;
      weak_container given{boxes(size), static_cast<std::size_t>(weak)};
      CHECK_THROWS_AS(ch.put_batch(std::move(given)), std::range_error);
      CHECK(contents(ch) == numbers(0, weak + 1));
      for (number i = 0; i < size; ++i) {
        CHECK(given.inside[static_cast<std::size_t>(i)].moved_from() == (i <= weak));
      }
    }
  }
}

TEST_CASE("get_batch waits for one, then takes what is there up to its limit") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> ch = what.make<number>();
    crowd.start([=] { CHECK(ch.get_batch(100) == std::vector<number>{7}); });
    test::await([&] { return test::getters_waiting(ch) == 1; });
    ch.put(7);
    crowd.join();
    const std::size_t n = what.room(100);
    for (std::size_t i = 0; i < n; ++i) ch.put(number(i));
    if (n == 0) return;
    CHECK(ch.get_batch(1) == std::vector<number>{0});
    if (n == 1) return;
    CHECK(ch.get_batch(n + 5) == numbers(1, static_cast<number>(n)));
    CHECK(ch.empty());
  });
}

TEST_CASE("get_batch of a rendezvous channel takes from all putters that wait") {
  test::everywhere([](strands& crowd) {
    const channel<number> ch(sluice::rendezvous);
    for (number i = 0; i < 4; ++i) {
      crowd.start([=] { ch.put(i); });
      test::await([&] { return test::putters_waiting(ch) == static_cast<std::size_t>(i + 1); });
    }
    CHECK(ch.get_batch(3) == numbers(0, 3));
    CHECK(ch.try_get_batch(3) == numbers(3, 4));
    CHECK(ch.try_get_batch(3).empty());
  });
}

TEST_CASE("a lingering get_batch waits for the batch to fill") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> ch = what.make<number>();
    crowd.start([=] { CHECK(ch.get_batch(5, 1h) == numbers(0, 5)); });
    for (number i = 0; i < 5; ++i) ch.put(i);
    crowd.join();
    CHECK(test::getters_waiting(ch) == 0);
  });
}

TEST_CASE("a lingering get_batch ends with the time and returns what it has") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> ch = what.make<number>();
    crowd.start([=] { ch.put(3); });
    CHECK(ch.get_batch(5, 1ms) == numbers(3, 4));
  });
}

TEST_CASE("a lingering get_batch ends with the close and returns what it has") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> ch = what.make<number>();
    crowd.start([=] {
      CHECK(ch.get_batch(5, 1h) == numbers(3, 4));
      CHECK(ch.get_batch(5, 1h).empty());
    });
    ch.put(3);
    test::await([&] { return ch.empty() && test::getters_waiting(ch) == 1; });
    ch.close();
  });
}

TEST_CASE("try_get_batch takes what is there now and never waits") {
  test::everywhere_with_shapes([](strands&, const shape& what) {
    const channel<number> ch = what.make<number>();
    CHECK(ch.try_get_batch(3).empty());
    const std::size_t n = what.room(100);
    for (std::size_t i = 0; i < n; ++i) ch.put(number(i));
    ch.close();
    std::vector<number> all = ch.try_get_batch(2);
    CHECK(all.size() == std::min<std::size_t>(n, 2));
    for (const number item : ch.try_get_batch(5000)) all.push_back(item);
    CHECK(all == numbers(0, static_cast<number>(n)));
    CHECK(ch.try_get_batch(3).empty());
  });
}

TEST_CASE("a batch of at most 0 items is refused") {
  const channel<number> ch;
  CHECK_THROWS_AS(static_cast<void>(ch.get_batch(0)), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(ch.get_batch(0, 1ms)), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(ch.try_get_batch(0)), std::invalid_argument);
}

TEST_CASE("a batch without a limit takes what is there, and no more memory than that needs") {
  const channel<number> ch;
  for (number i = 0; i < 1000; ++i) ch << i;
  const std::vector<number> all = ch.get_batch(channel<number>::no_limit);
  CHECK(all == numbers(0, 1000));
  CHECK(all.capacity() <= 4000);
}

TEST_CASE("a batch of items that need alignment or room keeps them whole") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (what.capacity == 1000) return;
    const channel<test::page> pages = what.make<test::page>();
    const channel<test::aligned<128>> wide = what.make<test::aligned<128>>();
    crowd.start([=] {
      std::vector<test::page> many(150, test::page(1));
      CHECK(pages.put_batch(many) == 150);
      std::vector<test::aligned<128>> others(150, test::aligned<128>(2));
      CHECK(wide.put_batch(std::move(others)) == 150);
      pages.close();
      wide.close();
    });
    std::size_t got = 0;
    while (got < 150) {
      for (const test::page& one : pages.get_batch(20)) CHECK((++got, one.value() == 1));
    }
    while (got < 300) {
      for (const auto& one : wide.get_batch(20)) CHECK((++got, one.value() == 2));
    }
  });
  CHECK(test::aligned<128>::misaligned() == 0);
}
