// The idle policy without fibers: the strands are workers that call it, and what they run is a job
// that starts another and is busy until that has been run. There is no ticker.
//
// At the end nobody runs, so nobody watches: all sleep without a time. A wake-up that was lost shows
// as a job that was not run, or as one that is busy for ever.
#include <chrono>

#include "engine/kernel.hpp"
#include "explore.hpp"
#include "sched/scheduler.hpp"
#include "sched/worker_switch.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/park/attention.hpp"

namespace sluice::explore {
namespace {

using namespace std::chrono_literals;

using detail::worker;

/// How a job waits for its child.
enum class pace : std::uint8_t {
  spins,
  naps,        ///< as one long turn does in which time passes
  takes_turns  ///< short ones, each of another job
};

struct job final : detail::task_core {
  job() : task_core(nullptr) {}
  void invoke() noexcept override {}
  void run(worker& by) noexcept;
  void run_again() noexcept {
    // order: relaxed, whoever runs it gets it from a queue
    done.store(false, detail::memory_order_relaxed);
  }
  [[nodiscard]] bool is_done() const noexcept {
    // order: acquire, pairs with run
    return done.load(detail::memory_order_acquire);
  }

  void await_child(worker& by) noexcept;
  void take_turns(worker& by) noexcept;

  job* child = nullptr;  ///< pushed onto the own queue, and waited for without a wait
  pace how = pace::spins;
  job* turn = nullptr;    ///< what those who take turns run
  job* sequel = nullptr;  ///< pushed there after a while
  detail::atomic<bool> done{false};
};

struct workshop {
  static detail::scheduler_options without_threads(int workers) {
    hold_threads();
    return {.workers = workers, .stack_size = 16 * 1024};
  }
  explicit workshop(int workers) : home(without_threads(workers)) {}

  void bring(job& one) {
    home.incoming().push(one);
    home.wake_for_outside_work();
  }
  /// A worker's life, which begins and goes on idle: what it runs it has found then.
  void work(std::size_t number) {
    worker& me = home.worker_at(number);
    for (;;) static_cast<job*>(home.idle().rest(me))->run(me);
  }

