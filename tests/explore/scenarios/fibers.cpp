// Fibers of a crew: their waits and who ends them, the next slot, slices, counts.
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>

#include "engine/kernel.hpp"
#include "explore.hpp"
#include "scenarios/crew.hpp"
#include "sched/scheduler.hpp"
#include "sluice/channel.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/base/progress.hpp"
#include "sluice/detail/park/attention.hpp"
#include "sluice/select.hpp"
#include "sluice/shield.hpp"
#include "sluice/task.hpp"
#include "sluice/this_fiber.hpp"

namespace sluice::explore {
namespace {

using namespace std::chrono_literals;

// ---- a wait and those who end it -----------------------------------------------------------------

/// P1, P3, P4 and P5.
void a_stop_or_an_item() {
  crew some(1);
  const channel<item> ch(1);
  bool got = false;
  auto one = some.go([&] { got = arrives(ch); });
  strands([&] { some.work(0); }, [&] { some.stop_and_close(one); }, [&] { ch.put(item(1)); });
  check(ch.size() == (got ? 0U : 1U), "an item is not lost to a stop");
}

/// The same of a put, alone or as a case: its item is accepted, or stays.
template <bool meeting, bool selects>
void a_stop_or_room() {
  crew some(1);
  const channel<item> ch = meeting ? channel<item>(rendezvous) : channel<item>(1);
  const channel<item> none(1);
  if (!meeting) ch.put(item(1));
  item second(2);
  const auto put = [&] {
    selects ? void(select(on_put(ch, std::move(second)), on_get(none))) : ch.put(std::move(second));
  };
  auto one = some.go([&] {
    try {
      put();
      check(second.number() == 0, "an item that is accepted is moved");
    } catch (const cancelled&) {
      check(second.number() == 2, "an item that is not accepted stays");
    }
  });
  std::size_t got = 0;
  strands([&] { some.work(0); }, [&] { some.stop_and_close(one); },
          [&] { got = ch.get_for(1ms).has_value() ? 1 : 0; });
  const std::size_t accepted = (meeting ? 0 : 1) + (second.number() == 0 ? 1 : 0);
  check(got + ch.size() == accepted, "an item is not lost to a stop");
}

/// The same of a get, where those who would end the wait agree under a lock; and nobody ends the
/// next one.
void a_stop_or_a_meeting() {
  crew some(1);
  const channel<item> ch(rendezvous);
  const channel<item> next(rendezvous);
  int got = 0;
  auto one = some.go([&] {
    if (!arrives(ch)) shield([&] { ch.get(); });
    shield([&] { got = next.get().number(); });
  });
  strands([&] { some.work(0); }, [&] { some.stop_and_close(one); },
          [&] {
            ch.put(item(1));
            next.put(item(2));
          });
  check(got == 2, "a stop or an item ends a wait");
}

/// Whoever meets the fiber drops the last handle at once: the fiber has used it by reference.
void a_stop_or_a_meeting_that_ends_the_channel() {
  crew some(1);
  auto ch = std::make_unique<channel<item>>(rendezvous);
  shared_bool begun{false};
  auto one = some.go([&, used = ch.get()] {
    set_it(begun);
    if (!arrives(*used)) shield([&] { used->get(); });
  });
  strands([&] { some.work(0); },
          [&] {
            spin_until(begun);
            some.stop_and_close(one);
          },
          [&] {
            ch->put(item(1));
            ch.reset();
          });
}

/// Nobody puts: only the stop can end the wait, which has begun or will. If `others_look`, somebody
/// else's stop makes each announcer hold the fiber and let go of it.
template <bool others_look>
void a_stop() {
  crew some(1);
  const channel<item> ch(1);
  bool got = false;
  shared_bool begun{false};
  if (others_look) detail::raise_attention();
  auto one = some.go([&] {
    set_it(begun);
    got = arrives(ch);
  });
  strands([&] { some.work(0); },
          [&] {
            spin_until(begun);
            some.stop_and_close(one);
          });
  if (others_look) detail::lower_attention();
  check(!got, "a stop ends a wait");
}

/// E3: the worker that goes to sleep beside it does not say that nobody is left.
void the_end_and_a_shield() {
  crew some(1);
  const channel<item> ch(1);
  bool got = false;
  auto one = some.go([&] { shield([&] { got = arrives(ch); }); });
  strands([&] { some.work(0); }, [&] { some.home.close(); }, [&] { ch.put(item(1)); });
  check(got, "the end waits for it");
}

/// E2: the stack of one that waits is the first of its size, in a slab of its own.
void the_end_and_a_new_slab() {
  crew some(1);
  const channel<item> ch(1);
  bool got = false;
  auto one = some.go([&] {
    auto other = detail::go_plain(&some.home, nullptr, 32 * 1024, [&] { got = arrives(ch); });
  });
  strands([&] { some.work(0); }, [&] { some.home.close(); });
  check(!got, "the end of a runtime ends a wait");
}

/// The token is made while the runtime closes (E1): its holder hears of the end.
void a_token_at_the_end() {
  crew some(1);
  auto one = some.go([] {
    const std::stop_token stop = detail::stop_token_here();
    while (!stop.stop_requested()) detail::cpu_pause();
  });
  strands([&] { some.work(0); }, [&] { some.home.close(); });
}

struct listener final : detail::end_listener {
  int ends = 0;
  void task_ended() noexcept override { ++ends; }
};

/// The shields that whoever stops it looks at, whether its wait has a time, and whether somebody
/// hears of its end are neighbours in one word.
void an_end_that_is_heard() {
  crew some(1);
  const channel<item> ch(1);
  listener here;
  bool got = false;
  auto one = some.go([&] {
    detail::listen_for_end(here);
    shield([&] { got = ch.get_for(1ms).has_value(); });
  });
  strands([&] { some.work(0); }, [&] { some.stop_and_close(one); }, [&] { ch.put(item(1)); });
  check(here.ends == 1, "whoever listens hears of the end");
  check(ch.size() == (got ? 0U : 1U), "an item is not lost to a time");
}

// ---- the next slot -------------------------------------------------------------------------------

/// One that never waits again, and those whom it has woken: somebody else takes them, though the
/// next slot holds one.
template <int woken>
void busy_beside_woken() {
  crew some(2);
  const channel<item> ch(2);
  shared_bool ran[2];
  const auto wait = [&](int i) { return [&, i] { arrives(ch) ? set_it(ran[i]) : void(); }; };
  strands([&] { some.work(0); }, [&] { some.work(1); },
          [&] {
            auto first = some.go(wait(0));
            auto second = some.go(wait(woken - 1));
            auto busy = some.go([&] {
              for (int i = 0; i < woken; ++i) ch.put(item(i + 1));
              for (int i = 0; i < woken; ++i) spin_until(ran[i]);
              if (woken == 1) ch.close();
            });
            first.join();
            second.join();
            some.close_after(busy);
          });
}

// ---- one that stays with its worker --------------------------------------------------------------

/// It waits while whoever ends its wait runs on the other worker.
void one_that_stays() {
  crew some(2);
  const channel<item> ch(rendezvous);
  shared_bool runs[2];
  bool got = false;
  strands([&] { some.work(0); }, [&] { some.work(1); },
          [&] {
            auto getter = some.go([&] {
              set_it(runs[0]);
              spin_until(runs[1]);
              got = arrives(ch);
            });
            auto putter = some.go([&] {
              set_it(runs[1]);
              spin_until(runs[0]);
              ch.put(item(1));
            });
            putter.join();
            some.close_after(getter);
          });
  check(got, "its wait ends by an item");
}

/// The same, and a stop ends it.
void one_that_stays_is_stopped() {
  crew some(2);
  const channel<item> ch(rendezvous);
  shared_bool runs[3];
  strands([&] { some.work(0); }, [&] { some.work(1); },
          [&] {
            auto getter = some.go([&] {
              set_it(runs[0]);
              spin_until(runs[1]);
              check(!arrives(ch), "nobody puts");
              set_it(runs[2]);
            });
            auto busy = some.go([&] {
              set_it(runs[1]);
              spin_until(runs[2]);
            });
            // order: acquire, as in spin_until
            while (!runs[0].load(detail::memory_order_acquire)) detail::yield_thread();
            getter.request_stop();
            getter.join();
            some.close_after(busy);
          });
}

// ---- slices, and what many items have a worker do ------------------------------------------------

/// As those that go through channels.
void move_many() { detail::count_moved(detail::progress::items_between_calls); }

/// As any operation that does not wait.
void look_up(const channel<item>& none) { check(!none.try_get().has_value(), "nothing is there"); }

bool has_seat(const detail::worker& one) {
  // order: relaxed, a hint
  return one.idle.seated.load(detail::memory_order_relaxed);
}

/// One that never waits has its worker reconsider: it takes a seat. Its slice goes on, though
/// another is ready; but not if it has had a turn since then.
void many_items_in_one_turn() {
  crew some(2);
  const channel<item> none(1);
  strands([&] { some.work(0); },
          [&] {
            auto busy = some.go([&] {
              detail::worker& here = *detail::worker::current();
              const channel<item> ch(2);
              bool ran[2] = {};
              const auto wait = [&](int i) { return [&, i] { ran[i] = arrives(ch); }; };
              auto first = some.go(wait(0));
              auto second = some.go(wait(1));
              for (int i = 0; i < 2; ++i) this_fiber::yield();  // both wait now
              ch.put(item(1));
              move_many();  // in several turns, as far as is known
              look_up(none);
              check(!has_seat(here), "it is not asked");
              move_many();
              look_up(none);
              check(has_seat(here), "it runs what is fine");
              check(!ran[0] && !ran[1], "the slice goes on");
              check(detail::nothing_to_attend(), "nothing is left to do");
              bool began[2] = {};
              const auto note = [&](int i) { return [&began, i] { began[i] = true; }; };
              for (int i = 0; i < 2; ++i) {
                for (int times = 0; times < 2; ++times) move_many();
                detail::yield_strand();  // without a look
                auto other = some.go(note(i));
                if (i == 0) look_up(none);
                check(!began[i], "a new turn has a slice of its own");
                here.end_slice();
                look_up(none);
                check(began[i], "the slice is over");
                other.join();
              }
              check(ran[0] != ran[1], "one has waited for a turn");
              ch.put(item(2));
              first.join();
              second.join();
            });
            some.close_after(busy);
          });
}

/// Its worker, the ticker, and another worker.
void a_slice_that_several_end() {
  crew some(2);
  const channel<item> none(1);
  detail::worker& one = some.home.worker_at(0);
  strands([&] { some.work(0); },
          [&] {
            auto busy = some.go([&] {
              for (int i = 0; i < 3; ++i) move_many(), look_up(none);
            });
            some.close_after(busy);
          },
          [&] {
            one.end_slice();
            one.forget_slice();
          },
          [&] { one.end_slice(); });
  one.forget_slice();
  check(detail::nothing_to_attend(), "raised as often as lowered");
}

/// Those that are ready behind it go to whichever worker comes first, and none is lost.
void a_slice_before_others() {
  crew some(2);
  const channel<item> none(1);
  bool ran[2] = {};
  strands([&] { some.work(0); }, [&] { some.work(1); },
          [&] {
            auto busy = some.go([&] {
              const channel<item> ch(2);
              const auto wait = [&](int i) { return [&, i] { ran[i] = arrives(ch); }; };
              auto first = some.go(wait(0));
              auto second = some.go(wait(1));
              for (int i = 0; i < 2; ++i) this_fiber::yield();
              for (int i = 0; i < 2; ++i) ch.put(item(i + 1));
              detail::worker::current()->end_slice();
              look_up(none);
              first.join();
              second.join();
            });
            some.close_after(busy);
          });
  check(ran[0] && ran[1], "each has its turn");
  for (std::size_t i = 0; i < 2; ++i) some.home.worker_at(i).forget_slice();
  check(detail::nothing_to_attend(), "raised as often as lowered");
}

/// More of them than their worker takes out of the inbox at once: it is never without fibers, and a
/// task has a turn of its own there. No other worker comes.
void a_task_beside_slices() {
  crew some(2);
  const channel<item> none(1);
  constexpr int crowd = 4;
  constexpr int most = 32;
  detail::atomic<int> running{0};
  shared_bool is_there{false};
  bool begun = false;
  int turns = 0;  // that the task has waited
  const auto busy = [&] {
    // order: relaxed, a count
    running.fetch_add(1, detail::memory_order_relaxed);
    while (!begun) {
      // order: acquire, pairs with set_it
      if (is_there.load(detail::memory_order_acquire)) {
        check(++turns < most, "a task from outside begins beside those that use up their slices");
      } else {
        detail::cpu_pause();
      }
      detail::worker::current()->end_slice();
      look_up(none);
    }
  };
  strands([&] { some.work(0); },
          [&] {
            auto first = some.go([&] {
              std::optional<task<void>> others[crowd - 1];
              for (auto& one : others) one.emplace(some.go(busy));
              busy();
              for (auto& one : others) one->join();
            });
            // order: relaxed, as above
            while (running.load(detail::memory_order_relaxed) < crowd) detail::cpu_pause();
            auto last = some.go([&] { begun = true; });
            set_it(is_there);
            last.join();
            some.close_after(first);
          });
  check(some.home.incoming().size() == 0, "what was taken is not counted any more");
  some.home.worker_at(0).forget_slice();
  check(detail::nothing_to_attend(), "raised as often as lowered");
}

/// It is tried whether one worker gets as much done: what the other runs follows (W6).
void many_items_on_two_workers() {
  crew some(2);
  const channel<item> none(1);
  int rounds[2] = {};
  const auto busy = [&](int i) {
    return [&, i] {
      for (; rounds[i] < 10; ++rounds[i]) {
        move_many();
        let_time_pass(300us);
        look_up(none);
      }
    };
  };
  strands([&] { some.work(0); }, [&] { some.work(1); },
          [&] {
            auto first = some.go(busy(0));
            auto second = some.go(busy(1));
            first.join();
            some.close_after(second);
          });
  check(rounds[0] == 10 && rounds[1] == 10, "each runs to its end");
  for (std::size_t i = 0; i < 2; ++i) some.home.worker_at(i).forget_slice();
  check(detail::nothing_to_attend(), "raised as often as lowered");
}

// ---- counts --------------------------------------------------------------------------------------

/// Whoever counts sees no more ended than begun.
void a_count_of_the_living() {
  crew some(1);
  auto one = some.go([&] { some.go([] {}).join(); });
  strands([&] { some.work(0); }, [&] { some.close_after(one); },
          [&] {
            for (int i = 0; i < 2; ++i) {
              const detail::worker::counts its = some.home.worker_at(0).count();
              check(its.gone <= its.spawned + 1, "what is gone has been spawned");
              check(some.home.count().fibers <= 2, "what has ended has been spawned");
            }
          });
}

/// Of some hundred steps.
constexpr unsigned some_part = 8;
/// Of some thousand.
constexpr unsigned long_part = 50;

}  // namespace

scenarios fiber_scenarios() {
  return {
      {"fibers: a stop", call<a_stop<false>>, nullptr, some_part},
      {"fibers: a stop while others look", call<a_stop<true>>, nullptr, some_part / 2},
      {"fibers: a stop or an item", call<a_stop_or_an_item>, nullptr, some_part / 2},
      {"fibers: a stop or room, capacity 1", call<a_stop_or_room<false, false>>, nullptr,
       some_part},
      {"fibers: a stop or room, rendezvous", call<a_stop_or_room<true, false>>, nullptr, some_part},
      {"fibers: a stop or room of a select, capacity 1", call<a_stop_or_room<false, true>>, nullptr,
       some_part},
      {"fibers: a stop or room of a select, rendezvous", call<a_stop_or_room<true, true>>, nullptr,
       some_part},
      {"fibers: a stop or a meeting", call<a_stop_or_a_meeting>, nullptr, some_part / 2},
      {"fibers: a stop or a meeting whose channel goes",
       call<a_stop_or_a_meeting_that_ends_the_channel>, nullptr, some_part / 2},
      {"fibers: a token at the end", call<a_token_at_the_end>, nullptr, some_part},
      {"fibers: the end and a shield", call<the_end_and_a_shield>, nullptr, 2 * some_part},
      {"fibers: the end and a new slab", call<the_end_and_a_new_slab>, nullptr, some_part},
      {"fibers: an end that is heard", call<an_end_that_is_heard>, nullptr, some_part},
      {"fibers: busy beside one that it has woken", call<busy_beside_woken<1>>, nullptr, some_part},
      {"fibers: busy beside two that it has woken", call<busy_beside_woken<2>>, nullptr, some_part},
      {"fibers: one that stays", call<one_that_stays>, nullptr, some_part},
      {"fibers: one that stays is stopped", call<one_that_stays_is_stopped>, nullptr, some_part},
      {"fibers: many items in one turn", call<many_items_in_one_turn>, nullptr, some_part},
      {"fibers: a slice that several end", call<a_slice_that_several_end>, nullptr, some_part},
      {"fibers: a slice before others", call<a_slice_before_others>, nullptr, some_part},
      {"fibers: a task beside slices", call<a_task_beside_slices>, nullptr, long_part},
      {"fibers: many items on two workers", call<many_items_on_two_workers>, nullptr, long_part},
      {"fibers: a count of the living", call<a_count_of_the_living>, nullptr, some_part},
  };
}

}  // namespace sluice::explore
