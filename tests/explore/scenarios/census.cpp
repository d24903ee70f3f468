// Everyone asleep: who comes last asks, all handlers are told, and one thread speaks at a time.
#include <chrono>
#include <string_view>
#include <utility>

#include "explore.hpp"
#include "sched/scheduler.hpp"
#include "sluice/channel.hpp"
#include "sluice/runtime.hpp"

namespace sluice::explore {
namespace {

using namespace std::chrono_literals;

using detail::census;

template <class F>
runtime_options with_handler(F handler) {
  return {.workers = 1, .stack_size = 16 * 1024, .on_deadlock = std::move(handler)};
}

/// Waits for an item; false: the channel was closed.
bool arrives(const channel<item>& ch) {
  item found(63);
  return static_cast<bool>(ch >> found);
}

/// A thread in `run`, a worker without work and its ticker: whoever of them rests last sees to it
/// that the ticker looks.
void a_caller_comes_late() {
  strands([] {
    int told = 0;
    auto& task = *new detail::task_call<void, void (*)()>(
        nullptr, +[] {});
    detail::scheduler home({.workers = 1,
                            .stack_size = 16 * 1024,
                            .on_unhandled = {},
                            .on_deadlock = [&](std::string_view) {
                              ++told;
                              task.invoke();
                              task.finish();
                            }});
    {
      const detail::run_caller here(home, task);
      static_cast<void>(task.wait_until_done(detail::no_deadline, detail::on_stop::keep_waiting));
    }
    check(told == 1, "it is said once");
    home.close();
    task.drop();
  });
}

void all_handlers_are_told() {
  const channel<item> ch(1);
  int told = 0;
  const auto wait = [&] {
    runtime home(with_handler([&](std::string_view) {
      if (++told == 2) ch.close();
    }));
    check(!home.run([&] { return arrives(ch); }), "it was closed");
  };
  strands(wait, wait);
  check(told == 2, "each handler is told once");
}

/// While the handler waits the other runtime runs, rests and looks: nothing is said until the
/// handler has returned.
void one_speaks_at_a_time() {
  strands([] {
    const channel<item> ch(1);
    const channel<item> quiet(1);
    detail::atomic<int> speaking{0};
    int calls = 0;
    runtime other({.workers = 1, .stack_size = 16 * 1024});
    {
      runtime home(with_handler([&](std::string_view) {
        // order: acq_rel, whoever speaks too would be counted here
        check(speaking.fetch_add(1, detail::memory_order_acq_rel) == 0, "one speaks at a time");
        if (++calls == 1) {
          static_cast<void>(other.go([] {}));
          static_cast<void>(quiet.get_for(1s));
        } else {
          ch.close();
        }
        // order: acq_rel, as above
        speaking.fetch_sub(1, detail::memory_order_acq_rel);
      }));
      check(!home.run([&] { return arrives(ch); }), "it was closed");
    }
    check(calls == 2, "it is said again, since something has run");
  });
}

/// The thread that reads signals counts as resting for good, whatever it does for a watch.
void a_signal_may_act() {
  const channel<item> signals(1);
  const channel<item> ch(1);
  strands(
      [&] {
        runtime home(with_handler([](std::string_view) { check(false, "a signal could come"); }));
        check(home.run([&] {
          census::all().add_watch();
          signals.put(item(1));
          return arrives(ch);
        }),
              "the item arrives");
      },
      [&] {
        census::all().begin_rest();
        signals.get();
        ch.put(item(2));
        census::all().drop_watch();
      });
}

/// One of some hundred steps, or of a thousand; of two runtimes.
constexpr unsigned long_part = 50;
constexpr unsigned longer_part = 100;

}  // namespace

scenarios census_scenarios() {
  return {
      {"census: a caller comes late", call<a_caller_comes_late>, nullptr, 20},
      {"census: all handlers are told", call<all_handlers_are_told>, nullptr, longer_part},
      {"census: one speaks at a time", call<one_speaks_at_a_time>, nullptr, longer_part},
      {"census: a signal may act", call<a_signal_may_act>, nullptr, long_part},
  };
}

}  // namespace sluice::explore
