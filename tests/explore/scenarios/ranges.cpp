// Loops over a channel's items: puts, closes, another loop, and a stop.
#include <iterator>
#include <stop_token>

#include "explore.hpp"
#include "sluice/channel.hpp"
#include "sluice/with_stop.hpp"

namespace sluice::explore {
namespace {

template <class Capacity>
void items_and_a_close(Capacity capacity) {
  const channel<item> ch(capacity);
  int next = 1;
  strands(
      [&] {
        for (const item& one : ch) check(one.number() == next++, "items come in their order");
      },
      [&] {
        for (int i = 1; i <= 2; ++i) ch.put(item(i));
        ch.close();
      });
  check(next == 3, "a loop ends when the channel is closed and drained");
}

/// What was accepted comes out; what was not stays with whoever put it.
template <class Capacity>
void a_close_of_another(Capacity capacity) {
  const channel<item> ch(capacity);
  receipts got;
  int accepted = 0;
  strands(
      [&] {
        for (const item& one : ch) got.note(one.number());
        check(ch.closed(), "a loop ends after the close");
      },
      [&] {
        try {
          for (; accepted < 2; ++accepted) ch.put(item(accepted + 1));
        } catch (const channel_closed&) {
        }
      },
      [&] { ch.close(); });
  check(got.count() == accepted && ch.size() == 0, "what was accepted came out");
}

template <class Capacity>
void two_loops(Capacity capacity) {
  const channel<item> ch(capacity);
  receipts got[2];
  const auto loop = [&](int which) {
    int last = 0;
    for (const item& one : ch) {
      got[which].note(one.number());
      check(one.number() > last, "items come in their order");
      last = one.number();
    }
  };
  strands([&] { loop(0); }, [&] { loop(1); },
          [&] {
            for (int i = 1; i <= 2; ++i) ch.put(item(i));
            ch.close();
          });
  check((got[0].set() | got[1].set()) == 6 && got[0].count() + got[1].count() == 2,
        "each item comes out of one loop");
}

/// One that is left early has taken what it has looked at; one that steps without a look drops it.
template <class Capacity>
void one_that_is_left(Capacity capacity) {
  const channel<item> ch(capacity);
  int seen = 0;
  int rest = 0;
  strands(
      [&] {
        auto it = ch.begin();
        ++it;  // over the first
        if (it != ch.end()) seen = it->number();
        auto moved = std::move(it);
        check(moved->number() == seen, "an item moves with its iterator");
        rest = ch.get().number();
      },
      [&] {
        for (int i = 1; i <= 3; ++i) ch.put(item(i));
      });
  check(seen == 2 && rest == 3, "each item comes once");
}

/// An item that was there when the stop came is still there, or was seen.
void a_stop_or_an_item() {
  const channel<item> ch(1);
  std::stop_source source;
  std::size_t seen = 0;
  strands(
      [&, token = source.get_token()] {
        try {
          with_stop(token, [&] {
            for (const item& one : ch) seen += one.number() == 1;
          });
          check(false, "nobody closes");
        } catch (const cancelled&) {
        }
      },
      [&] { ch.put(item(1)); }, [&] { source.request_stop(); });
  check(seen + ch.size() == 1, "an item is not lost to a stop");
}

}  // namespace

scenarios range_scenarios() {
  return {
      {"range: items and a close, capacity 1", call<with<items_and_a_close<int>, 1>>},
      {"range: items and a close, rendezvous",
       call<with<items_and_a_close<rendezvous_t>, rendezvous>>},
      {"range: items and a close, unbounded",
       call<with<items_and_a_close<unbounded_t>, unbounded>>},
      {"range: a close of another, capacity 1", call<with<a_close_of_another<int>, 1>>},
      {"range: a close of another, rendezvous",
       call<with<a_close_of_another<rendezvous_t>, rendezvous>>},
      {"range: two loops, capacity 1", call<with<two_loops<int>, 1>>},
      {"range: two loops, rendezvous", call<with<two_loops<rendezvous_t>, rendezvous>>},
      {"range: one that is left, capacity 1", call<with<one_that_is_left<int>, 1>>},
      {"range: one that is left, rendezvous",
       call<with<one_that_is_left<rendezvous_t>, rendezvous>>},
      {"range: a stop or an item", call<a_stop_or_an_item>},
  };
}

}  // namespace sluice::explore
