// Waits with a time: whoever fires the timer against whoever ends the wait for another reason.
#include <chrono>
#include <mutex>

#include "engine/kernel.hpp"
#include "explore.hpp"
#include "sched/scheduler.hpp"
#include "sched/timers.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/task.hpp"

namespace sluice::explore {
namespace {

using namespace std::chrono_literals;

using detail::deadline;
using detail::outcome;
using detail::parker;
using detail::time_limit;
using detail::timer;
using detail::timer_shard;
using detail::waiter;

deadline in(std::chrono::milliseconds some) { return detail::clock::now() + some; }

/// Where a wait can be found and ended by others, as in a channel.
struct meeting_point {
  detail::short_lock lock;
  waiter* waits = nullptr;

  /// As a fiber waits: its timer outlives its frame (I1).
  outcome wait(timer_shard& shard, timer& own, time_limit limit) {
    waiter self(parker::current(), {});
    {
      const std::lock_guard guard(lock);
      waits = &self;
    }
    limit.is_span() ? shard.arm_span(own, self, limit.length())
                    : shard.arm(own, self, limit.from_now());
    const outcome how = park(self);
    shard.disarm(own);
    const std::lock_guard guard(lock);
    waits = nullptr;
    return how;
  }
  /// False: nobody waits, or that wait has ended.
  bool wake() {
    parker* wakes = nullptr;
    {
      const std::lock_guard guard(lock);
      if (waits == nullptr || !waits->try_claim(outcome::completed)) return false;
      wakes = &waits->strand();
    }
    wakes->unpark();
    return true;
  }
};

/// A worker, or the ticker, until all waits have ended.
void fire_until_none(timer_shard& shard, const detail::atomic<int>& left) {
  // order: acquire, pairs with the waiters
  while (left.load(detail::memory_order_acquire) > 0) {
    shard.fire(in(10ms));
    detail::cpu_pause();
  }
}

void leave(detail::atomic<int>& left) {
  // order: release, pairs with fire_until_none
  left.fetch_sub(1, detail::memory_order_release);
}

void fired_by_two() {
  timer_shard shard;
  timer own[2];
  meeting_point point[2];
  outcome how[2] = {};
  detail::atomic<int> left{2};
  const auto wait = [&](int i) {
    how[i] = point[i].wait(shard, own[i], in(std::chrono::milliseconds(2 - i)));
    leave(left);
  };
  strands([&] { wait(0); }, [&] { wait(1); }, [&] { fire_until_none(shard, left); },
          [&] { fire_until_none(shard, left); });
  check(how[0] == outcome::timed_out && how[1] == outcome::timed_out, "each wait ends in time");
  check(shard.earliest() == detail::no_deadline, "no timer is left");
}

/// The timer and a waker end the wait once between them, and neither touches its frame afterwards.
void fired_or_woken() {
  timer_shard shard;
  timer own;
  meeting_point point;
  outcome how = {};
  bool woken = false;
  detail::atomic<int> left{1};
  strands(
      [&] {
        how = point.wait(shard, own, in(1ms));
        leave(left);
      },
      [&] { fire_until_none(shard, left); }, [&] { woken = point.wake(); });
  check(how == (woken ? outcome::completed : outcome::timed_out), "one of them ends the wait");
  check(shard.earliest() == detail::no_deadline, "no timer is left");
}

/// A span that nobody has looked at yet is fired, or its wait ends otherwise; never early, by a
/// reading of the clock that may be older than the wait.
void a_span_or_a_waker() {
  constexpr std::chrono::microseconds span{12};
  timer_shard shard;
  timer own;
  meeting_point point;
  outcome how = {};
  bool woken = false;
  bool early = false;
  detail::atomic<int> left{1};
  strands(
      [&] {
        const deadline begin = detail::clock::now();
        how = point.wait(shard, own, time_limit::span(span));
        early = how == outcome::timed_out && detail::clock::now() < begin + span;
        leave(left);
      },
      [&] {
        // order: acquire, pairs with the waiter
        while (left.load(detail::memory_order_acquire) > 0) {
          shard.fire(detail::clock::now());
          detail::cpu_pause();
        }
      },
      [&] { woken = point.wake(); });
  check(how == (woken ? outcome::completed : outcome::timed_out), "one of them ends the wait");
  check(!early, "no span ends early");
  shard.fire(detail::clock::now());
  check(!shard.any(), "no timer is left");
}

/// A worker that has armed a span looks before it sleeps, beside the ticker: it finds the moment.
void a_span_before_a_sleep() {
  timer_shard shard;
  timer own;
  waiter self(parker::current(), {});
  bool told = false;
  strands(
      [&] {
        shard.arm_span(own, self, 1h);
        if (shard.any()) shard.fire(detail::clock::now());
        told = shard.earliest() != detail::no_deadline;
      },
      [&] { shard.fire(detail::clock::now()); });
  check(told, "who goes to sleep knows until when");
  shard.disarm(own);
}

/// The same timer is armed again as soon as its wait has ended.
void armed_again() {
  timer_shard shard;
  timer own;
  meeting_point point;
  int ends = 0;
  int wakes = 0;
  detail::atomic<int> left{1};
  strands(
      [&] {
        for (int i = 0; i < 2; ++i) {
          ends += point.wait(shard, own, in(1ms)) == outcome::completed ? 1 : 0;
        }
        leave(left);
      },
      [&] { fire_until_none(shard, left); }, [&] { wakes += point.wake() ? 1 : 0; });
  check(ends == wakes, "each wait ends once");
}

/// As W1 and W5: whoever goes to sleep sees the timer, or whoever arms it sees the sleeper.
void armed_before_a_sleep() {
  timer_shard shard;
  timer own;
  waiter self(parker::current(), {});
  detail::atomic<int> sleepers{0};
  bool armed_seen = false;
  bool sleeper_seen = false;
  strands(
      [&] {
        shard.arm(own, self, in(1ms));
        // order: seq_cst, as W5
        sleeper_seen = sleepers.load(detail::memory_order_seq_cst) > 0;
      },
      [&] {
        // order: seq_cst, as W1
        sleepers.fetch_add(1, detail::memory_order_seq_cst);
        armed_seen = shard.earliest() != detail::no_deadline;
      });
  check(armed_seen || sleeper_seen, "no timer is left to a sleeper who has not seen it");
  shard.disarm(own);
}

/// No tick fires it on the way: the worker that goes to sleep must have seen it, or be woken.
void a_late_one_from_outside() {
  strands([] {
    detail::scheduler home({.workers = 1, .stack_size = 16 * 1024});
    timer own;
    waiter self(parker::current(), {});
    timer_shard& shard = home.shard_for_alarm();
    const deadline at = detail::clock::now() + 2h;
    shard.arm(own, self, at);
    home.note_alarm(at);
    check(park(self) == outcome::timed_out, "somebody fires it");
    shard.disarm(own);
    home.close();
  });
}

/// Armed by a fiber that never waits, for somebody else, while the ticker sleeps: that one must be
/// woken, for the worker will not look.
void one_of_a_busy_fiber() {
  strands([] {
    detail::scheduler home({.workers = 1, .stack_size = 16 * 1024});
    let_time_pass(100ms);  // the ticker sleeps
    timer own;
    waiter self(parker::current(), {});
    timer_shard& shard = home.shard_for_alarm();
    detail::atomic<bool> fired{false};
    auto busy = detail::go_plain(&home, nullptr, 0, [&] {
      const deadline at = in(1ms);
      shard.arm(own, self, at);
      home.note_alarm(at);
      // order: acquire, pairs with the store below
      while (!fired.load(detail::memory_order_acquire)) detail::cpu_pause();
    });
    check(park(self) == outcome::timed_out, "somebody fires it");
    shard.disarm(own);
    // order: release, pairs with the busy one
    fired.store(true, detail::memory_order_release);
    busy.join();
    home.close();
  });
}

}  // namespace

scenarios timer_scenarios() {
  return {
      {"timers: two waits, two that fire", call<fired_by_two>},
      {"timers: a wait is fired or woken", call<fired_or_woken>},
      {"timers: a span is fired or woken", call<a_span_or_a_waker>},
      {"timers: a span before a sleep", call<a_span_before_a_sleep>},
      {"timers: a timer is armed again", call<armed_again>},
      {"timers: armed before a sleep", call<armed_before_a_sleep>},
      {"timers: a late one from outside", call<a_late_one_from_outside>, nullptr, 20},
      {"timers: one of a busy fiber", call<one_of_a_busy_fiber>, nullptr, 20},
  };
}

}  // namespace sluice::explore
