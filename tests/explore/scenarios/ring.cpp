// The bounded ring, and the short lock, alone.
#include "sluice/detail/ring/ring.hpp"
#include "explore.hpp"
#include "sluice/detail/base/short_lock.hpp"

namespace sluice::explore {
namespace {

using detail::claim;
using queue = detail::ring<item>;

claim try_put(queue& q, int number) {
  item one(number);
  for (detail::backoff wait;; wait.pause()) {
    queue::position at = 0;
    const claim found = q.claim_put(at);
    if (found == claim::ok) q.publish(at, std::move(one));
    if (found != claim::busy) return found;
  }
}

bool put(queue& q, int number) { return try_put(q, number) == claim::ok; }

claim get(queue& q, receipts& got) {
  for (detail::backoff wait;; wait.pause()) {
    queue::position at = 0;
    const claim found = q.claim_get(at);
    if (found == claim::busy) continue;
    if (found == claim::ok) {
      item* there = q.take(at);
      item one(std::move(*there));
      there->~item();
      q.release(at);
      got.note(one.number());
    }
    return found;
  }
}

/// Takes what is left: all that was accepted has come out then.
void take_rest(queue& q, receipts& got, int accepted) {
  while (get(q, got) == claim::ok) {
  }
  check(got.count() == accepted, "what was accepted came out");
}

int put_three(queue& q) {
  int accepted = 0;
  for (int i = 1; i <= 3; ++i) accepted += put(q, i);
  return accepted;
}

void one_putter_one_getter() {
  queue q(2);
  receipts got;
  int accepted = 0;
  strands([&] { accepted = put_three(q); },
          [&] {
            for (int i = 0; i < 3; ++i) get(q, got);
          });
  take_rest(q, got, accepted);
}

void two_putters_two_getters() {
  queue q(1);
  receipts first;
  receipts second;
  int accepted[2] = {};
  strands([&] { accepted[0] = put(q, 1); }, [&] { accepted[1] = put(q, 2); },
          [&] { get(q, first); }, [&] { get(q, second); });
  receipts rest;
  while (get(q, rest) == claim::ok) {
  }
  check((first.set() & second.set()) == 0, "no item comes out twice");
  check(first.count() + second.count() + rest.count() == accepted[0] + accepted[1],
        "what was accepted came out");
}

void laps() {
  queue q(1);
  receipts got;
  int accepted = 0;
  strands([&] { accepted = put_three(q); },
          [&] {
            int last = 0;
            for (int i = 0; i < 3; ++i) {
              receipts one;
              if (get(q, one) != claim::ok) continue;
              int number = 1;
              while (!one.has(number)) ++number;
              check(number > last, "items of one putter come in order");
              last = number;
              got.note(number);
            }
          });
  take_rest(q, got, accepted);
}

void close_while_putting() {
  queue q(2);
  receipts got;
  bool accepted[2] = {};
  bool drained = false;
  strands([&] { accepted[0] = put(q, 1); }, [&] { accepted[1] = put(q, 2); },
          [&] {
            q.close();
            while (true) {
              const claim found = get(q, got);
              if (found == claim::closed) break;
              check(found == claim::ok, "a closed ring has an item or is drained");
            }
            drained = q.drained();
          });
  check(drained, "drained stays");
  check(got.count() == accepted[0] + accepted[1], "what was accepted came out");
}

/// What came before the close is seen by whoever is told of it.
void close_after_a_note() {
  queue q(1);
  receipts got;
  int note = 0;
  const auto look_at_note = [&](bool told) { check(!told || note == 1, "the note is older"); };
  strands([&] { look_at_note(try_put(q, 1) == claim::closed); },
          [&] {
            look_at_note(try_put(q, 2) == claim::closed);
            look_at_note(get(q, got) == claim::closed);
          },
          [&] {
            note = 1;
            q.close();
          },
          [&] {
            look_at_note(q.closed());
            look_at_note(q.drained());
          });
}

template <int capacity>
void questions() {
  queue q(capacity);
  put(q, 1);
  receipts got;
  strands(
      [&] {
        put(q, 2);
        put(q, 3);
      },
      [&] {
        get(q, got);
        get(q, got);
      },
      [&] {
        const auto [head, tail] = q.look();
        check(q.count_to(head) <= q.count_to(tail), "nothing comes out before it is put");
        check(q.size() <= capacity, "no more inside than fit");
      });
}

void leaves_items() {
  queue q(3);
  put_three(q);
  receipts got;
  get(q, got);
  put(q, 4);
}

void lock_guards_plain_data() {
  detail::short_lock lock;
  int value = 0;
  const auto add = [&] {
    lock.lock();
    ++value;
    lock.unlock();
  };
  strands(add, add, [&] {
    if (!lock.try_lock()) return;
    ++value;
    lock.unlock();
  });
  check(value == 2 || value == 3, "each addition counts");
}

}  // namespace

scenarios ring_scenarios() {
  return {
      {"ring: one putter, one getter", call<one_putter_one_getter>},
      {"ring: laps of one slot", call<laps>},
      {"ring: two putters, two getters, one slot", call<two_putters_two_getters>},
      {"ring: a close while putting", call<close_while_putting>},
      {"ring: a close after a note", call<close_after_a_note>},
      {"ring: questions, capacity 1", call<questions<1>>},
      {"ring: questions, capacity 2", call<questions<2>>},
      {"ring: items are left", call<leaves_items>},
      {"lock: three strands, plain data", call<lock_guards_plain_data>},
  };
}

}  // namespace sluice::explore
