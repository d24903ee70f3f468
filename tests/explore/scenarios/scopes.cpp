// Groups of tasks: the last end against whoever joins, stops or destroys the group, and errors.
//
// Where no worker is needed, a strand does what a scope's task does: it obeys the group's token, notes
// an error, and tells of its end.
#include <exception>
#include <memory>
#include <stop_token>
#include <string_view>
#include <utility>

#include "explore.hpp"
#include "scenarios/crew.hpp"
#include "sluice/channel.hpp"
#include "sluice/detail/go/scope_core.hpp"
#include "sluice/runtime.hpp"
#include "sluice/scope.hpp"
#include "sluice/with_stop.hpp"

namespace sluice::explore {
namespace {

using detail::heeds;
using detail::scope_core;

/// Whoever holds it may destroy it at once: a task that comes back to it is found.
std::unique_ptr<scope_core> group_of(int tasks, heeds which = heeds::all_but_stops) {
  auto made = std::make_unique<scope_core>(which);
  for (int i = 0; i < tasks; ++i) made->add_task();
  return made;
}

/// Waits for the stop of the group: nobody puts.
void wait_for_stop_of(scope_core& group) {
  const channel<item> ch(1);
  const bool got = with_stop(group.token(), [&] { return arrives(ch); });
  check(!got, "nobody puts");
}

void note(scope_core& group, int error) {
  detail::orphan_error one;
  one.error = std::make_exception_ptr(error);
  group.note_error(std::move(one));
}

/// The error that it rethrows; 0: none.
int join(scope_core& group) {
  try {
    group.join();
    return 0;
  } catch (const int& error) {
    return error;
  }
}

/// As join, for one that obeys the token; false: it was stopped.
bool joins(scope_core& group, const std::stop_token& token) {
  try {
    with_stop(token, [&] { group.join(); });
    return true;
  } catch (const cancelled&) {
    return false;
  }
}

// ---- ends and joins ------------------------------------------------------------------------------

/// I1, and who joins sees what each task wrote.
template <int tasks>
void ends_and_a_join() {
  auto group = group_of(tasks);
  int values[2] = {};
  const auto end = [&values, at = group.get()](int i) {
    values[i] = 1;
    at->task_ended();
  };
  const auto wait = [&] {
    group->join();
    check(values[0] + values[1] == tasks, "a join comes after all ends");
    group.reset();
  };
  if constexpr (tasks == 1) {
    strands([&] { end(0); }, wait);
  } else {
    strands([&] { end(0); }, [&] { end(1); }, wait);
  }
}

/// The second may come when the last task has ended, or is about to.
void an_end_and_two_joins() {
  const auto group = group_of(1);
  int value = 0;
  const auto wait = [&] {
    group->join();
    check(value == 1, "a join comes after all ends");
  };
  strands(
      [&] {
        value = 1;
        group->task_ended();
      },
      wait, wait);
}

/// A task starts another: the group is not empty in between.
void a_task_that_adds_one() {
  auto group = group_of(1);
  bool ended[2] = {};
  detail::atomic<bool> added{false};
  strands(
      [&, at = group.get()] {
        at->add_task();
        set_it(added);
        ended[0] = true;
        at->task_ended();
      },
      [&, at = group.get()] {
        spin_until(added);
        ended[1] = true;
        at->task_ended();
      },
      [&] {
        group->join();
        check(ended[0] && ended[1], "a join comes after all ends");
        group.reset();
      });
}

// ---- stops ---------------------------------------------------------------------------------------

/// One claim decides who ends the wait. The task is over either way.
void a_stop_of_a_join_or_the_end() {
  auto group = group_of(1);
  std::stop_source source;
  int value = 0;
  strands(
      [&, at = group.get()] {
        value = 1;
        at->task_ended();
      },
      [&] {
        const bool joined = joins(*group, source.get_token());
        check(group->token().stop_requested() == !joined, "a stop of the join stops the tasks");
        check(value == 1, "a join comes after all ends, stopped or not");
        group.reset();
      },
      [&] { source.request_stop(); });
}

/// Only the stop can end the task, which goes on after it.
void a_stop_of_a_join() {
  auto group = group_of(1);
  std::stop_source source;
  int value = 0;
  strands(
      [&, at = group.get()] {
        wait_for_stop_of(*at);
        value = 1;
        at->task_ended();
      },
      [&] {
        check(!joins(*group, source.get_token()), "nobody else ends the task");
        check(value == 1, "a join that is stopped waits for the tasks");
        group.reset();
      },
      [&] { source.request_stop(); });
}

/// One of those in line leaves it, the other is told of the end.
void a_stop_of_one_of_two_joins() {
  const auto group = group_of(1);
  std::stop_source source;
  int value = 0;
  strands(
      [&] {
        value = 1;
        group->task_ended();
      },
      [&] {
        static_cast<void>(joins(*group, source.get_token()));
        check(value == 1, "a join comes after all ends, stopped or not");
      },
      [&] {
        group->join();
        check(value == 1, "a join comes after all ends");
      },
      [&] { source.request_stop(); });
}

/// Whoever leaves the block early.
template <bool waits>
void the_destructor() {
  auto group = group_of(1);
  int value = 0;
  strands(
      [&, at = group.get()] {
        if (waits) wait_for_stop_of(*at);
        value = 1;
        at->task_ended();
      },
      [&] {
        group.reset();
        check(value == 1, "no task outlives its group");
      });
}

// ---- errors --------------------------------------------------------------------------------------

/// It stops the others, and goes to whoever joins, once.
void an_error_stops_the_others() {
  auto group = group_of(2);
  bool ended[2] = {};
  strands(
      [&, at = group.get()] {
        note(*at, 7);
        ended[0] = true;
        at->task_ended();
      },
      [&, at = group.get()] {
        wait_for_stop_of(*at);
        ended[1] = true;
        at->task_ended();
      },
      [&] {
        check(join(*group) == 7, "the error is rethrown");
        check(ended[0] && ended[1], "after all ends");
        check(join(*group) == 0, "once");
        group.reset();
      });
}

/// The second comes when the first has stopped its task, or, if they race, at any time.
template <bool race>
void two_errors() {
  auto group = group_of(2);
  strands(
      [&, at = group.get()] {
        note(*at, 1);
        at->task_ended();
      },
      [&, at = group.get()] {
        if (!race) wait_for_stop_of(*at);
        note(*at, 2);
        at->task_ended();
      },
      [&] {
        const int error = join(*group);
        check(error == 1 || (race && error == 2), "the first error counts");
        check(join(*group) == 0, "and no other");
        check(group->token().stop_requested(), "an error stops the group");
        group.reset();
      });
}

/// The error waits for the next join, or the destructor tells of it.
void an_error_and_a_stop_of_the_join() {
  auto group = group_of(1);
  std::stop_source source;
  int told = 0;
  const auto handler = std::make_shared<const detail::error_handler>(
      [&](std::string_view, const std::exception_ptr&) { ++told; });
  strands(
      [&, at = group.get()] {
        detail::orphan_error one;
        one.error = std::make_exception_ptr(1);
        one.on_unhandled = handler;
        at->note_error(std::move(one));
        at->task_ended();
      },
      [&] {
        bool thrown = false;
        try {
          static_cast<void>(joins(*group, source.get_token()));
        } catch (int) {
          thrown = true;
        }
        group.reset();
        check(told == (thrown ? 0 : 1), "an error is told of once");
      },
      [&] { source.request_stop(); });
}

// ---- with fibers ---------------------------------------------------------------------------------

/// The scope lies on a stack that the next fiber may have.
void a_scope_of_two() {
  crew some(1);
  int values[2] = {};
  auto one = some.go([&] {
    scope both;
    both.go([&] { values[0] = 1; });
    both.go([&] { values[1] = 1; });
    both.join();
    check(values[0] + values[1] == 2, "a join comes after all ends");
  });
  strands([&] { some.work(0); }, [&] { some.close_after(one); });
  check(values[0] + values[1] == 2, "each has run");
}

/// The stop of whoever joins reaches its fibers, before or while they wait.
void a_scope_that_is_stopped() {
  crew some(1);
  const channel<item> ch(1);
  shared_bool begun{false};
  bool ended = false;
  auto one = some.go([&] {
    scope both;
    both.go([&] {
      set_it(begun);
      check(!arrives(ch), "nobody puts");
      ended = true;
    });
    try {
      both.join();
      check(false, "nobody else ends it");
    } catch (const cancelled&) {
      check(ended, "a join that is stopped waits for the fibers");
    }
  });
  strands([&] { some.work(0); },
          [&] {
            spin_until(begun);
            some.stop_and_close(one);
          });
  check(ended, "the stop goes on to the scope's fibers");
}

void a_scope_on_a_runtime() {
  strands([] {
    runtime home({.workers = 2, .stack_size = 16 * 1024});
    home.run([] {
      const channel<item> ch(1);
      bool got = false;
      scope both;
      both.go([&] { ch.put(item(1)); });
      both.go([&] { got = arrives(ch); });
      both.join();
      check(got, "a join comes after all ends");
    });
  });
}

/// The first to fail stops the other, which waits on another worker.
void an_error_on_a_runtime() {
  strands([] {
    runtime home({.workers = 2, .stack_size = 16 * 1024});
    home.run([] {
      const channel<item> ch(1);
      int error = 0;
      scope both;
      both.go([&] { check(!arrives(ch), "nobody puts"); });
      both.go([] { throw 7; });
      try {
        both.join();
      } catch (int found) {
        error = found;
      }
      check(error == 7, "the error is rethrown");
    });
  });
}

/// Of some hundred steps.
constexpr unsigned some_part = 8;
/// Of some thousand.
constexpr unsigned long_part = 50;

}  // namespace

scenarios scope_scenarios() {
  return {
      {"scope: an end and a join", call<ends_and_a_join<1>>},
      {"scope: two ends and a join", call<ends_and_a_join<2>>},
      {"scope: an end and two joins", call<an_end_and_two_joins>},
      {"scope: a task that adds one", call<a_task_that_adds_one>},
      {"scope: a stop of a join or the end", call<a_stop_of_a_join_or_the_end>},
      {"scope: a stop of a join", call<a_stop_of_a_join>},
      {"scope: a stop of one of two joins", call<a_stop_of_one_of_two_joins>},
      {"scope: the destructor or the end", call<the_destructor<false>>},
      {"scope: the destructor stops", call<the_destructor<true>>},
      {"scope: an error stops the others", call<an_error_stops_the_others>},
      {"scope: two errors", call<two_errors<false>>},
      {"scope: two errors at once", call<two_errors<true>>},
      {"scope: an error and a stop of the join", call<an_error_and_a_stop_of_the_join>},
      {"scope: two fibers", call<a_scope_of_two>, nullptr, some_part},
      {"scope: fibers that are stopped", call<a_scope_that_is_stopped>, nullptr, some_part},
      {"scope: two fibers, 2 workers", call<a_scope_on_a_runtime>, nullptr, long_part},
      {"scope: a fiber that fails, 2 workers", call<an_error_on_a_runtime>, nullptr, long_part},
  };
}

}  // namespace sluice::explore
