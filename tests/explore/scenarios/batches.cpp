// Batches, which claim places in runs; questions that are asked of a channel meanwhile; causes.
#include <exception>
#include <vector>

#include "channel/home_policy.hpp"
#include "explore.hpp"
#include "scenarios/tables.hpp"
#include "sluice/channel.hpp"

namespace sluice::explore {
namespace {

std::vector<item> numbered(int first, int count) {
  std::vector<item> all;
  all.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) all.emplace_back(first + i);
  return all;
}

/// Takes batches of two until so many items have come, or the end.
int take(const channel<item>& from, int wanted, receipts& got) {
  int count = 0;
  int last[7] = {};  // of each putter, by the tens of its numbers
  while (count < wanted) {
    const std::vector<item> some = from.get_batch(2);
    if (some.empty()) break;
    for (const item& one : some) {
      got.note(one.number());
      check(one.number() > last[one.number() / 10], "a putter's items come in their order");
      last[one.number() / 10] = one.number();
      ++count;
    }
  }
  return count;
}

template <class Capacity>
void batch_to_batch(Capacity capacity) {
  const channel<item> ch(capacity);
  receipts got;
  strands([&] { check(ch.put_batch(numbered(1, 3)) == 3, "the whole batch"); },
          [&] { take(ch, 3, got); });
  check(got.count() == 3, "what was accepted came out");
}

/// A run that fits wakes a getter; one that leaves wakes a putter.
void run_wakes_a_getter() {
  const channel<item> ch(2);
  receipts got;
  strands([&] { check(ch.put_batch(numbered(1, 2)) == 2, "the whole batch"); },
          [&] { take(ch, 1, got); });
  check(got.count() + static_cast<int>(ch.size()) == 2, "what was accepted came out");
}

void run_wakes_a_putter() {
  const channel<item> ch(2);
  check(ch.put_batch(numbered(1, 2)) == 2, "the whole batch");
  receipts got;
  strands([&] { ch.put(item(3)); }, [&] { take(ch, 1, got); });
  check(got.count() + static_cast<int>(ch.size()) == 3, "what was accepted came out");
}

template <class Capacity>
void two_putters(Capacity capacity) {
  const channel<item> ch(capacity);
  receipts got;
  strands([&] { check(ch.put_batch(numbered(11, 2)) == 2, "the whole batch"); },
          [&] { ch.put(item(21)); }, [&] { take(ch, 3, got); });
  check(got.count() == 3, "what was accepted came out");
}

/// Runs of an owner beside a guest's single items.
template <class Capacity>
void owner_and_guest(Capacity capacity) {
  const channel<item> ch(capacity);
  receipts got;
  strands(
      [&] {
        move_in(ch);
        check(ch.put_batch(numbered(11, 2)) == 2, "the whole batch");
        take(ch, 1, got);
      },
      [&] { ch.put(item(21)); });
  check(got.count() + static_cast<int>(ch.size()) == 3, "what was accepted came out, or is there");
}

/// It comes home to who waits there, as it does after many waits.
template <class Capacity>
void comes_home(Capacity capacity) {
  detail::least_waits_to_move_in = 0;
  const channel<item> ch(capacity);
  receipts got;
  strands(
      [&] {
        for (int i = 1; i <= 3; ++i) ch.put(item(i));
      },
      [&] {
        for (int i = 1; i <= 3; ++i) got.note(ch.get().number());
      });
  check(got.count() == 3, "what was accepted came out");
}

template <class Capacity>
void two_getters(Capacity capacity) {
  const channel<item> ch(capacity);
  receipts first;
  receipts second;
  strands(
      [&] {
        check(ch.put_batch(numbered(1, 3)) == 3, "the whole batch");
        ch.close();
      },
      [&] { take(ch, 9, first); }, [&] { take(ch, 9, second); });
  check((first.set() & second.set()) == 0, "no item comes out twice");
  check(first.count() + second.count() == 3, "what was accepted came out");
}

template <class Capacity>
void batch_and_close(Capacity capacity) {
  const channel<item> ch(capacity);
  receipts got;
  std::size_t accepted = 0;
  strands([&] { accepted = ch.put_batch(numbered(1, 3)); }, [&] { ch.close(); },
          [&] { take(ch, 9, got); });
  check(static_cast<std::size_t>(got.count()) == accepted, "what was accepted came out");
}

template <class Capacity>
void questions(Capacity capacity) {
  const channel<item> ch(capacity);
  const bool holds = ch.try_put(item(1)) == status::ok;
  int got = 0;
  int accepted = holds ? 1 : 0;
  strands(
      [&] {
        accepted += ch.try_put(item(2)) == status::ok;
        ch.close();
      },
      [&] {
        for (int i = 0; i < 2; ++i) got += ch.try_get().has_value();
      },
      [&] {
        const bool drained = ch.drained();
        const bool closed = ch.closed();
        check(!drained || closed, "who is drained is closed");
        check(ch.size() <= ch.capacity(), "no more inside than fit");
        if (closed) check(ch.try_put(item(3)) == status::closed, "closed is for ever");
        if (drained) check(ch.try_get().status() == status::closed, "drained is for ever");
        if (drained) check(ch.empty() && ch.size() == 0, "the drained channel is empty");
      });
  while (ch.try_get().has_value()) ++got;
  check(got == accepted, "what was accepted came out");
  check(ch.drained(), "and then it is drained");
}

/// Asked by a guest, of an owner's positions. What is got at once has an item behind it.
template <class Capacity>
void questions_at_home(Capacity capacity) {
  const channel<item> ch(capacity);
  const unsigned ahead = ch.capacity() > 2 ? 2 : 0;
  strands(
      [&] {
        move_in(ch);
        for (unsigned i = 1; i <= ahead; ++i) ch.put(item(static_cast<int>(i)));
        for (int i = 3; i <= 4; ++i) {
          check(ch.try_put(item(i)) == status::ok, "there is room");
          check(ch.try_get().has_value(), "it is there");
        }
        ch.close();
      },
      [&] {
        for (int i = 0; i < 2; ++i) {
          check(ch.size() <= ahead + 1, "no more inside than there ever was");
        }
        check(!ch.drained() || ch.closed(), "who is drained is closed");
      });
  while (ch.try_get().has_value()) {
  }
  check(ch.drained(), "and then it is drained");
}

template <class Capacity>
void cause(Capacity capacity) {
  const channel<item> ch(capacity);
  const auto sees_it = [&] {
    try {
      ch.get();
      check(false, "there is no item");
    } catch (int number) {
      check(number == 5, "the cause is whole");
    }
  };
  strands([&] { check(ch.close(std::make_exception_ptr(5)), "who closes"); }, sees_it, sees_it);
}

}  // namespace

