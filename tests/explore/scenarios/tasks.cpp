// The end of a task against those who join, drop, stop or watch it, and the stacks of fibers.
//
// Where no worker is needed, a strand does what a worker would: it calls the task and finishes it.
#include <exception>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "explore.hpp"
#include "fiber/stack_pool.hpp"
#include "sched/scheduler.hpp"
#include "sched/task_extras.hpp"
#include "sluice/channel.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/runtime.hpp"
#include "sluice/shield.hpp"
#include "sluice/with_stop.hpp"

namespace sluice::explore {
namespace {

using detail::task_core;
using detail::task_extras;

/// Deleted by whoever comes second of finish and drop.
template <class F>
task_core& new_task(F f, const char* name = nullptr) {
  return *new detail::task_call<std::invoke_result_t<F>, F>(
      name != nullptr ? std::make_unique<const std::string>(name) : nullptr, std::move(f));
}

void run(task_core& task) {
  task.invoke();
  task.finish();
}

void join(task_core& task) {
  const detail::outcome how =
      task.wait_until_done(detail::no_deadline, detail::on_stop::keep_waiting);
  check(how == detail::outcome::completed, "nothing else ends a join");
}

// ---- the end -------------------------------------------------------------------------------------

/// The second may come when the task is done, and is told by nobody then.
void an_end_and_two_joins() {
  int value = 0;
  task_core& task = new_task([&] { value = 1; });
  const auto read = [&] {
    join(task);
    check(value == 1, "what a task did is seen by whoever has joined it");
  };
  strands([&] { run(task); }, read, read);
  task.drop();
}

/// Called at the end, by the task's fiber or by whoever has asked too late.
void tell(task_extras& more) noexcept { more.source.request_stop(); }

/// N1 against T1. With a join the end takes more than one step; of a task that was asked to stop it
/// takes a look at what was noted, and then T1.
template <bool joins, bool is_asked>
void an_end_that_is_noted() {
  task_core& task = new_task([] {});
  if (is_asked) task.request_stop();
  task_extras* kept = nullptr;
  strands(
      [&] {
        if (joins) join(task);
      },
      [&] { run(task); },
      [&] {
        task_extras& more = task.extras();
        more.add_user();
        kept = &more;
        // order: release, pairs with end_notes
        more.at_end.store(&tell, detail::memory_order_release);
        if (!task.note_end()) tell(more);
      });
  task.drop();
  check(kept->source.stop_requested(), "the end is told");
  kept->drop_user();
}

detail::atomic<int>* untold = nullptr;

/// What comes between the look and T1 is told too.
void an_end_that_is_noted_twice() {
  task_core& task = new_task([] {});
  detail::atomic<int> some{0};
  untold = &some;
  strands([&] { run(task); },
          [&] {
            task_extras& more = task.extras();
            more.add_user();
            // order: release, pairs with end_notes
            more.at_end.store(
                [](task_extras&) noexcept {
                  // order: release, after what was noted
                  untold->store(0, detail::memory_order_release);
                },
                detail::memory_order_release);
            for (int i = 0; i < 2; ++i) {
              // order: acq_rel, before N1
              some.fetch_add(1, detail::memory_order_acq_rel);
              // order: release, as above
              if (!task.note_end()) some.store(0, detail::memory_order_release);
            }
            more.drop_user();
          });
  task.drop();
  // order: acquire, all have ended
  check(some.load(detail::memory_order_acquire) == 0, "the end is told to all");
}

// ---- what outlives a task ------------------------------------------------------------------------

/// The name goes to the extras that are used, and with the last of both.
template <bool has_name>
void extras_of_two() {
  task_core& task = new_task([] {}, has_name ? "one" : nullptr);
  const auto watch = [&] {
    check(!task.extras().source.get_token().stop_requested(), "nobody has asked");
    check(task.name() == (has_name ? "one" : ""), "the name stays");
  };
  strands(watch, watch);
  run(task);
  task.drop();
}

void a_name() {
  task_core& task = new_task([] {}, "one");
  strands([&] { run(task); },
          [&] {
            check(task.name() == "one", "it is named");
            task.drop();
          });
}

/// As whoever turns a signal into a stop.
void a_stop_after_the_handle() {
  task_core& task = new_task([] {});
  strands([&] { run(task); },
          [&] {
            task_extras& more = task.extras();
            more.add_user();
            task.drop();
            {
              const std::lock_guard guard(more.lock);
              if (more.task != nullptr) more.task->mark_stopped();
            }
            more.drop_user();
          });
  check(detail::nothing_to_attend(), "attention is lowered by the second of stop and end");
}

// ---- stops and tokens ----------------------------------------------------------------------------

/// A stop of a fiber that has not begun, or is about to wait. Nothing but the moment is told.
class about_to_wait {
 public:
  explicit about_to_wait(bool told) : told_(told) {}
  void tell() {
    // order: relaxed, whoever stops the fiber shall know nothing of it
    if (told_) begun_.store(true, detail::memory_order_relaxed);
  }
  void await() {
    // order: relaxed, as above
    while (told_ && !begun_.load(detail::memory_order_relaxed)) detail::cpu_pause();
  }

