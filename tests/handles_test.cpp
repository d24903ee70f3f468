// Handles with a direction, and closing as the last thing that a producer does.
#include "sluice/handles.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <vector>

#include "sluice/close.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::make_channel;
using sluice::receiver;
using sluice::sender;
using sluice::status;
using test::counted;
using test::number;
using test::shape;
using test::strands;

template <class Handle>
concept puts = requires(const Handle& h) {
  h.put(1), h.try_put(1), h << 1, h.full();
};
template <class Handle>
concept gets = requires(const Handle& h, number& n) {
  h.get(), h.try_get(), h >> n, h.begin();
};
template <class Handle>
concept sees_items = requires(const Handle& h) {
  h.size(), h.empty(), h.drained(), h.join();
};
template <class Handle>
concept shared = std::copyable<Handle> && std::equality_comparable<Handle> &&
    requires(const Handle& h) {
  h.close(), h.closed(), h.capacity(), h.valid();
};

static_assert(puts<sender<number>> && !gets<sender<number>> && !sees_items<sender<number>>);
static_assert(gets<receiver<number>> && sees_items<receiver<number>> && !puts<receiver<number>>);
static_assert(puts<channel<number>> && gets<channel<number>> && sees_items<channel<number>>);
static_assert(shared<sender<number>> && shared<receiver<number>> && shared<channel<number>>);

struct cause_error : std::runtime_error {
  cause_error() : std::runtime_error("the cause") {}
};

/// A pair of handles for the kind of channel.
template <class T>
sluice::handles<T> pair_of(const shape& what) {
  if (what.is_rendezvous()) return make_channel<T>(sluice::rendezvous);
  if (what.is_unbounded()) return make_channel<T>(sluice::unbounded);
  return make_channel<T>(what.capacity);
}

}  // namespace

TEST_CASE("make_channel takes what the constructors take") {
  CHECK(make_channel<int>().tx.capacity() == channel<int>::no_limit);
  CHECK(make_channel<int>(sluice::unbounded).rx.capacity() == channel<int>::no_limit);
  CHECK(make_channel<int>(7).tx.capacity() == 7);
  CHECK(make_channel<int>(sluice::rendezvous, {.name = "meet"}).rx.capacity() == 0);
  CHECK_THROWS_AS(static_cast<void>(make_channel<int>(0)), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(make_channel<int>(-1)), std::invalid_argument);
}

TEST_CASE("what a sender puts its receiver gets, and then the end") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    auto [tx, rx] = pair_of<number>(what);
    crowd.start([tx = std::move(tx)]() mutable {
      for (number i = 0; i < 100; ++i) tx << i;
      const sender<number> last = std::move(tx);
      CHECK(!last.closed());
    });  // no close: the sender goes, and with it the channel closes
    number next = 0;
    for (const number item : rx) CHECK(item == next++);
    CHECK(next == 100);
    CHECK(rx.drained());
    rx.join();
  });
}

TEST_CASE("the channel closes with the last sender, not before") {
  test::everywhere_with_shapes([](strands&, const shape& what) {
    auto [tx, rx] = pair_of<number>(what);
    std::optional<sender<number>> first(tx);
    std::optional<sender<number>> second(std::move(tx));
    CHECK(!tx.valid());
    CHECK(*first == *second);
    first.reset();
    CHECK(!rx.closed());
    first = *second;
    second.reset();
    CHECK(!rx.closed());
    first.reset();
    CHECK(rx.closed());
  });
}

TEST_CASE("the last sender that goes wakes the getters that wait") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> ch = what.make<number>();
    std::optional<sender<number>> tx(ch);
    const receiver<number> rx(ch);
    for (int i = 0; i < 3; ++i) {
      crowd.start([=] { CHECK(rx.get_for(1h).status() == status::closed); });
    }
    test::await([&] { return test::getters_waiting(ch) == 3; });
    tx.reset();
  });
}

TEST_CASE("the last receiver that goes closes, wakes the putters and destroys what is left") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<counted> ch = what.make<counted>();
    std::optional<receiver<counted>> rx(ch);
    std::optional<receiver<counted>> copy(rx);
    const sender<counted> tx(ch);
    for (std::size_t i = 0; i < what.room(100); ++i) tx << counted(1);
    if (what.can_fill()) {
      crowd.start([=] { CHECK_THROWS_AS(tx.put(counted(2)), sluice::channel_closed); });
      test::await([&] { return test::putters_waiting(ch) == 1; });
    }
    rx.reset();
    CHECK(!tx.closed());
    CHECK(ch.size() == what.room(100));
    copy.reset();
    CHECK(tx.closed());
    CHECK(ch.drained());
    crowd.join();
    CHECK(counted::alive() == 0);
    CHECK(tx.try_put(counted(3)) == status::closed);
  });
  CHECK(counted::misuses() == 0);
}

TEST_CASE("a channel handle is neither sender nor receiver: it closes nothing when it goes") {
  std::optional<channel<number>> ch(std::in_place, 3);
  const sender<number> tx(*ch);
  const receiver<number> rx(*ch);
  ch.reset();
  CHECK(!tx.closed());
  tx << 1;
  CHECK(rx.get() == 1);
}

