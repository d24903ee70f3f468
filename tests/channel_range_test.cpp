// Channels and receivers as ranges: what a loop and a view take, and when they wait.
#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <vector>

#include "sluice/channel.hpp"
#include "sluice/handles.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using sluice::channel;
using sluice::receiver;
using test::boxed;
using test::number;
using test::shape;
using test::strands;

template <class R>
constexpr bool is_a_good_range() {
  using it = std::ranges::iterator_t<R>;
  static_assert(std::ranges::input_range<R>);
  static_assert(std::ranges::input_range<const R>);
  static_assert(!std::ranges::forward_range<R>);
  static_assert(!std::ranges::sized_range<R>);
  static_assert(!std::ranges::borrowed_range<R>);
  static_assert(std::input_iterator<it>);
  static_assert(std::movable<it>);
  static_assert(!std::copyable<it>);
  static_assert(!std::sized_sentinel_for<std::default_sentinel_t, it>);
  static_assert(std::ranges::viewable_range<R&>);
  static_assert(std::same_as<std::ranges::range_value_t<R>, typename R::value_type>);
  static_assert(std::same_as<std::ranges::range_reference_t<R>, typename R::value_type&>);
  return true;
}
static_assert(is_a_good_range<channel<number>>());
static_assert(is_a_good_range<channel<boxed>>());
static_assert(is_a_good_range<receiver<number>>());
static_assert(is_a_good_range<receiver<boxed>>());
static_assert(std::same_as<channel<boxed>::value_type, boxed>);
static_assert(std::same_as<receiver<boxed>::value_type, boxed>);
static_assert(std::same_as<sluice::sender<boxed>::value_type, boxed>);
static_assert(!std::ranges::range<sluice::sender<number>>);

struct cause_error : std::runtime_error {
  cause_error() : std::runtime_error("the cause") {}
};

/// An unbounded channel with the numbers from 0 on, still open.
channel<number> channel_with(number n) {
  const channel<number> ch;
  for (number i = 0; i < n; ++i) ch << i;
  return ch;
}

}  // namespace

TEST_CASE("a loop gets every item in order and ends when the channel is closed and drained") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<boxed> ch = what.make<boxed>();
    constexpr number n = 150;
    crowd.start([=] {
      for (number i = 0; i < n; ++i) ch << boxed(i);
      ch.close();
    });
    number next = 0;
    for (const boxed& item : ch) CHECK(item.value() == next++);
    CHECK(next == n);
    for (const boxed& item : ch) FAIL_CHECK("after the end: " << item.value());
  });
}

TEST_CASE("several loops share the items, each item goes to one of them") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> ch = what.make<number>();
    std::atomic<number> sum{0};
    for (int i = 0; i < 3; ++i) {
      crowd.start([=, &sum] {
        for (const number item : ch) sum += item;
      });
    }
    for (number i = 1; i <= 100; ++i) ch << i;
    ch.close();
    crowd.join();
    CHECK(sum == 5050);
  });
}

TEST_CASE("a loop may change and move the item that it holds") {
  const channel<boxed> ch;
  ch << boxed(1) << boxed(2);
  ch.close();
  std::vector<boxed> kept;
  for (boxed& item : ch) kept.push_back(std::move(item));
  CHECK(kept[0].value() == 1);
  CHECK(kept[1].value() == 2);
}

TEST_CASE("a loop over a channel with a cause gets the items and then throws the cause") {
  const channel<number> ch = channel_with(3);
  ch.close(std::make_exception_ptr(cause_error()));
  number seen = 0;
  const auto loop = [&] {
    for (const number item : ch) CHECK(item == seen++);
  };
  CHECK_THROWS_AS(loop(), cause_error);
  CHECK(seen == 3);
  CHECK_THROWS_AS(loop(), cause_error);
}

TEST_CASE("a dereference where no item comes any more throws what a get throws") {
  const channel<number> plain = channel_with(1);
  plain.close();
  auto it = plain.begin();
  CHECK(*it == 0);
  ++it;
  CHECK_THROWS_AS(*it, sluice::channel_closed);
  CHECK_THROWS_AS(*it, sluice::channel_closed);
  CHECK(it == std::default_sentinel);

  const channel<number> failed = channel_with(0);
  failed.close(std::make_exception_ptr(cause_error()));
  const auto end = failed.begin();
  CHECK_THROWS_AS(*end, cause_error);
  CHECK_THROWS_AS(*end, cause_error);
}

