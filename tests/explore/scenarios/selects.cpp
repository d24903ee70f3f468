// A select against puts, closes, a time, and other selects.
#include <chrono>

#include "explore.hpp"
#include "sluice/channel.hpp"
#include "sluice/select.hpp"

namespace sluice::explore {
namespace {

using namespace std::chrono_literals;

channel<item> make(bool meeting) { return meeting ? channel<item>(rendezvous) : channel<item>(1); }

/// How many items a channel still holds; takes them out.
int left_in(const channel<item>& ch) {
  int count = 0;
  while (ch.try_get().has_value()) ++count;
  return count;
}

void puts_in_both() {
  const channel<item> a(1);
  const channel<item> b(1);
  int got = 0;
  const auto take = [&](item one) { got = one.number(); };
  strands([&] { select(on_get(a, take), on_get(b, take)); }, [&] { a.put(item(1)); },
          [&] { b.put(item(2)); });
  check(got == 1 || got == 2, "a select takes one item");
  check(left_in(a) == (got == 2) && left_in(b) == (got == 1), "and leaves the other one");
}

void selects_share_two_channels() {
  const channel<item> a(1);
  const channel<item> b(1);
  receipts got[2];
  const auto take = [&](int which) {
    const auto note = [&got, which](item one) { got[which].note(one.number()); };
    select(on_get(a, note), on_get(b, note));
  };
  strands([&] { take(0); }, [&] { take(1); }, [&] { a.put(item(1)); }, [&] { b.put(item(2)); });
  check((got[0].set() | got[1].set()) == 6 && got[0].count() == 1, "each select takes one item");
}

template <bool meeting>
void closes_of_both() {
  const channel<item> a = make(meeting);
  const channel<item> b = make(meeting);
  std::size_t chosen = 0;
  const auto take = [](item) { check(false, "nobody put anything"); };
  strands([&] { chosen = select(on_get(a, take), on_get(b, take)); }, [&] { a.close(); },
          [&] { b.close(); });
  check(chosen == all_closed, "all inputs have ended");
}

template <bool meeting>
void put_and_close() {
  const channel<item> a = make(meeting);
  const channel<item> b = make(meeting);
  int got = 0;
  bool accepted = false;
  const auto take = [&](item) { ++got; };
  strands(
      [&] {
        while (select(on_get(a, take), on_get(b, take)) != all_closed) {
        }
      },
      [&] {
        a.put(item(1));
        accepted = true;
        a.close();
      },
      [&] { b.close(); });
  check(accepted && got == 1, "what was accepted came out");
}

template <bool meeting>
void time_and_put() {
  const channel<item> a = make(meeting);
  int got = 0;
  bool late = false;
  status how = status::ok;
  strands([&] { select(on_get(a, [&](item) { ++got; }), on_timeout(1ms, [&] { late = true; })); },
          [&] { how = a.put_for(item(1), 1ms); });
  check(late == (got == 0), "a select ends in one way");
  const int left = left_in(a);
  check((how == status::ok) == (got + left == 1), "what was accepted came out");
}

void selects_meet() {
  const channel<item> a(rendezvous);
  const channel<item> b(rendezvous);
  int got = 0;
  int put = 0;
  const auto take = [&](item) { ++got; };
  const auto note = [&] { ++put; };
  strands([&] { select(on_put(a, item(1), note), on_get(b, take)); },
          [&] { select(on_get(a, take), on_put(b, item(2), note)); });
  check(got == 1 && put == 1, "two selects meet once");
}

void selects_meet_in_a_circle() {
  const channel<item> a(rendezvous);
  int got = 0;
  const auto take = [&](item) { ++got; };
  // Each could put or get; whoever stays alone is released by the close.
  const auto both = [&] {
    const std::size_t which = select(
        in_order, on_get(a, [&](result<item> one) { got += one.has_value(); }), on_timeout(1ms));
    static_cast<void>(which);
  };
  strands(
      both, [&] { select(on_put(a, item(1)), on_timeout(1ms)); },
      [&] { select(on_get(a, take), on_timeout(1ms)); });
  check(got <= 1, "one item comes out once");
}

/// The first channel is never empty, whatever another strand takes out of it.
void in_order_beside_a_get() {
  const channel<item> a(2);
  const channel<item> b(1);
  a.put(item(1));
  a.put(item(2));
  b.put(item(3));
  std::size_t chosen = 2;
  strands([&] { static_cast<void>(a.get()); },
          [&] { chosen = select(in_order, on_get(a), on_get(b)); });
  check(chosen == 0, "in order, the first that is ready is chosen");
}

/// Whoever has seen the close finds its case ready.
void a_close_that_was_seen() {
  const channel<item> a(rendezvous);
  bool refused = true;
  strands([&] { a.close(); },
          [&] {
            if (!a.closed()) return;
            try {
              select(on_put(a, item(1)), on_timeout(0ms));
              refused = false;
            } catch (const channel_closed&) {
            }
          });
  check(refused, "a put into a closed channel is refused, not late");
}

}  // namespace

scenarios select_scenarios() {
  return {
      {"select: puts in both channels", call<puts_in_both>},
      {"select: two of them on the same two channels", call<selects_share_two_channels>},
      {"select: closes of both, capacity 1", call<closes_of_both<false>>},
      {"select: closes of both, rendezvous", call<closes_of_both<true>>},
      {"select: a put and closes, capacity 1", call<put_and_close<false>>},
      {"select: a put and closes, rendezvous", call<put_and_close<true>>},
      {"select: a time against a put, capacity 1", call<time_and_put<false>>},
      {"select: a time against a put, rendezvous", call<time_and_put<true>>},
      {"select: two selects meet", call<selects_meet>},
      {"select: three, each with a time", call<selects_meet_in_a_circle>},
      {"select: in order, beside a get", call<in_order_beside_a_get>},
      {"select: a close that was seen", call<a_close_that_was_seen>},
  };
}

}  // namespace sluice::explore