  detail::scheduler home;
};

void job::run(worker& by) noexcept {
  if (child != nullptr) {
    by.push_task(*child);
    while (!child->is_done()) await_child(by);
  }
  if (sequel != nullptr) {
    let_time_pass(10us);  // the other one has become the watcher
    by.push_task(*sequel);
  }
  check(!is_done(), "a job is run once");
  // order: release, pairs with is_done
  done.store(true, detail::memory_order_release);
}

void job::await_child(worker& by) noexcept {
  switch (how) {
    case pace::spins:
      return detail::cpu_pause();
    case pace::naps:
      return let_time_pass(10us);
    case pace::takes_turns:
      take_turns(by);
      return let_time_pass(10us);
  }
}

/// More than a coarse worker has in the time of a nap. That one runs the oldest task itself some
/// time is not what is asked here: then the child goes back.
void job::take_turns(worker& by) noexcept {
  for (int i = 0; i < 4; ++i) {
    turn->run_again();
    by.push_task(*turn);
    detail::runnable* found = by.pick();
    const bool puts_back = found == child;
    if (puts_back) found = by.pick();
    while (found == nullptr && !turn->is_done()) detail::cpu_pause();  // it was stolen
    if (puts_back) by.push_task(*child);
  }
}

/// Runs the strands until all of them have ended or sleep for ever.
template <class... F>
void until_all_sleep(F&&... f) {
  void (*const entries[])(void*) = {
      [](void* one) { (*static_cast<std::remove_cvref_t<F>*>(one))(); }...};
  void* const arguments[] = {const_cast<void*>(static_cast<const void*>(&f))...};
  run_strands(sizeof...(F), entries, arguments, rest::is_looked_at);
}

template <int workers>
void work_from_outside() {
  workshop shop(workers);
  job one;
  const auto first = [&] { shop.work(0); };
  const auto bring = [&] { shop.bring(one); };
  if constexpr (workers == 1) {
    until_all_sleep(first, bring);
  } else {
    until_all_sleep(
        first, [&] { shop.work(1); }, bring);
  }
  check(one.is_done(), "nobody sleeps beside work from outside");
}

/// One goes to sleep while the other has just begun to run.
void busy_beside_one_that_goes_to_sleep() {
  workshop shop(2);
  job one, child;
  one.child = &child;
  shop.bring(one);
  until_all_sleep([&] { shop.work(0); }, [&] { shop.work(1); });
  check(one.is_done() && child.is_done(), "all are run");
}

/// Whoever looks is disturbed so often that no two looks in a row are far enough apart.
void busy_beside_one_that_is_disturbed() {
  workshop shop(2);
  job one, child, other;
  one.child = &child;
  one.how = pace::naps;
  shop.bring(one);
  until_all_sleep([&] { shop.work(0); }, [&] { shop.work(1); },
                  [&] {
                    while (!child.is_done()) {
                      let_time_pass(15us);
                      other.run_again();
                      shop.bring(other);
                      while (!other.is_done()) detail::cpu_pause();
                    }
                  });
  check(one.is_done() && child.is_done(), "all are run");
}

/// A task waits beside fine turns, which alone nobody would take away.
void a_task_beside_fine_turns() {
  workshop shop(2);
  job one, child, turn;
  one.child = &child;
  one.how = pace::takes_turns;
  one.turn = &turn;
  shop.bring(one);
  until_all_sleep([&] { shop.work(0); }, [&] { shop.work(1); });
  check(one.is_done() && child.is_done(), "all are run");
}

/// The same after a pause in which nobody runs: the watcher gives up.
void busy_again() {
  workshop shop(2);
  job one, sequel, child;
  one.sequel = &sequel;
  sequel.child = &child;
  shop.bring(one);
  until_all_sleep([&] { shop.work(0); }, [&] { shop.work(1); });
  check(sequel.is_done() && child.is_done(), "all are run");
}

/// A slice ends while its worker drops the last one: what others have raised stays up.
void a_slice_beside_a_stop() {
  workshop shop(1);
  worker& one = shop.home.worker_at(0);
  detail::raise_attention();
  strands([&] { one.ask_to_reconsider(); },
          [&] {
            one.forget_slice();
            check(!detail::nothing_to_attend(), "a reason is seen as long as it stands");
          },
          [&] { check(!detail::nothing_to_attend(), "a reason is seen as long as it stands"); });
  one.forget_slice();
  detail::lower_attention();
  check(detail::nothing_to_attend(), "each reason was taken back");
}

/// The ticker ends a slice of one that goes to sleep just then, or sleeps.
void a_slice_of_a_sleeper() {
  workshop shop(1);
  worker& one = shop.home.worker_at(0);
  until_all_sleep([&] { shop.work(0); }, [&] { one.end_slice(); });
  check(detail::nothing_to_attend(), "nobody looks up for one that sleeps");
}

/// A thief gives it a seat.
void a_seat_of_a_sleeper() {
  workshop shop(1);
  worker& one = shop.home.worker_at(0);
  until_all_sleep([&] { shop.work(0); }, [&] { shop.home.idle().take_seat(one); });
  // order: relaxed, a hint
  check(!one.idle.seated.load(detail::memory_order_relaxed), "one that sleeps has no seat");
}

/// Of some hundred steps.
constexpr unsigned some_part = 4;
/// Of some thousand.
constexpr unsigned long_part = 20;

}  // namespace

scenarios idle_scenarios() {
  return {
      {"idle: work from outside, 1 worker", call<work_from_outside<1>>, nullptr, some_part},
      {"idle: work from outside, 2 workers", call<work_from_outside<2>>, nullptr, some_part},
      {"idle: busy beside one that goes to sleep", call<busy_beside_one_that_goes_to_sleep>,
       nullptr, some_part},
      {"idle: busy beside one that is disturbed", call<busy_beside_one_that_is_disturbed>, nullptr,
       long_part},
      {"idle: a task beside fine turns", call<a_task_beside_fine_turns>, nullptr, long_part},
      {"slices: one ends beside a stop", call<a_slice_beside_a_stop>, nullptr, some_part},
      {"slices: of one that goes to sleep", call<a_slice_of_a_sleeper>, nullptr, some_part},
      {"idle: a seat of one that goes to sleep", call<a_seat_of_a_sleeper>, nullptr, some_part},
      {"idle: busy, and busy again", call<busy_again>, nullptr, some_part},
  };
}

}  // namespace sluice::explore