TEST_CASE("take(3) takes three and no fourth") {
  const channel<number> ch = channel_with(5);
  number next = 0;
  for (const number item : ch | std::views::take(3)) CHECK(item == next++);
  CHECK(next == 3);
  CHECK(ch.size() == 2);
  CHECK(ch.get() == 3);
}

TEST_CASE("take(3) of a channel with three items ends, though the channel is open") {
  const channel<number> ch = channel_with(3);
  number count = 0;
  for ([[maybe_unused]] const number item : ch | std::views::take(3)) ++count;
  CHECK(count == 3);
  CHECK(ch.empty());
}

TEST_CASE("a loop that breaks has taken the items that it saw and no other") {
  const channel<number> ch = channel_with(5);
  for (const number item : ch) {
    if (item == 1) break;
  }
  CHECK(ch.size() == 3);
}

TEST_CASE("neither begin nor a step waits; the comparison and the dereference do") {
  const channel<number> ch(4);
  auto it = ch.begin();  // would wait for ever here
  ch << 1 << 2;
  CHECK(ch.size() == 2);
  CHECK(it != ch.end());
  CHECK(ch.size() == 1);
  CHECK(*it == 1);
  CHECK(*it == 1);
  CHECK(it != ch.end());
  CHECK(ch.size() == 1);
  ++it;  // takes nothing yet
  CHECK(ch.size() == 1);
  CHECK(*it == 2);
  CHECK(ch.empty());
  ++it;  // would wait for ever here
  ch.close();
  CHECK(it == ch.end());
  CHECK(it == ch.end());
}

TEST_CASE("a step over an item that nobody looked at takes it") {
  const channel<number> ch = channel_with(3);
  auto it = ch.begin();
  ++it;
  CHECK(*it == 1);
  it++;
  CHECK(*it == 2);
}

TEST_CASE("an iterator keeps the channel alive") {
  std::optional<channel<test::counted>> ch(std::in_place);
  *ch << test::counted(1) << test::counted(2);
  ch->close();
  {
    auto it = ch->begin();
    ch.reset();
    CHECK(test::counted::alive() == 2);
    CHECK(it->value() == 1);
    ++it;
    CHECK(it->value() == 2);
    ++it;
    CHECK(it == std::default_sentinel);
  }
  CHECK(test::counted::alive() == 0);
  CHECK(test::counted::misuses() == 0);
}

TEST_CASE("an iterator that is moved takes its item along, once") {
  const channel<test::counted> ch;
  ch << test::counted(1) << test::counted(2) << test::counted(3);
  {
    auto first = ch.begin();
    CHECK(first->value() == 1);
    auto second = std::move(first);
    CHECK(second->value() == 1);
    ++second;
    CHECK(second->value() == 2);
    auto third = ch.begin();
    CHECK(third->value() == 3);
    third = std::move(second);
    CHECK(third->value() == 2);
    CHECK(test::counted::alive() == 1);
  }
  CHECK(test::counted::alive() == 0);
  CHECK(test::counted::misuses() == 0);
}

TEST_CASE("views and algorithms work on channels and receivers") {
  const channel<number> ch = channel_with(10);
  ch.close();
  const receiver<number> rx(ch);
  std::vector<number> even;
  for (const number item : rx | std::views::filter([](number n) { return n % 2 == 0; }) |
                               std::views::transform([](number n) { return n * 10; })) {
    even.push_back(item);
  }
  CHECK(even == std::vector<number>{0, 20, 40, 60, 80});

  const channel<number> other = channel_with(10);
  other.close();
  CHECK(std::ranges::count_if(other, [](number n) { return n > 6; }) == 3);
}

TEST_CASE("a search stops at what it sought and leaves the rest") {
  const channel<number> ch = channel_with(10);
  const auto found = std::ranges::find(ch, number{4});
  CHECK(*found == 4);
  CHECK(ch.size() == 5);
}

TEST_CASE("drop takes what it drops and no more") {
  const channel<number> ch = channel_with(5);
  ch.close();
  std::vector<number> rest;
  for (const number item : std::ranges::subrange(ch) | std::views::drop(2)) rest.push_back(item);
  CHECK(rest == std::vector<number>{2, 3, 4});
}
