// The queues of a worker: its owner against thieves.
#include <array>
#include <new>

#include "explore.hpp"
#include "sched/run_queue.hpp"
#include "sched/task_deque.hpp"

namespace sluice::explore {
namespace {

using detail::run_queue;
using detail::runnable;

struct numbered : runnable {
  explicit numbered(int n) noexcept : runnable(sort::fiber), number(n) {}
  int number;
};

void note(receipts& by, const runnable* one) {
  if (one != nullptr) by.note(static_cast<const numbered*>(one)->number);
}

void steal_half() {
  run_queue queue;
  std::array<numbered, 4> all{numbered(1), numbered(2), numbered(3), numbered(4)};
  receipts got[3];
  queue.push(all[0]);
  queue.push(all[1]);
  strands(
      [&] {
        queue.push(all[2]);
        note(got[0], queue.pop());
        queue.push(all[3]);
      },
      [&] {
        for (const runnable* one = queue.take_half().first; one != nullptr; one = one->link) {
          note(got[1], one);
        }
      },
      [&] { note(got[2], queue.pop()); });
  receipts rest;
  while (const runnable* one = queue.pop()) note(rest, one);
  check((got[0].set() & got[1].set()) == 0 && (got[0].set() & got[2].set()) == 0 &&
            (got[1].set() & got[2].set()) == 0,
        "nothing is taken twice");
  check((got[0].set() | got[1].set() | got[2].set() | rest.set()) == 30, "nothing is lost");
}

void oldest_and_newest() {
  detail::task_deque deque;
  // The deque moves pointers only.
  alignas(detail::task_core) std::byte places[4][1];
  const auto number_of = [&](const detail::task_core* one) {
    if (one == nullptr) return 0;
    return static_cast<int>(reinterpret_cast<const std::byte(*)[1]>(one) - places) + 1;
  };
  const auto core = [&](int number) -> detail::task_core& {
    return reinterpret_cast<detail::task_core&>(places[number - 1]);
  };
  deque.push(core(1));
  deque.push(core(2));
  int got[5] = {};
  strands(
      [&] {
        got[0] = number_of(deque.take_newest());
        deque.push(core(3));
        got[1] = number_of(deque.take_newest());
        got[2] = number_of(deque.take_newest());
      },
      [&] { got[3] = number_of(deque.take_oldest()); },
      [&] { got[4] = number_of(deque.take_oldest()); });
  int set = 0;
  for (const int one : got) {
    check(one == 0 || (set >> one & 1) == 0, "nothing is taken twice");
    set |= 1 << one;
  }
  while (const detail::task_core* one = deque.take_newest()) set |= 1 << number_of(one);
  check((set & 14) == 14, "nothing is lost");
}

}  // namespace

scenarios queue_scenarios() {
  return {
      {"queues: a thief takes half of a run queue", call<steal_half>},
      {"queues: the newest task against the oldest", call<oldest_and_newest>},
  };
}

}  // namespace sluice::explore