scenarios batch_scenarios() {
  return {
      {"batches: three to two, capacity 1", call<with<batch_to_batch<int>, 1>>},
      {"batches: three to two, capacity 2", call<with<batch_to_batch<int>, 2>>},
      {"batches: three to two, unbounded", call<with<batch_to_batch<unbounded_t>, unbounded>>},
      {"batches: three to two, rendezvous", call<with<batch_to_batch<rendezvous_t>, rendezvous>>},
      {"batches: a run wakes a getter", call<run_wakes_a_getter>},
      {"batches: a run wakes a putter", call<run_wakes_a_putter>},
      {"batches: two putters, capacity 2", call<with<two_putters<int>, 2>>},
      {"batches: two putters, unbounded", call<with<two_putters<unbounded_t>, unbounded>>},
      {"batches: two putters, rendezvous", call<with<two_putters<rendezvous_t>, rendezvous>>},
      {"batches: at home, capacity 3", call<with<owner_and_guest<int>, 3>>},
      {"batches: at home, unbounded", call<with<owner_and_guest<unbounded_t>, unbounded>>},
      {"batches: it comes home, capacity 1", call<with<comes_home<int>, 1>>},
      {"batches: it comes home, unbounded", call<with<comes_home<unbounded_t>, unbounded>>},
      {"batches: two getters, capacity 2", call<with<two_getters<int>, 2>>},
      {"batches: two getters, unbounded", call<with<two_getters<unbounded_t>, unbounded>>},
      {"batches: a close, capacity 1", call<with<batch_and_close<int>, 1>>},
      {"batches: a close, capacity 2", call<with<batch_and_close<int>, 2>>},
      {"batches: a close, unbounded", call<with<batch_and_close<unbounded_t>, unbounded>>},
      {"batches: a close, rendezvous", call<with<batch_and_close<rendezvous_t>, rendezvous>>},
      {"questions: capacity 1", call<with<questions<int>, 1>>},
      {"questions: capacity 2", call<with<questions<int>, 2>>},
      {"questions: unbounded", call<with<questions<unbounded_t>, unbounded>>},
      {"questions: rendezvous", call<with<questions<rendezvous_t>, rendezvous>>},
      {"questions: at home, capacity 1", call<with<questions_at_home<int>, 1>>},
      {"questions: at home, capacity 2", call<with<questions_at_home<int>, 2>>},
      {"questions: at home, unbounded", call<with<questions_at_home<unbounded_t>, unbounded>>},
      {"causes: capacity 1", call<with<cause<int>, 1>>},
      {"causes: unbounded", call<with<cause<unbounded_t>, unbounded>>},
      {"causes: rendezvous", call<with<cause<rendezvous_t>, rendezvous>>},
  };
}

}  // namespace sluice::explore
