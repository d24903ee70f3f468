// Everyone asleep: what is reported, to whom, and when nothing is said.
//
// Each body runs in a process of its own, since any other thread, such as the watchdog's, makes the
// library keep silent; so does ThreadSanitizer's.
#include <doctest/doctest.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/child.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::go;
using sluice::runtime;

/// After how long an idle runtime looks.
constexpr auto tick = 10ms;
/// In this time an idle runtime looks several times.
constexpr auto many_ticks = 30 * tick * test::slowness;

doctest::skip unless_silent() { return doctest::skip(test::under_tsan); }

channel<int> never(const char* name) { return channel<int>{1, {.name = name}}; }

/// Joins a fiber "reader" that waits in get of "parts" for ever.
void starve() {
  go({.name = "reader"}, [ch = never("parts")] { ch.get(); }).join();
}

struct variant {
  test::child body;
  std::vector<std::string_view> says;
};

// ---- what is reported --------------------------------------------------------------------------

const variant reported[] = {
    {{"get", [] { runtime{{.workers = 2}}.run(starve); }},
     {"sluice: everyone is asleep", "\"reader\": waits in get of \"parts\"", ": waits in join"}},
    {{"one worker", [] { runtime{{.workers = 1}}.run(starve); }},
     {"\"reader\": waits in get of \"parts\""}},
    {{"default runtime", [] { sluice::run(starve); }}, {"\"reader\": waits in get of \"parts\""}},
    {{"the fiber of run itself", [] { sluice::run([] { never("alone").get(); }); }},
     {": waits in get of \"alone\""}},
    {{"put on a full channel",
      [] {
        sluice::run([] {
          go({.name = "writer"}, [ch = never("boxes")] {
            for (int i = 0;; ++i) ch.put(i);
          }).join();
        });
      }},
     {"\"writer\": waits in put of \"boxes\""}},
    {{"put on a rendezvous channel",
      [] {
        sluice::run([] {
          const channel<int> ch{sluice::rendezvous, {.name = "hands"}};
          go({.name = "giver"}, [ch] { ch.put(1); }).join();
        });
      }},
     {"\"giver\": waits in put of \"hands\""}},
    {{"joins in a circle",
      [] {
        sluice::run([] {
          const channel<int> begin;
          sluice::task<void> one;
          sluice::task<void> two;
          one = go({.name = "one"}, [&] { begin.get(), two.join(); });
          two = go({.name = "two"}, [&] { begin.get(), one.join(); });
          begin << 1 << 2;
          never("end").get();
        });
      }},
     {"\"one\": waits in join of \"two\"", "\"two\": waits in join of \"one\"",
      ": waits in get of \"end\""}},
    {{"a mutex that stays locked",
      [] {
        sluice::run([] {
          sluice::mutex m;
          const std::lock_guard guard(m);
          go({.name = "second"}, [&] { m.lock(); }).join();
        });
      }},
     {"\"second\": waits in lock"}},
    {{"select",
      [] {
        sluice::run([] {
          go({.name = "chooser"}, [a = never("a"), b = never("b")]() mutable {
            sluice::select(sluice::on_get(a), sluice::on_get(b));
          }).join();
        });
      }},
     {"\"chooser\": waits in select"}},
    {{"a wait_group that is never done",
      [] {
        sluice::run([] {
          sluice::wait_group group;
          group.add(1);
          go({.name = "patient"}, [&] { group.wait(); }).join();
        });
      }},
     {"\"patient\": waits in wait of a group"}},
    {{"fibers of several runtimes",
      [] {
        runtime first{{.workers = 2}};
        runtime second{{.workers = 1}};
        const runtime unused{{.workers = 3}};
        first.run([&] {
          go({.name = "here"}, [ch = never("first")] { ch.get(); });
          second.go({.name = "there"}, [ch = never("second")] { ch.get(); }).join();
        });
      }},
     {"\"here\": waits in get of \"first\"", "\"there\": waits in get of \"second\""}},
    {{"a run within a run",
      [] {
        runtime outer{{.workers = 1}};
        runtime inner{{.workers = 1}};
        outer.run([&] { inner.run(starve); });
      }},
     {"\"reader\": waits in get of \"parts\""}},
    {{"two threads in run",
      [] {
        runtime one{{.workers = 1}};
        const std::jthread other([&] { one.run([] { never("one").get(); }); });
        sluice::run([] { never("two").get(); });
      }},
     {": waits in get of \"one\"", ": waits in get of \"two\""}},
    {{"after a runtime has ended",
      [] {
        runtime{{.workers = 2}}.run([] {});
        runtime{{.workers = 1}}.run(starve);
      }},
     {"\"reader\""}},
    {{"after a helper has done its job",
      [] {
        sluice::run([] {
          sluice::blocking([] {});
          starve();
        });
      }},
     {"\"reader\""}},
    {{"after another thread has ended",
      [] {
        std::thread([] { std::this_thread::sleep_for(5 * tick); }).detach();
        sluice::run(starve);
      }},
     {"\"reader\""}},
    {{"after a signal is watched for no more",
      [] {
        sluice::run([] {
          auto task = go([] {});
          auto watch = sluice::stop_on_signal(task, SIGUSR1);
          task.join();
          starve();
        });
      }},
     {"\"reader\""}},
    {{"after a limit was not reached",
      [] {
        sluice::run([] {
          const channel<int> ch;
          auto task = go([ch] { static_cast<void>(ch.get_for(1h)); });
          sluice::this_fiber::sleep_for(3 * tick);
          ch.put(1);
          task.join();
          starve();
        });
      }},
     {"\"reader\""}},
    {{"after a long sleep alone",
      [] {
        sluice::run([] {
          const auto ch = never("late");
          sluice::this_fiber::sleep_for(many_ticks);
          ch.get();
        });
      }},
     {": waits in get of \"late\""}},
    {{"after a stop that is not obeyed",
      [] {
        std::stop_source stop;
        stop.request_stop();
        sluice::with_stop(stop.get_token(), [] { sluice::run([] { sluice::shield(starve); }); });
      }},
     {"\"reader\"", "stop requested"}},
};

