// The steps between a select and its channels, one at a time: enlist, be met or passed over, withdraw.
// All strands are played by this one thread.
#include <doctest/doctest.h>

#include <cstdint>

#include "sluice/detail/channel/handle.hpp"
#include "sluice/detail/park/parker.hpp"
#include "sluice/detail/park/shared_waiter.hpp"
#include "sluice/sluice.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"

namespace test {

struct counted_key {
  friend auto open(counted_key);
};
template struct key<counted_key, &sluice::detail::channel_core::getters_waiting_>;

}  // namespace test

namespace {

using sluice::channel;
using sluice::detail::channel_core;
using sluice::detail::handle_access;
using sluice::detail::outcome;
using sluice::detail::parker;
using sluice::detail::shared_waiter;
using sluice::detail::side;
using sluice::detail::wait_node;
using test::getters_waiting;
using test::number;
using test::putters_waiting;

/// One select, as its channels see it.
struct player {
  explicit player(std::uint32_t cases) : wait(parker::current(), {"select"}, cases) {}

  shared_waiter wait;
};

/// One of its cases, in one channel.
struct line {
  line(player& whose, const channel<number>& ch, side way, number first = 0,
       bool leaves_at_end = true)
      : core(&handle_access::core(ch, "select")), which(way), item(first), node(whose.wait, &item) {
    node.leaves_at_end = leaves_at_end && way == side::get;
    core->enlist(which, node);
  }
  line(const line&) = delete;
  line& operator=(const line&) = delete;
  /// The player's wait has ended: by this case?
  bool leave() { return core->withdraw_case(which, node); }

  channel_core* core;
  side which;
  number item;
  wait_node node;
};

/// Consumes the unparks of those who met: all strands are this one.
void consume(player& one) {
  const outcome how = one.wait.result();
  CHECK(park(one.wait) == how);
}

channel<number> make() { return channel<number>{sluice::rendezvous}; }

/// How many getters a put takes into account.
std::uint32_t getters_counted(const channel<number>& ch) {
  return handle_access::core(ch, "a test").*open(test::counted_key{});
}

}  // namespace

TEST_CASE("a select meets the one behind its own case on the other side") {
  const auto ch = make();
  player both(2);
  player getter(1);
  line own_get(both, ch, side::get);
  line other_get(getter, ch, side::get);
  line own_put(both, ch, side::put, 5);
  CHECK(both.wait.result() == outcome::completed);
  CHECK(getter.wait.result() == outcome::completed);
  CHECK(other_get.item == 5);
  consume(both);
  CHECK(own_put.leave());
  CHECK(!own_get.leave());
  CHECK(other_get.leave());
  CHECK(getters_waiting(ch) + putters_waiting(ch) == 0);
}

TEST_CASE("a select that enlists passes by one whose wait has ended, and meets the next") {
  const auto ch = make();
  for (const side way : {side::put, side::get}) {
    const side other = way == side::put ? side::get : side::put;
    player gone(2);
    player next(1);
    player last(1);
    player comer(1);
    line of_gone(gone, ch, other, 1);
    line also_gone(gone, ch, other, 2);
    line of_next(next, ch, other, way == side::put ? 0 : 3);
    line of_last(last, ch, other, 4);
    CHECK(gone.wait.try_claim(outcome::cancelled));
    line of_comer(comer, ch, way, way == side::put ? 3 : 0);
    CHECK(comer.wait.result() == outcome::completed);
    CHECK(next.wait.result() == outcome::completed);
    CHECK(last.wait.result() == outcome::waiting);
    CHECK((of_comer.item == 3 && of_next.item == 3));
    consume(comer);
    CHECK(last.wait.try_claim(outcome::timed_out));
    CHECK((of_comer.leave() && of_next.leave()));
    CHECK(!(of_gone.leave() || also_gone.leave() || of_last.leave()));
    CHECK(getters_waiting(ch) + putters_waiting(ch) == 0);
  }
}

TEST_CASE("a select whose wait has ended meets nobody in the channels where it still enlists") {
  const auto ch = make();
  player waits(1);
  player ended(2);
  line of_waiting(waits, ch, side::get);
  CHECK(ended.wait.try_claim(outcome::completed));
  line late(ended, ch, side::put, 1);
  CHECK(waits.wait.result() == outcome::waiting);
  CHECK(!late.leave());
  CHECK(ch.try_put(7) == sluice::status::ok);
  CHECK(of_waiting.item == 7);
  consume(waits);
  CHECK(of_waiting.leave());
}

TEST_CASE("a put passes by selects whose wait has ended, in every kind of channel") {
  for (const test::shape& what : test::shapes) {
    CAPTURE(what.name());
    const auto ch = what.make<number>();
    player gone(1);
    player next(1);
    line of_gone(gone, ch, side::get);
    line of_next(next, ch, side::get);
    CHECK(gone.wait.try_claim(outcome::timed_out));
    CHECK(ch.try_put(4) == sluice::status::ok);
    CHECK(next.wait.result() == outcome::completed);
    CHECK(of_next.item == 4);
    consume(next);
    CHECK(!of_gone.leave());
    CHECK(of_next.leave());
    CHECK(getters_waiting(ch) == 0);
  }
}

TEST_CASE("ends take cases out of play until the last one ends the wait, chosen by none") {
  for (const test::shape& what : test::shapes) {
    CAPTURE(what.name());
    const auto a = what.make<number>();
    const auto b = what.make<number>();
    player merging(3);
    line first(merging, a, side::get);
    line second(merging, b, side::get);
    a.close();
    CHECK(merging.wait.result() == outcome::waiting);
    line third(merging, a, side::get);  // enlisted after the close
    CHECK(merging.wait.result() == outcome::waiting);
    b.close();
    CHECK(merging.wait.result() == outcome::closed);
    consume(merging);
    CHECK(!(first.leave() || second.leave() || third.leave()));
  }
}

TEST_CASE("an end ends the wait of a case that does not leave, which is the chosen one") {
  for (const test::shape& what : test::shapes) {
    CAPTURE(what.name());
    const auto a = what.make<number>();
    const auto b = what.make<number>();
    player one(2);
    line stays(one, a, side::get);
    line ready(one, b, side::get, 0, false);
    b.close();
    CHECK(one.wait.result() == outcome::closed);
    consume(one);
    CHECK(!stays.leave());
    CHECK(ready.leave());
    player other(2);
    line failed(other, a, side::get);
    a.close(std::make_exception_ptr(1));
    CHECK(other.wait.result() == outcome::closed);
    consume(other);
    CHECK(failed.leave());
  }
}

TEST_CASE("whoever withdraws without having been served is counted no more") {
  for (const bool bounded : {true, false}) {
    CAPTURE(bounded);
    const channel<number> served = bounded ? channel<number>{1} : channel<number>{};
    const channel<number> other = bounded ? channel<number>{1} : channel<number>{};
    player one(2);
    line of_served(one, served, side::get);
    line of_other(one, other, side::get);
    CHECK((getters_counted(served) == 1 && getters_counted(other) == 1));
    CHECK(served.try_put(4) == sluice::status::ok);
    consume(one);
    CHECK((of_served.leave() && !of_other.leave()));
    CHECK((getters_counted(served) == 0 && getters_counted(other) == 0));
  }
}
