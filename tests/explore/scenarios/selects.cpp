// A select, and a selector, against puts, closes, a time, stops, and others of their kind.
#include <chrono>
#include <stop_token>

#include "explore.hpp"
#include "sluice/channel.hpp"
#include "sluice/select.hpp"
#include "sluice/selector.hpp"
#include "sluice/with_stop.hpp"

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

// ---- at each moment one of two channels is ready ------------------------------------------------

void an_item_moves() {
  const channel<item> a(1);
  const channel<item> b(1);
  a.put(item(1));
  std::size_t chosen = 2;
  strands(
      [&] {
        b.put(item(2));
        static_cast<void>(a.try_get());
      },
      [&] { chosen = select(in_order, on_get(b), on_get(a), otherwise()); });
  check(chosen != 2, "one of them had an item at each moment");
}

void room_moves() {
  const channel<item> a(1);
  const channel<item> b(1);
  b.put(item(1));
  std::size_t chosen = 2;
  strands(
      [&] {
        static_cast<void>(b.try_get());
        item one(2);
        static_cast<void>(a.try_put(std::move(one)));
      },
      [&] { chosen = select(in_order, on_put(b, item(3)), on_put(a, item(4)), on_timeout(0ms)); });
  check(chosen != 2, "one of them had room at each moment");
}

/// Often enough for every look to find nothing.
void an_item_moves_to_and_fro() {
  const channel<item> a(1);
  const channel<item> b(unbounded);
  a.put(item(1));
  std::size_t chosen = 2;
  strands(
      [&] {
        for (int i = 0; i < 3; ++i) {
          const bool to_b = i != 1;
          item one(i + 2);
          static_cast<void>((to_b ? b : a).try_put(std::move(one)));
          static_cast<void>((to_b ? a : b).try_get());
        }
      },
      [&] {
        selector cases{in_order};
        cases.on_get(b);
        cases.on_get(a);
        cases.otherwise();
        chosen = cases.wait();
      });
  check(chosen != 2, "one of them had an item at each moment");
}

/// The two rounds of looks alone (I5 in detail/select/core.hpp), where who comes to meet is gone
/// before the second one: only his channel's mark tells.
void one_who_waits_comes_and_goes() {
  const channel<item> a(rendezvous);
  const channel<item> b(1);
  const channel<item> c(1);
  b.put(item(1));
  const auto core_of = [](const channel<item>& ch) -> detail::channel_core& {
    return detail::handle_access::core(ch, "look");
  };
  bool unready = false;
  strands([&] { a.put(item(2)); },
          [&] {
            while (!core_of(a).seems_awaited(detail::side::put)) detail::cpu_pause();
            static_cast<void>(b.try_get());
            c.put(item(3));
            static_cast<void>(a.try_get());
          },
          [&] {
            detail::channel_core* const all[] = {&core_of(c), &core_of(a), &core_of(b)};
            std::uint64_t marks[3];
            for (int i = 0; i < 3; ++i) marks[i] = all[i]->unready_mark(detail::side::get);
            unready = true;
            for (int i = 0; i < 3; ++i) {
              if (marks[i] == 0 || all[i]->unready_mark(detail::side::get) != marks[i]) {
                unready = false;
              }
            }
          });
  check(!unready, "somebody waited, or an item was there, at each moment");
}

// ---- a selector, which keeps its cases between its waits ----------------------------------------

/// A case whose channel has ended is left out of the waits that follow.
template <bool meeting>
void selector_put_and_closes() {
  const channel<item> a = make(meeting);
  const channel<item> b = make(meeting);
  int got = 0;
  strands(
      [&] {
        selector cases;
        const std::size_t first = cases.on_get(a, [&](item one) { got += one.number(); });
        cases.on_get(b, [](item) { check(false, "nobody put anything"); });
        int waits = 0;
        for (std::size_t which; (which = cases.wait()) != all_closed; ++waits) {
          check(which == first, "its position tells the case");
        }
        check(waits == 1, "a wait does one case");
        check(cases.wait() == all_closed, "and so it stays");
      },
      [&] {
        a.put(item(1));
        a.close();
      },
      [&] { b.close(); });
  check(got == 1, "what was accepted came out");
}

/// Another getter takes what the selector was about to take: it waits on, with all its cases.
template <bool meeting>
void selector_beside_a_getter() {
  const channel<item> a = make(meeting);
  const channel<item> b = make(meeting);
  int selected = 0;
  int other = 0;
  bool put = false;
  strands(
      [&] {
        const auto take = [&](item one) { selected = one.number(); };
        selector cases;
        cases.on_get(a, take);
        cases.on_get(b, take);
        cases.wait();
        if (selected == 1) b.close();
      },
      [&] {
        a.put(item(1));
        try {
          b.put(item(2));
          put = true;
        } catch (const channel_closed&) {
        }
        a.close();
      },
      [&] {
        item one(63);
        if (a >> one) other = one.number();
      });
  check(selected == 1 || selected == 2, "a wait takes one item");
  check(other == (selected == 1 ? 0 : 1), "and the other getter what it leaves");
  check(left_in(b) == (put && selected == 1), "or nobody");
}

/// A put case goes out of play when it is done; each puts and gets once.
void selectors_meet() {
  const channel<item> a(rendezvous);
  const channel<item> b(rendezvous);
  int got[2] = {};
  const auto twice = [&](int which) {
    const channel<item>& to = which == 0 ? a : b;
    const channel<item>& from = which == 0 ? b : a;
    int puts = 0;
    selector cases;
    const std::size_t put = cases.on_put(to, item(which + 1), [&] { ++puts; });
    const std::size_t get = cases.on_get(from, [&](item one) { got[which] += one.number(); });
    const std::size_t chosen = cases.wait();
    check(cases.wait() == (chosen == put ? get : put), "the other case is left");
    check(puts == 1, "the item is put once");
  };
  strands([&] { twice(0); }, [&] { twice(1); });
  check(got[0] == 2 && got[1] == 1, "each gets what the other has put");
}

/// A wait that was stopped leaves nothing behind: the next one is as the first.
void selector_that_is_stopped() {
  const channel<item> a(1);
  const channel<item> b(rendezvous);
  std::stop_source source;
  int got = 0;
  strands(
      [&, token = source.get_token()] {
        const auto take = [&](item one) { got += one.number(); };
        selector cases;
        cases.on_get(a, take);
        cases.on_get(b, take);
        for (int i = 0; i < 2; ++i) {
          try {
            with_stop(token, [&] { cases.wait(); });
          } catch (const cancelled&) {
            cases.wait();
          }
        }
      },
      [&] { source.request_stop(); }, [&] { a.put(item(1)); }, [&] { b.put(item(2)); });
  check(got == 1 + 2, "no item is lost to a stop");
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
      {"select: what is ready moves, an item", call<an_item_moves>},
      {"select: what is ready moves, room", call<room_moves>},
      {"select: what is ready comes and goes, somebody", call<one_who_waits_comes_and_goes>},
      {"selector: a put and closes, capacity 1", call<selector_put_and_closes<false>>},
      {"selector: a put and closes, rendezvous", call<selector_put_and_closes<true>>},
      {"selector: beside a getter, capacity 1", call<selector_beside_a_getter<false>>},
      {"selector: beside a getter, rendezvous", call<selector_beside_a_getter<true>>},
      {"selector: what is ready comes and goes, an item", call<an_item_moves_to_and_fro>},
      {"selector: two meet twice", call<selectors_meet>},
      {"selector: a stop between two waits", call<selector_that_is_stopped>},
  };
}

}  // namespace sluice::explore