// ---- when nothing is said ----------------------------------------------------------------------

/// The process exits with 0 after many ticks, whatever it waits for.
void exit_later(std::chrono::microseconds after = many_ticks) {
  std::signal(SIGALRM, [](int) { ::_exit(0); });
  const auto s = std::chrono::duration_cast<std::chrono::seconds>(after);
  const itimerval at{{0, 0}, {s.count(), (after - s).count()}};
  ::setitimer(ITIMER_REAL, &at, nullptr);
}

template <class F>
void run_for_a_while(F f) {
  exit_later();
  sluice::run(f);
}

const test::child not_reported[] = {
    {"a fiber sleeps",
     [] {
       run_for_a_while([] {
         go([] { sluice::this_fiber::sleep_for(1h); });
         starve();
       });
     }},
    {"a wait has a limit",
     [] {
       run_for_a_while([] {
         go([] { static_cast<void>(never("late").get_for(1h)); });
         starve();
       });
     }},
    {"a timer of another runtime",
     [] {
       runtime other{{.workers = 1}};
       other.go([] { sluice::this_fiber::sleep_for(1h); });
       run_for_a_while(starve);
     }},
    {"after", [] { run_for_a_while([] { sluice::after(1h).get(); }); }},
    {"after, held by nobody who waits",
     [] {
       const auto later = sluice::after(1h);
       run_for_a_while(starve);
     }},
    {"tick",
     [] {
       run_for_a_while([] {
         for (auto at : sluice::tick(20 * tick)) static_cast<void>(at);
       });
     }},
    {"a blocking job",
     [] {
       run_for_a_while([] {
         go([] { sluice::blocking([] { std::this_thread::sleep_for(1h); }); });
         starve();
       });
     }},
    {"a blocking job on a helper used before",
     [] {
       run_for_a_while([] {
         sluice::blocking([] {});
         go([] { sluice::blocking([] { std::this_thread::sleep_for(1h); }); });
         starve();
       });
     }},
    {"another plain thread",
     [] {
       std::thread([] { std::this_thread::sleep_for(1h); }).detach();
       run_for_a_while(starve);
     }},
    {"another plain thread, which waits",
     [] {
       std::thread([] { never("there").get(); }).detach();
       run_for_a_while(starve);
     }},
    {"a thread out of run",
     [] {
       static runtime rt{{.workers = 1}};
       std::thread([] {
         rt.run([] {});
         std::this_thread::sleep_for(1h);
       }).detach();
       run_for_a_while(starve);
     }},
    {"no thread in run",
     [] {
       exit_later();
       runtime rt{{.workers = 1}};
       rt.go([] { never("parts").get(); }).join();
     }},
    {"a watched signal",
     [] {
       run_for_a_while([] {
         auto task = go([] { never("until a signal").get(); });
         sluice::stop_on_signal(task, SIGUSR1);
         task.join();
       });
     }},
    {"a token that may wake the thread in run",
     [] {
       exit_later();
       std::stop_source stop;
       sluice::with_stop(stop.get_token(), [] { sluice::run(starve); });
     }},
    {"another runtime works",
     [] {
       runtime other{{.workers = 1}};
       other.go([] {
         for (std::atomic<bool> forever = true; forever;) sluice::this_fiber::yield();
       });
       run_for_a_while(starve);
     }},
    {"another runtime works while its ticker sleeps",
     [] {
       runtime other{{.workers = 1}};
       run_for_a_while([&] {
         sluice::this_fiber::sleep_for(10 * tick);
         other.go([] {
           for (std::atomic<bool> forever = true; forever;) continue;
         });
         starve();
       });
     }},
    {"another runtime works and then helps",
     [] {
       const channel<int> ch;
       runtime other{{.workers = 1}};
       other.go([ch] {
         const auto until = std::chrono::steady_clock::now() + many_ticks;
         while (std::chrono::steady_clock::now() < until) continue;
         ch.put(1);
       });
       sluice::run([ch] { ch.get(); });
     }},
    {"a closing runtime",
     [] {
       exit_later(5s + many_ticks);  // until ~runtime waits without a limit
       sluice::run([] {
         std::optional<runtime> other(std::in_place, sluice::runtime_options{.workers = 1});
         const channel<int> begun;
         other->go([begun] {
           sluice::shield([&] {
             begun.put(1);
             never("parts").get();
           });
         });
         begun.get();
         other.reset();
       });
     }},
};