TEST_CASE("handles have their half of the operations, which mean what they mean on a channel") {
  auto [tx, rx] = make_channel<number>(3, {.name = "half"});
  CHECK(!tx.full());
  CHECK(rx.empty());
  CHECK(tx.try_put(1) == status::ok);
  CHECK(tx.put_for(2, 1h) == status::ok);
  CHECK(tx.put_batch(std::vector<number>{3}) == 1);
  CHECK(tx.full());
  CHECK(tx.try_put(4) == status::full);
  CHECK(rx.size() == 3);
  CHECK(rx.get() == 1);
  CHECK(rx.get_for(1h).value() == 2);
  CHECK(rx.get_batch(5) == std::vector<number>{3});
  CHECK(rx.try_get().status() == status::empty);
  CHECK(!rx.join_for(0s));
  CHECK(rx.close(std::make_exception_ptr(cause_error())));
  CHECK(!tx.close());
  CHECK_THROWS_AS(rx.get(), cause_error);
}

TEST_CASE("moved-from senders and receivers behave like moved-from channels") {
  auto [tx, rx] = make_channel<number>(1);
  const sender<number> tx2 = std::move(tx);
  const receiver<number> rx2 = std::move(rx);
  CHECK(!tx.valid());
  CHECK(!rx.valid());
  CHECK(!tx.close());
  CHECK(!rx.close());
  CHECK(tx != tx2);
  CHECK_THROWS_AS(tx.put(1), std::logic_error);
  CHECK_THROWS_AS(static_cast<void>(tx.full()), std::logic_error);
  CHECK_THROWS_AS(rx.get(), std::logic_error);
  CHECK_THROWS_AS(static_cast<void>(rx.begin()), std::logic_error);
  tx = tx2;
  rx = rx2;
  tx << 4;
  CHECK(rx.get() == 4);
  channel<number> gone(1);
  const channel<number> there = std::move(gone);
  CHECK_THROWS_AS(sender<number>{gone}, std::logic_error);
  CHECK_THROWS_AS(receiver<number>{gone}, std::logic_error);
}

TEST_CASE("close_on_exit closes at the end of the scope, also when an exception leaves it") {
  const channel<number> ch;
  {
    const sluice::close_on_exit guard{ch};
    ch << 1;
    CHECK(!ch.closed());
  }
  CHECK(ch.closed());
  CHECK(ch.get() == 1);
  auto [tx, rx] = make_channel<number>();
  const sender<number> second = tx;
  try {
    const sluice::close_on_exit guard{tx};
    throw cause_error();
  } catch (const cause_error&) {
  }
  CHECK(rx.closed());
  CHECK_THROWS_AS(rx.get(), sluice::channel_closed);  // a plain end
}

TEST_CASE("close_after returns the value, and has closed by then") {
  const channel<number> ch;
  CHECK(sluice::close_after(ch, [&] { return ch.closed() ? 1 : 7; }) == 7);
  CHECK(ch.closed());
  const channel<number> none;
  sluice::close_after(none, [] {});
  CHECK(none.closed());
  const channel<number> box;
  CHECK(sluice::close_after(box, [] { return test::boxed(3); }).value() == 3);
  int there = 0;
  const channel<number> reference;
  CHECK(&sluice::close_after(reference, [&]() -> int& { return there; }) == &there);
}

TEST_CASE("close_after closes with what its function throws as the cause, and rethrows it") {
  const channel<number> ch;
  const auto fails = [&]() -> int {
    ch << 1;
    throw cause_error();
  };
  CHECK_THROWS_AS(sluice::close_after(ch, fails), cause_error);
  CHECK(ch.get() == 1);
  CHECK_THROWS_AS(ch.get(), cause_error);
}

TEST_CASE("close_after closes plainly when its function is cancelled, and rethrows that") {
  auto [tx, rx] = make_channel<number>();
  const sender<number> second = tx;
  CHECK_THROWS_AS(sluice::close_after(tx, [] { throw sluice::cancelled(); }), sluice::cancelled);
  CHECK(rx.closed());
  CHECK_THROWS_AS(rx.get(), sluice::channel_closed);
}

TEST_CASE("an end cascades through a pipeline whose stages close their outputs") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> numbers = what.make<number>();
    const channel<number> squares = what.make<number>();
    const channel<number> sums = what.make<number>();
    crowd.start([=] {
      sluice::close_after(numbers, [&] {
        for (number i = 1; i <= 50; ++i) numbers << i;
      });
    });
    crowd.start([=] {
      const sluice::close_on_exit guard{squares};
      for (const number n : numbers) squares << n * n;
    });
    crowd.start([=] {
      const sluice::close_on_exit guard{sums};
      number sum = 0;
      for (const number n : squares) sum += n;
      sums << sum;
    });
    CHECK(sums.get() == 42925);
    CHECK_THROWS_AS(sums.get(), sluice::channel_closed);
  });
}