 private:
  const bool told_;
  detail::atomic<bool> begun_{false};
};

/// K1 against the fiber's begin, its look for a token and its wait.
void a_stop_and_a_token() {
  strands([] {
    runtime home({.workers = 1, .stack_size = 16 * 1024});
    for (const bool told : {false, true, true}) {
      const channel<item> ch(1);
      about_to_wait fiber(told);
      std::stop_token token;
      auto one = home.go([&] {
        token = detail::stop_token_here();
        try {
          fiber.tell();
          ch.get();
        } catch (const cancelled&) {
        }
      });
      fiber.await();
      check(one.request_stop(), "it cannot end before");
      one.join();
      check(token.stop_requested(), "a token follows the stop, whatever comes first");
    }
  });
}

/// K2 against the same, where the stop is that of a token.
void a_stop_by_a_token() {
  strands([] {
    runtime home({.workers = 1, .stack_size = 16 * 1024});
    for (const bool told : {false, true, true}) {
      const channel<item> ch(1);
      about_to_wait fiber(told);
      std::stop_source source;
      auto one = home.go([&] {
        try {
          with_stop(source.get_token(), [&] {
            fiber.tell();
            ch.get();
          });
        } catch (const cancelled&) {
        }
      });
      fiber.await();
      source.request_stop();
      one.join();
    }
  });
}

/// E1 and E2 against the first. The fiber stays until its token says so.
void a_token_and_the_end() {
  strands([] {
    const channel<item> ch(1);
    const channel<item> asked(1);
    runtime home({.workers = 1, .stack_size = 16 * 1024});
    static_cast<void>(home.go([&] {
      const std::stop_token token = detail::stop_token_here();
      try {
        ch.get();
      } catch (const cancelled&) {
        const std::stop_callback told(token, [&] { asked.close(); });
        item none(63);
        check(!shield([&] { return static_cast<bool>(asked >> none); }), "nobody puts");
      }
    }));
  });
}

/// The handler sees what was done before the handle went, and may ask what its fiber may ask.
void an_error_that_nobody_joins() {
  strands([] {
    int told = 0;
    bool left = false;
    {
      runtime home({.workers = 1,
                    .stack_size = 16 * 1024,
                    .on_unhandled = [&](std::string_view, const std::exception_ptr&) {
                      ++told;
                      check(left, "somebody could still join");
                      static_cast<void>(detail::stop_token_here());
                    }});
      const auto one = home.go([] { throw 1; });
      left = true;
    }
    check(told == 1, "an error is reported once");
  });
}

/// Its handle goes when the fiber is about to tell of the end, which then tells of the error too:
/// from where a handler lies in place of what says where the task comes from. It may ask whether
/// its runtime ends.
template <bool ends>
void an_error_that_its_fiber_tells() {
  strands([] {
    int told = 0;
    detail::atomic<bool> over{false};
    const channel<item> ch(1);
    const auto note = [&](std::string_view, const std::exception_ptr&) {
      ++told;
      check(detail::stop_token_here().stop_requested() == ends, "a token follows the end");
      // order: release, pairs with the look below
      over.store(true, detail::memory_order_release);
    };
    detail::scheduler home({.workers = 1, .stack_size = 16 * 1024, .on_unhandled = note});
    task_core& task = new_task([&] {
      try {
        ch.get();
      } catch (const cancelled&) {
      }
      throw 1;
    });
    // order: release, pairs with end_notes
    task.extras().at_end.store([](task_extras& more) noexcept { more.task->drop(); },
                               detail::memory_order_release);
    check(task.note_end(), "it has not begun");
    detail::spawn(&home, task, 0);
    if (!ends) {
      ch.put(item(1));
      // order: acquire, pairs with note
      while (!over.load(detail::memory_order_acquire)) detail::cpu_pause();
    }
    home.close();
    check(told == 1, "an error is reported once");
  });
}

// ---- stacks --------------------------------------------------------------------------------------

/// Whoever looks at all stacks meets one whose owner goes and comes.
void a_look_at_an_owner() {
  detail::stack_slot slot;
  strands(
      [&] {
        alignas(8) int owner = 0;
        for (int i = 1; i <= 2; ++i) {
          owner = i;
          slot.set_owner(&owner);
          slot.clear_owner();
        }
        owner = 0;
      },
      [&] {
        void* const found = slot.pin();
        if (found == nullptr) return;
        check(*static_cast<const int*>(found) != 0, "a pinned owner is alive");
        slot.unpin();
      });
}

/// Stacks that nobody uses; -1: a slab is not whole.
int count_slabs() {
  int found = 0;
  for (const detail::stack_slab* one = detail::stack_pool::all_slabs(); one != nullptr;
       one = one->older_of_all) {
    const std::size_t used = one->used();
    check(one->count > 0 && used <= one->count, "a slab is whole");
    for (std::size_t i = 0; i < used; ++i) {
      const detail::stack_slot& each = one->slot(i);
      check(each.size() >= one->stack_size && each.owner() == nullptr, "a place is whole");
    }
    ++found;
  }
  return found;
}

/// Two pools add their first slabs and carve a stack, while somebody goes through all.
void slabs_of_two_pools() {
  const auto grow = [](std::uint8_t which) {
    detail::stack_pool& pool = detail::stack_pool::of_class(which);
    pool.promise(1);
    pool.give(pool.take());
    pool.release(1);
  };
  strands([&] { grow(0); }, [&] { grow(1); },
          [] { check(count_slabs() <= 2, "each is met once"); });
  check(count_slabs() == 2, "no slab is lost");
}

/// One of some hundred steps.
constexpr unsigned long_part = 50;
/// A stop has few moments in which it can be lost.
constexpr unsigned stop_part = 20;

}  // namespace

scenarios task_scenarios() {
  return {
      {"tasks: an end and two joins", call<an_end_and_two_joins>},
      {"tasks: an end that is noted", call<an_end_that_is_noted<false, false>>},
      {"tasks: an end that is noted twice", call<an_end_that_is_noted_twice>},
      {"tasks: an end that is noted and joined", call<an_end_that_is_noted<true, false>>},
      {"tasks: an end that is noted after a stop", call<an_end_that_is_noted<false, true>>},
      {"tasks: two make the extras", call<extras_of_two<false>>},
      {"tasks: two make the extras of one with a name", call<extras_of_two<true>>},
      {"tasks: one with a name", call<a_name>},
      {"tasks: a stop after the handle", call<a_stop_after_the_handle>},
      {"tasks: a stop and a token", call<a_stop_and_a_token>, nullptr, stop_part},
      {"tasks: a stop by a token", call<a_stop_by_a_token>, nullptr, stop_part},
      {"tasks: the end and a token", call<a_token_and_the_end>, nullptr, long_part},
      {"tasks: an error that nobody joins", call<an_error_that_nobody_joins>, nullptr, long_part},
      {"tasks: an error that its fiber tells", call<an_error_that_its_fiber_tells<false>>, nullptr,
       long_part},
      {"tasks: an error that its fiber tells at the end", call<an_error_that_its_fiber_tells<true>>,
       nullptr, long_part},
      {"stacks: a look at an owner", call<a_look_at_an_owner>},
      {"stacks: slabs of two pools", call<slabs_of_two_pools>, nullptr, 10},
  };
}

}  // namespace sluice::explore
