// Whole runtimes: the shipped workers, ticker, helpers and fibers. Their threads are the explorer's
// strands; a fiber is a piece of the strand that runs it.
//
// A wake-up that is lost is found where nothing but a longer sleep could repair it: workers sleep
// without a time unless there is a timer or somebody runs.
#include <pthread.h>

#include <chrono>
#include <optional>
#include <string_view>

#include "engine/kernel.hpp"
#include "explore.hpp"
#include "sched/scheduler.hpp"
#include "sched/worker.hpp"
#include "sluice/blocking.hpp"
#include "sluice/channel.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/base/progress.hpp"
#include "sluice/runtime.hpp"
#include "sluice/this_fiber.hpp"

namespace sluice::explore {
namespace {

using namespace std::chrono_literals;

using shared_bool = detail::atomic<bool>;
using shared_int = detail::atomic<int>;

runtime_options workers(int count) { return {.workers = count, .stack_size = 16 * 1024}; }

/// Waits for an item; false: the channel was closed.
bool arrives(const channel<item>& ch) {
  item found(63);
  return static_cast<bool>(ch >> found);
}

// ---- going to sleep, and work from outside -------------------------------------------------------

template <int count>
void a_task_from_outside() {
  strands([] {
    runtime home(workers(count));
    int value = 0;
    home.go([&] { value = 1; }).join();
    check(value == 1, "what a task did is seen by whoever has joined it");
  });
}

void tasks_from_two_sides() {
  strands([] {
    runtime home(workers(1));
    int values[2] = {};
    const auto other = [&] { home.go([&] { values[1] = 1; }).join(); };
    auto first = home.go([&] { values[0] = 1; });
    other();
    first.join();
    check(values[0] == 1 && values[1] == 1, "each task has run");
  });
}

/// The put finds the fiber on its way into its wait, and its worker on its way to sleep. It may
/// still be in the runtime when the fiber has ended: a visitor.
template <int count>
void a_wake_from_outside() {
  const channel<item> ch(1);
  strands(
      [&] {
        runtime home(workers(count));
        home.go([&] { check(arrives(ch), "the item arrives"); }).join();
      },
      [&] { ch.put(item(1)); });
}

// ---- work that others bring ----------------------------------------------------------------------

/// One that never waits, beside one that is ready: somebody else takes that.
void busy_beside_ready() {
  strands([] {
    runtime home(workers(2));
    shared_bool ran{false};
    home.go([&] {
          // order: release, pairs with the busy one
          auto other = home.go([&] { ran.store(true, detail::memory_order_release); });
          // order: acquire, pairs with the other
          while (!ran.load(detail::memory_order_acquire)) detail::cpu_pause();
          other.join();
        })
        .join();
  });
}

/// More than a worker's queues hold.
void more_than_the_queues_hold() {
  strands([] {
    runtime home(workers(2));
    shared_int ran{0};
    home.go([&] {
          std::optional<task<void>> all[6];
          // order: relaxed, a count that the joins order
          for (auto& one : all) {
            one.emplace(home.go([&] { ran.fetch_add(1, detail::memory_order_relaxed); }));
          }
          for (auto& one : all) one->join();
        })
        .join();
    // order: relaxed, as above
    check(ran.load(detail::memory_order_relaxed) == 6, "each task runs once");
  });
}

/// Never waits, but offers its turn, until somebody has set it.
void offer_turns_until(const shared_bool& set) {
  const channel<item> none(1);
  // order: acquire, pairs with whoever sets it
  while (!set.load(detail::memory_order_acquire)) {
    check(!none.try_get().has_value(), "nothing is there");
    detail::cpu_pause();
  }
}

/// Nobody is idle: the ticker must end a slice.
void busy_and_a_task_from_outside() {
  strands([] {
    runtime home(workers(1));
    let_time_pass(100ms);  // the ticker sleeps too
    shared_bool begun{false};
    shared_bool ran{false};
    auto busy = home.go([&] {
      // order: release, pairs with the thread below
      begun.store(true, detail::memory_order_release);
      offer_turns_until(ran);
    });
    // order: acquire, pairs with the busy one
    while (!begun.load(detail::memory_order_acquire)) detail::cpu_pause();
    // order: release, pairs with the busy one
    home.go([&] { ran.store(true, detail::memory_order_release); }).join();
    busy.join();
  });
}

/// The timer was armed before the worker began to run: the ticker must fire it.
void busy_and_a_timer() {
  strands([] {
    runtime home(workers(1));
    const channel<item> ch(1);
    shared_bool ran{false};
    auto waits = home.go([&] {
      check(ch.get_for(100ms).status() == status::timed_out, "nobody puts");
      // order: release, pairs with the busy one
      ran.store(true, detail::memory_order_release);
    });
    let_time_pass(50ms);
    home.go([&] { offer_turns_until(ran); }).join();
    waits.join();
  });
}

void two_fibers_hand_over() {
  strands([] {
    runtime home(workers(2));
    const channel<item> ch(1);
    auto getter = home.go([&] {
      for (int i = 1; i <= 2; ++i) check(ch.get().number() == i, "items come in their order");
    });
    auto putter = home.go([&] {
      for (int i = 1; i <= 2; ++i) ch.put(item(i));
    });
    getter.join();
    putter.join();
  });
}

/// W6: ready fibers are given to a worker that goes to sleep, or has just done so. The giver then
/// rests too, or its own fiber follows.
template <int count, bool follows>
void ready_fibers_are_given_away() {
  strands([] {
    runtime home(workers(count));
    const channel<item> ch(1);
    home.go([&] {
          auto getter = home.go([&] { check(arrives(ch), "the item arrives"); });
          this_fiber::yield();
          ch.put(item(1));
          detail::worker& here = *detail::worker::current();
          for (std::size_t i = 0; i < count; ++i) {
            // order: relaxed, a hint
            here.home().worker_at(i).idle.seated.store(true, detail::memory_order_relaxed);
          }
          const bool gave = here.home().idle().give_up(here);
          if (follows && gave) this_fiber::yield();
          getter.join();
        })
        .join();
  });
}

/// W6: what runs goes to a worker whose turn is long. The ticker slept while each had one of its own;
/// now somebody waits.
void what_runs_is_given_away() {
  strands([] {
    runtime home(workers(2));
    let_time_pass(100ms);  // the ticker sleeps too
    shared_bool begun{false};
    auto busy = home.go([&] {
      detail::worker& here = *detail::worker::current();
      // order: relaxed, a hint; before the other one begins
      here.idle.seated.store(true, detail::memory_order_relaxed);
      for (int i = 0; i < 16; ++i) detail::count_lost_race();  // so who watches looks seldom
      const detail::coarse_time at_first = here.time();
      // order: release, pairs with the thread below
      begun.store(true, detail::memory_order_release);
      while (here.time() == at_first) detail::cpu_pause();
    });
    // order: acquire, pairs with the busy one
    while (!begun.load(detail::memory_order_acquire)) detail::cpu_pause();
    home.go([&] {
          detail::worker& here = *detail::worker::current();
          if (here.home().idle().give_up(here)) this_fiber::yield();
        })
        .join();
    busy.join();
  });
}

// ---- timers --------------------------------------------------------------------------------------

template <int count>
void a_wait_with_a_time() {
  strands([] {
    runtime home(workers(count));
    const channel<item> ch(1);
    home.go([&] { check(ch.get_for(1ms).status() == status::timed_out, "nobody puts"); }).join();
  });
}

/// The worker that fires the timer against the thread that puts.
void a_time_or_an_item() {
  const channel<item> ch(1);
  bool got = false;
  strands(
      [&] {
        runtime home(workers(1));
        home.go([&] {
              const auto found = ch.get_until(detail::clock::now() + 1ms);
              got = found.has_value();
              check(!got || found->number() == 1, "the item arrives");
            })
            .join();
      },
      [&] { ch.put(item(1)); });
  check(ch.size() == (got ? 0U : 1U), "an item is not lost to a time");
}

/// A timer that belongs to no fiber: whoever sleeps is woken to keep it.
template <int count>
void a_timer_from_outside() {
  strands([] {
    detail::scheduler home({.workers = count, .stack_size = 16 * 1024});
    detail::timer own;
    detail::waiter self(detail::parker::current(), {});
    detail::timer_shard& shard = home.shard_for_alarm();
    const detail::deadline at = detail::clock::now() + 1ms;
    shard.arm(own, self, at);
    home.note_alarm(at);
    check(detail::park(self) == detail::outcome::timed_out, "somebody fires it");
    shard.disarm(own);
    home.close();
  });
}

/// Runs both, each on a thread of its own, until both have ended.
template <class F, class G>
void side_by_side(F&& f, G&& g) {
  const auto life = [](void* it) -> void* { return (*static_cast<G*>(it))(), nullptr; };
  pthread_t other{};
  ::pthread_create(&other, nullptr, life, &g);
  f();
  ::pthread_join(other, nullptr);
}

/// One of them comes when another is kept, which may be the later one.
void two_timers_from_outside() {
  strands([] {
    detail::scheduler home({.workers = 1, .stack_size = 16 * 1024});
    const auto wait = [&](std::chrono::milliseconds d) {
      detail::timer own;
      detail::waiter self(detail::parker::current(), {});
      detail::timer_shard& shard = home.shard_for_alarm();
      const detail::deadline at = detail::clock::now() + d;
      shard.arm(own, self, at);
      home.note_alarm(at);
      check(detail::park(self) == detail::outcome::timed_out, "somebody fires it");
      shard.disarm(own);
    };
    side_by_side([&] { wait(2h); }, [&] { wait(1ms); });
    home.close();
  });
}

// ---- the end -------------------------------------------------------------------------------------

/// E1 and E2 against a fiber that begins to wait (P1, P5).
template <int count>
void the_end_of_a_wait() {
  strands([] {
    const channel<item> ch(1);
    std::optional<task<bool>> got;
    {
      runtime home(workers(count));
      got = home.go([&] {
        try {
          return arrives(ch);
        } catch (const cancelled&) {
          return false;
        }
      });
    }
    check(!got->join(), "the end of a runtime ends a wait");
  });
}

/// The end, the wait, and a put from outside.
void the_end_or_an_item() {
  const channel<item> ch(1);
  bool got = false;
  strands(
      [&] {
        runtime home(workers(1));
        static_cast<void>(home.go([&] {
          try {
            got = arrives(ch);
          } catch (const cancelled&) {
          }
        }));
      },
      [&] { ch.put(item(1)); });
  check(ch.size() == (got ? 0U : 1U), "an item is not lost to the end");
}

/// A fiber starts another while the runtime closes.
void a_task_starts_another() {
  strands([] {
    shared_int ended{0};
    {
      runtime home(workers(2));
      static_cast<void>(home.go([&] {
        // order: release, counts what is done
        static_cast<void>(home.go([&] { ended.fetch_add(1, detail::memory_order_release); }));
        // order: release, as above
        ended.fetch_add(1, detail::memory_order_release);
      }));
    }
    // order: acquire, pairs with the tasks
    check(ended.load(detail::memory_order_acquire) == 2, "the end waits for all of them");
  });
}

// ---- helpers of blocking -------------------------------------------------------------------------

/// A job that counts. On a plain thread blocking would call it there.
struct counted_job final : detail::blocking_job {
  int runs = 0;
  void run() noexcept override { ++runs; }
};

bool run_on_helper(counted_job& job) {
  try {
    detail::run_on_helper(job);
    check(job.runs == 1, "a job is run once before its caller goes on");
    return true;
  } catch (const std::system_error&) {
    check(job.runs == 0, "a job that is refused is not run");
    return false;
  }
}

/// The second job finds a helper that is idle, is about to be, or leaves.
void a_job_after_another() {
  strands([] {
    for (int i = 0; i < 2; ++i) {
      counted_job job;
      check(run_on_helper(job), "there is a helper");
    }
  });
}

void jobs_of_two() {
  const auto ask = [] {
    counted_job job;
    check(run_on_helper(job), "there is a helper");
  };
  strands(ask, ask);
}

/// The one helper there can be is idle, busy or on its way out when the others' jobs come.
void jobs_and_one_thread() {
  strands([] {
    limit_threads(1);
    counted_job first;
    const bool done = run_on_helper(first);
    check(done, "the first thread can be had");
    counted_job second;
    static_cast<void>(run_on_helper(second));
  });
}

void jobs_of_two_and_one_thread() {
  int done[2] = {};
  const auto ask = [&](int i) {
    counted_job job;
    done[i] = run_on_helper(job) ? 1 : 0;
  };
  limit_threads(1);
  strands([&] { ask(0); }, [&] { ask(1); });
  check(done[0] + done[1] > 0, "whoever gets the thread has its job done");
}

void a_fiber_blocks() {
  strands([] {
    runtime home(workers(1));
    const int value = home.go([] { return blocking([] { return 7; }); }).join();
    check(value == 7, "the value comes back");
  });
}

// ---- everyone asleep -----------------------------------------------------------------------------

/// Says so, and the handler resolves it.
template <int count>
void everyone_is_asleep() {
  strands([] {
    const channel<item> ch(1);
    int said = 0;
    runtime_options options = workers(count);
    options.on_deadlock = [&](std::string_view) {
      ++said;
      ch.close();
    };
    {
      runtime home(std::move(options));
      const bool got = home.run([&] { return arrives(ch); });
      check(!got, "it was closed");
    }
    check(said == 1, "it is said once");
  });
}

/// A thread that is on its way to put: nothing is said, however late it comes.
void somebody_may_act() {
  const channel<item> ch(1);
  strands(
      [&] {
        runtime_options options = workers(1);
        options.on_deadlock = [](std::string_view) { check(false, "somebody could still act"); };
        runtime home(std::move(options));
        check(home.run([&] { return arrives(ch); }), "the item arrives");
      },
      [&] { ch.put(item(1)); });
}

/// The same with a helper that works for one fiber, and will wake the other by that.
void a_helper_may_act() {
  strands([] {
    const channel<item> ch(1);
    runtime_options options = workers(1);
    options.on_deadlock = [](std::string_view) { check(false, "a helper could still act"); };
    runtime home(std::move(options));
    home.run([&] { blocking([&] { ch.put(item(1)); }); });
    check(ch.size() == 1, "the helper has put");
  });
}

/// A timer will wake it.
void a_timer_may_act() {
  strands([] {
    const channel<item> ch(1);
    runtime_options options = workers(1);
    options.on_deadlock = [](std::string_view) { check(false, "a timer would still act"); };
    runtime home(std::move(options));
    home.run([&] { check(ch.get_for(30ms).status() == status::timed_out, "nobody puts"); });
  });
}

/// One of some hundred steps, or of a thousand.
constexpr unsigned long_part = 50;

scenario whole(const char* name, void (*body)(const void*)) {
  return {name, body, nullptr, long_part};
}

}  // namespace

scenarios runtime_scenarios() {
  return {
      whole("runtime: a task from outside, 1 worker", call<a_task_from_outside<1>>),
      whole("runtime: a task from outside, 2 workers", call<a_task_from_outside<2>>),
      whole("runtime: two tasks from outside", call<tasks_from_two_sides>),
      whole("runtime: a wake from outside, 1 worker", call<a_wake_from_outside<1>>),
      whole("runtime: a wake from outside, 2 workers", call<a_wake_from_outside<2>>),
      whole("runtime: a busy fiber beside a ready one", call<busy_beside_ready>),
      whole("runtime: more than the queues hold", call<more_than_the_queues_hold>),
      whole("runtime: busy, and a task from outside", call<busy_and_a_task_from_outside>),
      // One that sees late what came from outside is rare there.
      {"runtime: busy, and a timer", call<busy_and_a_timer>},
      whole("runtime: two fibers hand over", call<two_fibers_hand_over>),
      whole("runtime: ready fibers are given away", call<ready_fibers_are_given_away<2, false>>),
      whole("runtime: ready fibers are given away, and what runs follows",
            call<ready_fibers_are_given_away<2, true>>),
      whole("runtime: ready fibers are given away, 3 workers",
            call<ready_fibers_are_given_away<3, true>>),
      whole("runtime: what runs is given away", call<what_runs_is_given_away>),
      whole("runtime: a wait with a time, 1 worker", call<a_wait_with_a_time<1>>),
      whole("runtime: a wait with a time, 2 workers", call<a_wait_with_a_time<2>>),
      whole("runtime: a time or an item", call<a_time_or_an_item>),
      whole("runtime: a timer from outside, 1 worker", call<a_timer_from_outside<1>>),
      whole("runtime: a timer from outside, 2 workers", call<a_timer_from_outside<2>>),
      whole("runtime: two timers from outside", call<two_timers_from_outside>),
      whole("end: a fiber that waits, 1 worker", call<the_end_of_a_wait<1>>),
      whole("end: a fiber that waits, 2 workers", call<the_end_of_a_wait<2>>),
      whole("end: the end or an item", call<the_end_or_an_item>),
      whole("end: a task starts another", call<a_task_starts_another>),
      {"helpers: a job after another", call<a_job_after_another>},
      {"helpers: jobs of two", call<jobs_of_two>},
      {"helpers: a job after another, one thread", call<jobs_and_one_thread>},
      {"helpers: jobs of two, one thread", call<jobs_of_two_and_one_thread>},
      whole("helpers: a fiber blocks", call<a_fiber_blocks>),
      whole("census: everyone is asleep, 1 worker", call<everyone_is_asleep<1>>),
      whole("census: everyone is asleep, 2 workers", call<everyone_is_asleep<2>>),
      whole("census: a thread may act", call<somebody_may_act>),
      whole("census: a helper may act", call<a_helper_may_act>),
      whole("census: a timer may act", call<a_timer_may_act>),
  };
}

}  // namespace sluice::explore
