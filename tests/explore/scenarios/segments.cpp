// The unbounded queue alone, at the end of a segment and in the middle.
#include "sluice/detail/ring/segments.hpp"
#include "explore.hpp"

namespace sluice::explore {
namespace {

using detail::claim;
using queue = detail::segments<item>;

void put(queue& q, int number) {
  item one(number);
  queue::position at;
  check(q.claim_put(at) == claim::ok, "an open queue takes an item");
  q.publish(at, std::move(one));
}

template <class Place>
int take(queue& q, Place at) {
  item* there = q.take(at);
  const int number = there->number();
  item one(std::move(*there));
  there->~item();
  q.release(at);
  return number;
}

int get(queue& q) {
  queue::position at;
  return q.claim_get(at) == claim::ok ? take(q, at) : 0;
}

/// So that the next puts and gets stand `before` places before the end of the first segment.
void advance(queue& q, int before) {
  for (int i = 0; i < 63 - before; ++i) {
    put(q, 1);
    get(q);
  }
}

template <int before>
void putters_and_getters() {
  queue q;
  advance(q, before);
  int got[4] = {};
  strands([&] { put(q, 1); }, [&] { put(q, 2); }, [&] { got[0] = get(q); },
          [&] { got[1] = get(q); });
  got[2] = get(q);
  got[3] = get(q);
  int set = 0;
  for (const int one : got) {
    check(one == 0 || (set >> one & 1) == 0, "no item comes out twice");
    set |= 1 << one;
  }
  check((set & 6) == 6, "what was put came out");
}

template <int before>
void one_putter_one_getter() {
  queue q;
  advance(q, before);
  int next = 1;
  const auto get_some = [&] {
    for (int i = 0; i < 3; ++i) {
      const int number = get(q);
      check(number == 0 || number == next, "items come in order");
      next += number != 0;
    }
  };
  strands(
      [&] {
        for (int i = 1; i <= 3; ++i) put(q, i);
      },
      get_some);
  get_some();
  check(next == 4, "what was put came out");
}

/// Two getters leave the same segment, which goes back to the heap because there is a spare one.
void getters_leave_a_segment() {
  queue q;
  for (int i = 0; i < 2 * 63 - 2; ++i) put(q, 1);
  for (int i = 2; i < 5; ++i) put(q, i);
  for (int i = 0; i < 2 * 63 - 2; ++i) get(q);
  int got[2] = {};
  strands([&] { got[0] = get(q); }, [&] { got[1] = get(q); });
  check(got[0] + got[1] == 5 && get(q) == 4, "what was put came out");
}

/// As a channel does it: first at once, in the middle of a segment.
void put_at_once(queue& q, int number) {
  item one(number);
  queue::place at;
  if (!q.claim_put_at_once(at)) return put(q, number);
  q.publish(at, std::move(one));
}

int get_at_once(queue& q) {
  queue::place at;
  return q.claim_get_at_once(at) ? take(q, at) : get(q);
}

template <int before>
void at_once_over_an_end() {
  queue q;
  advance(q, before);
  int got[6] = {};
  strands(
      [&] {
        put_at_once(q, 1);
        put_at_once(q, 2);
      },
      [&] { put_at_once(q, 3); },
      [&] {
        got[0] = get_at_once(q);
        got[1] = get_at_once(q);
      },
      [&] { got[2] = get_at_once(q); });
  for (int i = 3; i < 6; ++i) got[i] = get(q);
  int set = 0;
  for (const int one : got) set |= 1 << one;
  check((set & 14) == 14, "what was put came out");
}

/// The last getter of a segment leaves it to the retired while another is inside; a third finds the
/// queue empty and looks at it again. There is a spare one already.
void retired_is_looked_at() {
  queue q;
  for (int i = 0; i < 2 * 63; ++i) put(q, 1);
  for (int i = 0; i < 2 * 63 - 2; ++i) get(q);
  int got[3] = {};
  strands([&] { got[0] = get(q); }, [&] { got[1] = get(q); }, [&] { got[2] = get(q) + get(q); });
  check(got[0] + got[1] + got[2] == 2, "what was put came out");
}

/// The getter of a segment's last slot gives it to a putter, who fills it to its last slot.
void segment_is_used_again() {
  queue q;
  advance(q, 1);
  for (int i = 0; i < 63; ++i) put(q, 1);
  strands([&] { get(q); },
          [&] {
            for (int i = 0; i < 64; ++i) put(q, 2);
          });
  for (int i = 0; i < 62; ++i) check(get(q) == 1, "what was put came out");
}

void close_after_a_note() {
  queue q;
  int note = 0;
  const auto look_at_note = [&](bool told) { check(!told || note == 1, "the note is older"); };
  strands(
      [&] {
        item one(1);
        queue::position at;
        const claim found = q.claim_put(at);
        look_at_note(found == claim::closed);
        if (found == claim::ok) q.publish(at, std::move(one));
      },
      [&] {
        note = 1;
        q.close();
      },
      [&] { look_at_note(q.closed()); }, [&] { look_at_note(q.drained()); });
}

void questions() {
  queue q;
  advance(q, 1);
  strands(
      [&] {
        for (int i = 1; i < 3; ++i) {
          put(q, i);
          get(q);
        }
      },
      [&] {
        const detail::claimed all = q.total();
        check(all.got <= all.put, "nothing comes out before it is put");
        check(q.size() <= 1, "no more inside than were put");
      });
}

void close_at_the_end_of_a_segment() {
  queue q;
  advance(q, 1);
  bool accepted[2] = {};
  const auto try_put = [&](int which) {
    item one(which + 1);
    queue::position at;
    accepted[which] = q.claim_put(at) == claim::ok;
    if (accepted[which]) q.publish(at, std::move(one));
  };
  int count = 0;
  strands([&] { try_put(0); }, [&] { try_put(1); },
          [&] {
            q.close();
            queue::position at;
            claim found = claim::none;
            while ((found = q.claim_get(at)) == claim::ok) {
              take(q, at);
              ++count;
            }
            check(found == claim::closed && q.drained(), "closed and empty is drained");
          });
  check(count == accepted[0] + accepted[1], "what was accepted came out");
}

}  // namespace

scenarios segment_scenarios() {
  return {
      {"segments: in order, in the middle", call<one_putter_one_getter<40>>},
      {"segments: in order, over an end", call<one_putter_one_getter<2>>},
      {"segments: two putters, two getters, in the middle", call<putters_and_getters<40>>},
      {"segments: two putters, two getters, over an end", call<putters_and_getters<1>>},
      {"segments: getters leave", call<getters_leave_a_segment>},
      {"segments: at once, over an end", call<at_once_over_an_end<1>>},
      {"segments: at once, before an end", call<at_once_over_an_end<2>>},
      {"segments: a retired one is looked at", call<retired_is_looked_at>},
      {"segments: one is used again", call<segment_is_used_again>},
      {"segments: a close at an end", call<close_at_the_end_of_a_segment>},
      {"segments: a close after a note", call<close_after_a_note>},
      {"segments: questions", call<questions>},
  };
}

}  // namespace sluice::explore