// ---- on_deadlock -------------------------------------------------------------------------------

std::atomic<int> calls{0};

void demand(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

/// The process exits after many ticks with 0 if the handler was called once.
void exit_if_called_once() {
  exit_later();
  std::signal(SIGALRM, [](int) { ::_exit(calls == 1 ? 0 : 1); });
}

const test::child handled[] = {
    {"closing the channel",
     [] {
       const auto ch = never("parts");
       std::string said;
       runtime rt{{.workers = 2, .on_deadlock = [&](std::string_view report) {
                     ++calls;
                     said = report;
                     ch.close();
                   }}};
       rt.run([ch] {
         for (const int item : ch) static_cast<void>(item);
       });
       demand(calls == 1, "called once");
       demand(said.find("waits in get of \"parts\"") != said.npos, "it says why");
     }},
    {"requesting the stop",
     [] {
       sluice::task<void> stuck;
       runtime rt{{.workers = 1, .on_deadlock = [&](std::string_view) {
                     ++calls;
                     stuck.request_stop();
                   }}};
       stuck = rt.go([] { never("parts").get(); });
       rt.run([&] { static_cast<void>(stuck.join_for(many_ticks)); });
       demand(calls == 0, "a limit is a timer");
       rt.run([&] {
         stuck = go([] { never("parts").get(); });
         try {
           stuck.join();
         } catch (const sluice::cancelled&) {
           return;
         }
         throw std::runtime_error("not cancelled");
       });
       demand(calls == 1, "called once");
     }},
    {"starting a fiber",
     [] {
       const auto ch = never("parts");
       runtime* home = nullptr;
       runtime rt{{.workers = 1, .on_deadlock = [&](std::string_view) {
                     ++calls;
                     home->go([ch] { ch.put(1); });
                   }}};
       home = &rt;
       demand(rt.run([ch] { return ch.get(); }) == 1, "got");
       demand(calls == 1, "called once");
     }},
    {"twice, since something has run between",
     [] {
       const channel<int> ch;
       runtime rt{{.workers = 2, .on_deadlock = [&](std::string_view) { ch.put(++calls); }}};
       demand(rt.run([ch] { return ch.get(); }) == 1, "the first time");
       demand(rt.run([ch] { return ch.get() + ch.get(); }) == 5, "the second and third time");
       demand(calls == 3, "called three times");
     }},
    {"once, since nothing has run",
     [] {
       runtime rt{{.workers = 2, .on_deadlock = [](std::string_view) { ++calls; }}};
       exit_if_called_once();
       rt.run(starve);
     }},
    {"once, though a worker was woken for nothing",
     [] {
       sluice::run([] {});
       runtime rt{{.workers = 2, .on_deadlock = [](std::string_view) {
                     ++calls;
                     const auto later = sluice::after(1h);  // of the default runtime, and gone
                   }}};
       exit_if_called_once();
       rt.run(starve);
     }},
    {"by one thread at a time",
     [] {
       sluice::run([] {});
       const auto ch = never("parts");
       std::atomic<int> inside{0};
       std::atomic<bool> alone{true};
       runtime rt{{.workers = 1, .on_deadlock = [&](std::string_view) {
                     if (++inside != 1) alone = false;
                     if (++calls == 1) {
                       go([] {});  // the default runtime runs, rests and looks meanwhile
                     } else {
                       ch.close();
                     }
                     std::this_thread::sleep_for(many_ticks / 2);
                     --inside;
                   }}};
       rt.run([ch] { ch.join(); });
       demand(alone, "one at a time");
       demand(calls == 2, "called again, since something has run");
     }},
    {"for a runtime without a handler",
     [] {
       const auto ch = never("parts");
       runtime with{{.workers = 1, .on_deadlock = [&](std::string_view) {
                       ++calls;
                       ch.close();
                     }}};
       const std::jthread other([&] { with.run([ch] { ch.join(); }); });
       sluice::run([ch] { ch.join(); });
       demand(calls == 1, "called once");
     }},
    {"not that of a runtime in which no run waits",
     [] {
       const auto ch = never("parts");
       const runtime other{{.workers = 1, .on_deadlock = [](std::string_view) { ++calls; }}};
       runtime rt{{.workers = 1, .on_deadlock = [&](std::string_view) { ch.close(); }}};
       rt.run([ch] { ch.join(); });
       demand(calls == 0, "not called");
     }},
};

}  // namespace

TEST_CASE("a run whose fibers wait for ever is reported, then the process aborts" *
          unless_silent()) {
  for (const variant& each : reported) {
    test::progress();
    const std::string name = each.body.name();
    CAPTURE(name);
    const test::ending end = each.body.run();
    CAPTURE(end);
    CHECK(end.signal == SIGABRT);
    for (const std::string_view words : each.says) {
      CAPTURE(words);
      CHECK(end.says(words));
    }
  }
}

TEST_CASE("nothing is said while somebody may still act" * unless_silent()) {
  for (const test::child& each : not_reported) {
    test::progress();
    const std::string name = each.name();
    CAPTURE(name);
    const test::ending end = each.run();
    CAPTURE(end);
    CHECK(end.exit_code == 0);
    CHECK_FALSE(end.says("asleep"));
  }
}

TEST_CASE("on_deadlock is told instead, and may resolve it" * unless_silent()) {
  for (const test::child& each : handled) {
    test::progress();
    const std::string name = each.name();
    CAPTURE(name);
    const test::ending end = each.run();
    CAPTURE(end);
    CHECK(end.exit_code == 0);
    CHECK(end.said.empty());
  }
}
