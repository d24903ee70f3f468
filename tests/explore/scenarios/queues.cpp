// The queues of a worker: its owner against thieves. They hold four here (queue_capacity.hpp).
#include <array>
#include <initializer_list>
#include <new>
#include <utility>

#include "explore.hpp"
#include "sched/backlog.hpp"
#include "sched/gate.hpp"
#include "sched/inbox.hpp"
#include "sched/run_queue.hpp"
#include "sched/task_deque.hpp"

namespace sluice::explore {
namespace {

using detail::run_queue;
using detail::runnable;

struct numbered : runnable {
  explicit numbered(int n) noexcept : runnable(sort::fiber), number(n) {}
  int number;  ///< plain: whoever reads it must have got it in order
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

template <std::size_t... i>
std::array<numbered, sizeof...(i)> make_numbered(std::index_sequence<i...>) {
  return {numbered(static_cast<int>(i) + 1)...};
}

void note_all(receipts& by, const detail::chain& some) {
  const runnable* one = some.first;
  for (std::uint64_t i = 0; i < some.count; ++i, one = one->link) {
    check(one != nullptr, "a chain has as many as it counts");
    note(by, one);
  }
  check(one == nullptr, "the last of a chain has no next one");
}

/// What each got, and what is left, is together all of 1 to `most`, each once.
void check_all(std::initializer_list<const receipts*> all, int most) {
  std::uint64_t set = 0;
  for (const receipts* one : all) {
    check((set & one->set()) == 0, "nothing is taken twice");
    set |= one->set();
  }
  check(set == (std::uint64_t{2} << most) - 2, "nothing is lost");
}

/// As worker::push_ready: a queue that is full gives its older half to the backlog.
void run_queue_comes_round() {
  run_queue queue;
  detail::backlog backlog;
  auto all = make_numbered(std::make_index_sequence<8>());
  receipts got[3];
  for (int i = 0; i < 3; ++i) queue.push(all[static_cast<std::size_t>(i)]);
  note(got[0], queue.pop());
  note(got[0], queue.pop());
  strands(
      [&] {
        for (std::size_t i = 3; i < all.size(); ++i) {
          while (!queue.push(all[i])) {
            const detail::chain shed = queue.shed_half();
            if (shed.count > 0) backlog.push(shed);
          }
        }
      },
      [&] { note_all(got[1], queue.take_half()); },
      [&] {
        note(got[2], queue.pop());
        note(got[2], backlog.take(1).first);
      });
  receipts rest;
  while (const runnable* one = queue.pop()) note(rest, one);
  note_all(rest, backlog.take(all.size()));
  check_all({&got[0], &got[1], &got[2], &rest}, 8);
}

void backlog_of_three() {
  detail::backlog backlog;
  auto all = make_numbered(std::make_index_sequence<5>());
  receipts got[2];
  detail::chain first;
  first.push_back(all[0]);
  first.push_back(all[1]);
  backlog.push(first);
  strands(
      [&] {
        detail::chain more;
        for (std::size_t i = 2; i < all.size(); ++i) more.push_back(all[i]);
        backlog.push(more);
      },
      [&] { note_all(got[0], backlog.take(2)); }, [&] { note_all(got[1], backlog.take(3)); });
  receipts rest;
  note_all(rest, backlog.take(5));
  check_all({&got[0], &got[1], &rest}, 5);
  check(backlog.taken() == 5 && backlog.empty(), "the counts are those of what it holds");
}

void inbox_of_two() {
  detail::inbox inbox;
  auto all = make_numbered(std::make_index_sequence<3>());
  receipts got[2];
  strands(
      [&] {
        inbox.push(all[0]);
        inbox.push(all[1]);
      },
      [&] { inbox.push(all[2]); }, [&] { note_all(got[0], inbox.pop_some(2)); },
      [&] { note(got[1], inbox.pop()); });
  receipts rest;
  while (inbox.any_counted()) note(rest, inbox.pop());
  check_all({&got[0], &got[1], &rest}, 3);
  check(inbox.size() == 0 && inbox.total() == 3, "the counts are those of what it holds");
}

/// W1 to W5 with a flag for the list of sleepers.
void inbox_before_sleep() {
  detail::inbox inbox;
  numbered one(1);
  detail::atomic<bool> idle{false};
  bool sees = false;
  bool is_seen = false;
  strands(
      [&] {
        inbox.push(one);
        // order: W5 seq_cst, as in the idle policy
        is_seen = idle.load(detail::memory_order_seq_cst);
      },
      [&] {
        // order: W1 seq_cst, as in the idle policy
        idle.exchange(true, detail::memory_order_seq_cst);
        sees = inbox.any_counted();
      });
  check(sees || is_seen, "who goes to sleep sees what was brought, or is seen");
}

/// As worker::queue_task: a deque that is full gives up its oldest.
void deque_comes_round() {
  detail::task_deque deque;
  alignas(detail::task_core) std::byte places[8][1];
  const auto core = [&](std::size_t number) -> detail::task_core& {
    return reinterpret_cast<detail::task_core&>(places[number]);
  };
  receipts got[3];
  const auto note_task = [&](receipts& by, const detail::task_core* task) {
    if (task == nullptr) return;
    by.note(static_cast<int>(reinterpret_cast<const std::byte(*)[1]>(task) - places));
  };
  deque.push(core(1));
  deque.push(core(2));
  deque.push(core(3));
  strands(
      [&] {
        for (std::size_t i = 4; i < 7; ++i) {
          while (!deque.push(core(i))) note_task(got[0], deque.take_oldest());
        }
        note_task(got[0], deque.take_newest());
      },
      [&] {
        note_task(got[1], deque.take_oldest());
        note_task(got[1], deque.take_oldest());
      },
      [&] { note_task(got[2], deque.take_oldest()); });
  receipts rest;
  while (const detail::task_core* one = deque.take_newest()) note_task(rest, one);
  check_all({&got[0], &got[1], &got[2], &rest}, 6);
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

/// Thieves beside pushes: they may take half, and one.
void push_and_steal() {
  run_queue queue;
  std::array<numbered, 2> all{numbered(0), numbered(0)};
  receipts got[3];
  strands(
      [&] {
        all[0].number = 1;
        queue.push(all[0]);
        all[1].number = 2;
        queue.push(all[1]);
      },
      [&] {
        for (const runnable* one = queue.take_half().first; one != nullptr; one = one->link) {
          note(got[0], one);
        }
      },
      [&] { note(got[1], queue.pop()); });
  while (const runnable* one = queue.pop()) note(got[2], one);
  check(got[0].count() + got[1].count() + got[2].count() == 2 &&
            (got[0].set() | got[1].set() | got[2].set()) == 6,
        "each is taken once");
}

void push_and_pop() {
  run_queue queue;
  std::array<numbered, 3> all{numbered(0), numbered(0), numbered(0)};
  receipts got[3];
  const auto push = [&](int number) {
    all[static_cast<std::size_t>(number) - 1].number = number;
    queue.push(all[static_cast<std::size_t>(number) - 1]);
  };
  strands(
      [&] {
        for (int i = 1; i <= 3; ++i) push(i);
      },
      [&] { note(got[0], queue.pop()); },
      [&] {
        note(got[1], queue.pop());
        note(got[1], queue.pop());
      });
  while (const runnable* one = queue.pop()) note(got[2], one);
  check(got[0].count() + got[1].count() + got[2].count() == 3 &&
            (got[0].set() | got[1].set() | got[2].set()) == 14,
        "each is taken once");
}

/// The queue is full: its owner gives up the older half, while thieves take some.
void shed_half() {
  run_queue queue;
  std::vector<numbered> all;
  all.reserve(run_queue::capacity + 1);
  for (int i = 0; i <= static_cast<int>(run_queue::capacity); ++i) all.emplace_back(i);
  numbered& last = all.back();
  for (numbered& one : all) check(queue.push(one) == (&one != &last), "it holds so many");
  std::array<bool, run_queue::capacity + 1> seen{};
  const auto note_seen = [&](const runnable* one) {
    if (one == nullptr) return;
    bool& mark = seen[static_cast<std::size_t>(static_cast<const numbered*>(one)->number)];
    check(!std::exchange(mark, true), "nothing is taken twice");
  };
  detail::chain shed;
  const runnable* got = nullptr;
  strands(
      [&] {
        shed = queue.shed_half();
        check(shed.count != 0 || queue.head() != 0, "only a thief can be in the way");
        check(queue.push(last), "there is room now");
      },
      [&] { got = queue.pop(); });
  note_seen(got);
  for (const runnable* one = shed.first; one != nullptr; one = one->link) note_seen(one);
  while (const runnable* one = queue.pop()) note_seen(one);
  for (const bool one : seen) check(one, "nothing is lost");
}

/// A queue and a slot behind a gate, as those of a worker.
class guarded {
 public:
  explicit guarded(bool can_close = true) noexcept : gate_(can_close) {}

  void push(runnable& one) noexcept { check(queue_.push(one), "there is room"); }
  /// As worker::pick_queued.
  runnable* pop() noexcept {
    if (!gate_.enter()) return queue_.pop();
    runnable* const one = queue_.pop_alone();
    gate_.leave();
    return one;
  }
  /// As worker::exchange_next.
  numbered* exchange(numbered* one) noexcept {
    if (!gate_.enter()) {
      // order: acq_rel, as there
      return slot_.exchange(one, detail::memory_order_acq_rel);
    }
    // order: relaxed, as there
    numbered* const before = slot_.load(detail::memory_order_relaxed);
    // order: release, as there
    slot_.store(one, detail::memory_order_release);
    gate_.leave();
    return before;
  }
  /// The gate is closed now, if no thief is there: so many turns have gone by.
  void close() noexcept {
    gate_.close_if_unused(turns_);
    turns_ += detail::turns_to_close;
    gate_.close_if_unused(turns_);
  }
  /// As worker::steal_queued.
  void steal_half(receipts& by) {
    const detail::gate::guest inside(gate_);
    if (inside) note_all(by, queue_.take_half());
  }
  /// As worker::steal_ready.
  void steal_slot(receipts& by) {
    const detail::gate::guest inside(gate_);
    // order: acquire, as there
    if (inside) note(by, slot_.exchange(nullptr, detail::memory_order_acquire));
  }
  void take_rest(receipts& by) {
    while (const runnable* one = queue_.pop()) note(by, one);
    note(by, exchange(nullptr));
  }

 private:
  detail::gate gate_;
  run_queue queue_;
  detail::atomic<numbered*> slot_{nullptr};
  std::uint64_t turns_ = 0;
};

/// The owner takes plainly while the gate is closed; a thief opens it.
void gate_against_pop() {
  guarded one;
  auto all = make_numbered(std::make_index_sequence<3>());
  receipts got[2];
  for (numbered& each : all) one.push(each);
  strands(
      [&] {
        note(got[0], one.pop());
        note(got[0], one.pop());
      },
      [&] { one.steal_half(got[1]); });
  receipts rest;
  one.take_rest(rest);
  check_all({&got[0], &got[1], &rest}, 3);
}

/// The same with the slot, which is filled too.
void gate_against_slot() {
  guarded one;
  auto all = make_numbered(std::make_index_sequence<3>());
  receipts got[2];
  note(got[0], one.exchange(&all[0]));
  strands(
      [&] {
        note(got[0], one.exchange(&all[1]));
        note(got[0], one.exchange(nullptr));
        note(got[0], one.exchange(&all[2]));
      },
      [&] {
        one.steal_slot(got[1]);
        one.steal_slot(got[1]);
      });
  receipts rest;
  one.take_rest(rest);
  check_all({&got[0], &got[1], &rest}, 3);
}

/// Of two thieves one opens it; the other comes in or goes away.
void gate_of_two_thieves() {
  guarded one;
  auto all = make_numbered(std::make_index_sequence<4>());
  receipts got[3];
  for (numbered& each : all) one.push(each);
  strands([&] { note(got[0], one.pop()); }, [&] { one.steal_half(got[1]); },
          [&] { one.steal_half(got[2]); });
  receipts rest;
  one.take_rest(rest);
  check_all({&got[0], &got[1], &got[2], &rest}, 4);
}

/// The owner closes it again, beside thieves that are inside or come.
template <bool can_close>
void gate_closes() {
  guarded one(can_close);
  auto all = make_numbered(std::make_index_sequence<4>());
  receipts got[3];
  one.push(all[0]);
  one.push(all[1]);
  one.steal_half(got[1]);  // it is open now
  one.push(all[2]);
  note(got[0], one.exchange(&all[3]));
  strands(
      [&] {
        one.close();
        note(got[0], one.pop());
        note(got[0], one.exchange(nullptr));
        note(got[0], one.pop());
      },
      [&] {
        one.steal_half(got[1]);
        one.steal_slot(got[1]);
      },
      [&] { one.steal_half(got[2]); });
  receipts rest;
  one.take_rest(rest);
  check_all({&got[0], &got[1], &got[2], &rest}, 4);
}

/// The owner closes it after a theft, and takes plainly what is left.
void gate_closes_after_theft() {
  guarded one;
  auto all = make_numbered(std::make_index_sequence<3>());
  receipts got[2];
  for (numbered& each : all) one.push(each);
  strands([&] { one.steal_half(got[1]); },
          [&] {
            one.close();
            note(got[0], one.pop());
          });
  receipts rest;
  one.take_rest(rest);
  check_all({&got[0], &got[1], &rest}, 3);
}

/// It is closed after a theft; then another thief finds the owner inside, and goes away.
void gate_stays_closed() {
  guarded one;
  auto all = make_numbered(std::make_index_sequence<4>());
  receipts got[3];
  for (numbered& each : all) one.push(each);
  strands([&] { one.steal_half(got[1]); },
          [&] {
            one.close();
            note(got[0], one.pop());
            note(got[0], one.pop());
          },
          [&] { one.steal_half(got[2]); });
  receipts rest;
  one.take_rest(rest);
  check_all({&got[0], &got[1], &got[2], &rest}, 4);
}

/// The last task, which its owner takes plainly, and two thieves: the second sees that too.
template <bool refuses>
void gate_before_a_task() {
  detail::refuses_process_barrier = refuses;
  detail::gate gate(true);
  detail::task_deque deque;
  alignas(detail::task_core) std::byte places[2][1];
  const auto core = [&](int number) -> detail::task_core& {
    return reinterpret_cast<detail::task_core&>(places[number]);
  };
  receipts got[4];
  const auto note_task = [&](receipts& by, const detail::task_core* task) {
    if (task == nullptr) return;
    by.note(static_cast<int>(reinterpret_cast<const std::byte(*)[1]>(task) - places) + 1);
  };
  const auto take = [&](receipts& by) {
    const bool alone = gate.enter();
    note_task(by, alone ? deque.take_newest_alone() : deque.take_newest());
    if (alone) gate.leave();
  };
  const auto steal = [&](receipts& by) {
    const detail::gate::guest inside(gate);
    if (inside) note_task(by, deque.take_oldest());
  };
  deque.push(core(0));
  strands(
      [&] {
        take(got[0]);
        if (refuses) take(got[0]);  // opens it
      },
      [&] { steal(got[1]); }, [&] { steal(got[2]); });
  deque.push(core(1));
  take(got[3]);
  take(got[3]);
  check_all({&got[0], &got[1], &got[2], &got[3]}, 2);
  detail::refuses_process_barrier = false;
}

/// There is no barrier any more: the owner opens it.
void gate_without_barrier() {
  detail::refuses_process_barrier = true;
  guarded one;
  auto all = make_numbered(std::make_index_sequence<4>());
  receipts got[3];
  for (numbered& each : all) one.push(each);
  strands(
      [&] {
        note(got[0], one.pop());
        note(got[0], one.pop());
        one.close();
      },
      [&] {
        one.steal_half(got[1]);
        one.steal_half(got[1]);
      },
      [&] { one.steal_half(got[2]); });
  note(got[0], one.pop());  // who has asked is heard now at the latest
  check((got[0].set() & got[1].set()) == 0 && (got[0].set() & got[2].set()) == 0 &&
            (got[1].set() & got[2].set()) == 0,
        "nothing is taken twice");
  receipts stolen;
  one.push(all[static_cast<std::size_t>(0)]);
  one.steal_half(stolen);
  check(stolen.count() != 0, "thieves come in without one");
  detail::refuses_process_barrier = false;
}

/// Without thieves.
void alone() {
  run_queue queue;
  detail::task_deque deque;
  numbered one(1);
  check(queue.pop_alone() == nullptr, "nothing is there");
  queue.push(one);
  check(queue.pop_alone() == &one && queue.pop_alone() == nullptr, "what was pushed is there");
  check(queue.shed_half().count == 0, "less than half is not given up");
  numbered other(2);
  queue.push(one);
  queue.push(other);
  queue.exchange_first_alone(1U << 15);
  check(queue.pop_alone() == &other && queue.pop_alone() == &one, "they have changed places");

  alignas(detail::task_core) std::byte places[detail::task_deque::capacity + 1][1];
  const auto core = [&](std::int64_t number) -> detail::task_core& {
    return reinterpret_cast<detail::task_core&>(places[number]);
  };
  check(deque.take_newest() == nullptr && deque.take_newest_alone() == nullptr, "it is empty");
  check(deque.take_oldest_alone() == nullptr, "it is empty");
  for (std::int64_t i = 0; i <= detail::task_deque::capacity; ++i) {
    check(deque.push(core(i)) == (i < detail::task_deque::capacity), "it holds so many");
  }
  check(deque.take_oldest() == &core(0), "the oldest");
  check(deque.take_oldest_alone() == &core(1), "the oldest now");
  check(deque.take_newest_alone() == &core(detail::task_deque::capacity - 1), "the newest");
}

}  // namespace

scenarios queue_scenarios() {
  return {
      {"queues: a thief takes half of a run queue", call<steal_half>},
      {"queues: thieves beside pushes, half", call<push_and_steal>},
      {"queues: thieves beside pushes, one each", call<push_and_pop>},
      {"queues: the owner gives up half of a run queue", call<shed_half>},
      {"queues: the owner alone", call<alone>},
      {"queues: the newest task against the oldest", call<oldest_and_newest>},
      {"queues: a gate, the owner against a thief", call<gate_against_pop>},
      {"queues: a gate before a slot", call<gate_against_slot>},
      {"queues: a gate, two thieves", call<gate_of_two_thieves>},
      {"queues: a gate is closed again", call<gate_closes<true>>},
      {"queues: a gate is closed after a theft", call<gate_closes_after_theft>},
      {"queues: a gate is closed, a thief comes in vain", call<gate_stays_closed>},
      {"queues: a gate before a task, two thieves", call<gate_before_a_task<false>>},
      {"queues: a gate before a task, and no barrier any more", call<gate_before_a_task<true>>},
      {"queues: a gate, and no barrier any more", call<gate_without_barrier>},
      {"queues: a gate that cannot be closed", call<gate_closes<false>>},
      {"queues: a run queue comes round and overflows", call<run_queue_comes_round>},
      {"queues: a task deque comes round and overflows", call<deque_comes_round>},
      {"queues: a backlog, two that take from it", call<backlog_of_three>},
      {"queues: an inbox, two that bring, two that take", call<inbox_of_two>},
      {"queues: an inbox before a sleep", call<inbox_before_sleep>},
  };
}

}  // namespace sluice::explore
