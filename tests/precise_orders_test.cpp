// What the library promises of happens-before, each promise in a program that relies on it, also
// between fibers of one worker: nothing is reported. Runs where ThreadSanitizer is precise
// (sluice/detail/base/edges.hpp); that it would report anything at all there is what
// precise_races_test.cpp shows.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <sluice/sluice.hpp>
#include <stop_token>
#include <thread>
#include <vector>

#include "support/planted.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::go;
using test::touch;

/// Four tasks that do the same.
template <class Work>
void by_four(const Work& work) {
  std::vector<sluice::task<void>> all;
  for (int i = 0; i < 4; ++i) all.push_back(go(work));
  for (auto& each : all) each.join();
}

constexpr auto as_fiber = [](auto f) { return go(f); };
constexpr auto as_thread = [](auto f) { return std::thread(f); };

/// Back and forth through two channels, each made so, with a strand that is started so.
template <class Start, class... How>
void play(Start start, How... how) {
  const channel<int> there{how...}, back{how...};
  auto a = start([=] {
    for (int i : there) {
      touch();
      back << i;
    }
  });
  for (int i = 0; i < 200; ++i) {
    touch();
    there << i;
    back.get();
  }
  there.close();
  a.join();
  touch();
}

const test::program right[] = {
    {"a spawn comes before its task, a task before its join",
     [] {
       for (int i = 0; i < 10; ++i) {
         touch();
         go(touch).join();
       }
     }},
    {"done() is as good as a join",
     [] {
       auto a = go(touch);
       while (!a.done()) sluice::this_fiber::yield();
       touch();
     }},
    {"a put comes before its get, bounded", [] { play(as_fiber, 3); }},
    {"a put comes before its get, unbounded", [] { play(as_fiber, sluice::unbounded); }},
    {"a put comes before its get, rendezvous", [] { play(as_fiber, sluice::rendezvous); }},
    {"a rendezvous comes before both go on",
     [] {
       const channel<int> ch{sluice::rendezvous};
       auto a = go([ch] {
         touch();
         ch.get();
       });
       ch << 1;
       touch();
       a.join();
       auto b = go([ch] {
         touch();
         ch << 1;
       });
       ch.get();
       touch();
       b.join();
     }},
    {"a get comes before the put that needs its room: a lock made of a channel",
     [] {
       const channel<int> held{1};
       by_four([held] {
         for (int i = 0; i < 50; ++i) {
           held << 1;
           touch();
           if (i % 8 == 0) sluice::this_fiber::yield();
           held.get();
         }
       });
     }},
    {"an item's own contents pass from hand to hand",
     [] {
       const channel<std::unique_ptr<int>> first{2}, second;
       auto a = go([=] {
         for (int i = 0; i < 200; ++i) first << std::make_unique<int>(i);
         first.close();
       });
       auto b = go([=] {
         for (auto& item : first) {
           ++*item;
           second << std::move(item);
         }
         second.close();
       });
       int sum = 0;
       for (auto& item : second) sum += *item;
       CHECK(sum == 200 * 201 / 2);
       a.join();
       b.join();
     }},
    {"batches are rows of puts and gets",
     [] {
       const channel<std::unique_ptr<int>> ch{16};
       auto a = go([ch] {
         for (int i = 0; i < 20; ++i) {
           std::vector<std::unique_ptr<int>> some;
           for (int k = 0; k < 10; ++k) some.push_back(std::make_unique<int>(k));
           CHECK(ch.put_batch(std::move(some)) == 10);
         }
         ch.close();
       });
       int got = 0;
       for (auto some = ch.get_batch(7); !some.empty(); some = ch.get_batch(7)) {
         for (auto& each : some) got += *each;
       }
       CHECK(got == 20 * 45);
       a.join();
     }},
    {"a close comes before all answers that say closed",
     [] {
       for (const bool waits : {false, true}) {
         static int own[3];
         const channel<int> unlimited, met{sluice::rendezvous}, joined{2};
         auto a = go([=] {
           ++own[0], unlimited.close();
           ++own[1], met.close();
           ++own[2], joined.close();
         });
         if (!waits) sluice::this_fiber::sleep_for(2ms);
         int item = 0;
         CHECK(!(unlimited >> item));
         ++own[0];
         CHECK(!met.get_for(10s));
         ++own[1];
         joined.join();
         ++own[2];
         a.join();
       }
     }},
    {"closed() and drained() say what was before the close",
     [] {
       const channel<int> ch{1};
       auto a = go([ch] {
         touch();
         ch.close();
       });
       while (!ch.drained()) sluice::this_fiber::yield();
       touch();
       a.join();
     }},
    {"the last sender closes after all the others",
     [] {
       auto [tx, rx] = sluice::make_channel<int>(8);
       std::vector<sluice::task<void>> all;
       static int own[3];
       for (int i = 0; i < 3; ++i) {
         all.push_back(go([tx = tx, i] { ++own[i]; }));
       }
       static_cast<void>(sluice::sender<int>(std::move(tx)));
       CHECK(!rx.get_for(10s));
       for (int& each : own) ++each;
       for (auto& each : all) each.join();
     }},
    {"a chosen case is a put or a get",
     [] {
       const channel<int> a{1}, b{sluice::rendezvous}, c;
       auto putter = go([=] {
         for (int i = 0; i < 30; ++i) {
           touch();
           if (i % 3 == 0) a << i;
           if (i % 3 == 1) b << i;
           if (i % 3 == 2) c << i;
           b.get();
         }
       });
       for (int i = 0; i < 30; ++i) {
         int got = -1;
         sluice::select(sluice::on_get(a, [&](int item) { got = item; }),
                        sluice::on_get(b, [&](int item) { got = item; }),
                        sluice::on_get(c, [&](int item) { got = item; }));
         CHECK(got == i);
         touch();
         sluice::select(sluice::on_put(b, 0), sluice::on_timeout(10s));
       }
       putter.join();
     }},
    {"a select that finds all closed comes after the closes",
     [] {
       const channel<int> a, b{1};
       static int own[2];
       auto one = go([a] { ++own[0], a.close(); });
       auto two = go([b] { ++own[1], b.close(); });
       while (sluice::select(sluice::on_get(a, [](int) {}), sluice::on_get(b, [](int) {})) !=
              sluice::all_closed) {
       }
       for (int& each : own) ++each;
       one.join();
       two.join();
     }},
    {"a mutex orders those who hold it",
     [] {
       sluice::mutex lock;
       by_four([&lock] {
         for (int i = 0; i < 50; ++i) {
           const std::lock_guard guard(lock);
           touch();
           if (i % 8 == 0) sluice::this_fiber::yield();
         }
       });
     }},
    {"a shared mutex orders writers with all others",
     [] {
       sluice::shared_mutex lock;
       by_four([&lock] {
         for (int i = 0; i < 50; ++i) {
           {
             const std::lock_guard guard(lock);
             touch();
             if (i % 8 == 0) sluice::this_fiber::yield();
           }
           const std::shared_lock guard(lock);
           CHECK(test::plain > 0);
           if (i % 8 == 1) sluice::this_fiber::yield();
         }
       });
     }},
    {"a condition is changed under its mutex",
     [] {
       sluice::mutex lock;
       sluice::condition_variable told;
       auto a = go([&] {
         std::unique_lock guard(lock);
         told.wait(guard, [] { return test::plain != 0; });
         touch();
       });
       sluice::this_fiber::yield();
       {
         const std::lock_guard guard(lock);
         touch();
       }
       told.notify_one();
       a.join();
     }},
    {"a release comes before the acquire of its permit",
     [] {
       sluice::binary_semaphore mine{1}, yours{0};
       auto a = go([&] {
         for (int i = 0; i < 50; ++i) {
           yours.acquire();
           touch();
           mine.release();
         }
       });
       for (int i = 0; i < 50; ++i) {
         mine.acquire();
         touch();
         yours.release();
       }
       a.join();
     }},
    {"a latch and a group come after all who counted down",
     [] {
       for (const bool yields : {false, true}) {
         sluice::latch counted{3};
         sluice::wait_group done{3};
         static int own[3];
         std::vector<sluice::task<void>> all;
         for (int i = 0; i < 3; ++i) {
           all.push_back(go([&, i] {
             if (yields) sluice::this_fiber::yield();
             ++own[i];
             counted.count_down();
             done.done();
           }));
         }
         counted.wait();
         for (int& each : own) ++each;
         done.wait();
         for (auto& each : all) each.join();
       }
     }},
    {"the phases of a barrier come one after the other",
     [] {
       static int own[3];
       const auto completion = []() noexcept {
         for (int& each : own) ++each;
       };
       sluice::barrier meet{3, completion};
       std::vector<sluice::task<void>> all;
       for (int i = 0; i < 3; ++i) {
         all.push_back(go([&meet, i] {
           for (int k = 0; k < 20; ++k) {
             ++own[(i + k) % 3];
             meet.arrive_and_wait();
           }
         }));
       }
       for (auto& each : all) each.join();
     }},
    {"a request comes before the stop",
     [] {
       for (const bool waits : {false, true}) {
         auto a = go([] {
           try {
             for (;;) sluice::this_fiber::sleep_for(1ms);
           } catch (const sluice::cancelled&) {
             touch();
           }
         });
         if (waits) sluice::this_fiber::sleep_for(2ms);
         touch();
         a.request_stop();
         a.join();
       }
     }},
    {"a request comes before the answer of a token",
     [] {
       const channel<std::stop_token> tokens{1};
       auto a = go([tokens] {
         tokens << sluice::this_fiber::stop_token();
         try {
           channel<int>{1}.get();
         } catch (const sluice::cancelled&) {
         }
       });
       std::thread asks([stop = tokens.get()] {
         while (!stop.stop_requested()) std::this_thread::yield();
         touch();
       });
       touch();
       a.request_stop();
       a.join();
       asks.join();
       touch();
     }},
    {"scopes and gathers come after all of their tasks",
     [] {
       static int own[3];
       {
         sluice::scope all;
         for (int& each : own) all.go([&each] { ++each; });
         all.join();
       }
       for (int& each : own) ++each;
       static_cast<void>(sluice::gather([] { ++own[0]; }, [] { ++own[1]; }, [] { ++own[2]; }));
       for (int& each : own) ++each;
       try {
         static_cast<void>(
             sluice::gather([] { throw 1; }, [] { ++own[0], channel<int>{1}.get(); }));
       } catch (int) {
       }
       for (int& each : own) ++each;
     }},
    {"blocking comes after what called it, and before what follows",
     [] {
       for (int i = 0; i < 10; ++i) {
         touch();
         sluice::blocking(touch);
       }
     }},
    {"plain threads are strands like others", [] { play(as_thread, 1); }},
    {"tasks that nobody joins end before their runtime",
     [] {
       {
         sluice::runtime own{{.workers = 2}};
         static_cast<void>(own.go(touch));
       }
       touch();
     }},
};

}  // namespace

TEST_CASE("what the library orders is not reported, on as many workers as there are") {
  test::run_all(right, test::expected::no_race);
}
