// Races that are planted, each between fibers that one worker runs one after the other: what only
// follows upon something else, with no promise of the library between them, is reported. Runs where
// ThreadSanitizer is precise (sluice/detail/base/edges.hpp); the other half, what must not be
// reported, is precise_orders_test.cpp.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <sluice/sluice.hpp>

#include "support/planted.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::go;
using test::touch;

void two_put(const channel<int>& ch) {
  const auto put = [ch] {
    touch();
    ch << 1;
  };
  auto a = go(put);
  auto b = go(put);
  ch.get();
  ch.get();
  a.join();
  b.join();
}

const test::program planted[] = {
    {"two tasks have nothing to do with each other",
     [] {
       auto a = go(touch);
       auto b = go(touch);
       a.join();
       b.join();
     }},
    {"a task reads what its spawner writes after the spawn",
     [] {
       auto a = go(touch);
       touch();
       a.join();
     }},
    {"an item carries nothing of what its putter does after the put",
     [] {
       const channel<int> ch{1};
       auto a = go([ch] {
         ch << 1;
         touch();
       });
       ch.get();
       touch();
       a.join();
     }},
    {"an empty channel says nothing of its putter",
     [] {
       const channel<int> ch{1};
       std::atomic<bool> looked = false;
       auto a = go([&] {
         while (!looked.load(std::memory_order_relaxed)) sluice::this_fiber::yield();
         touch();
         ch << 1;
       });
       CHECK(!ch.try_get());
       looked.store(true, std::memory_order_relaxed);
       touch();
       a.join();
     }},
    {"a yield orders nothing",
     [] {
       auto a = go(touch);
       for (int i = 0; i < 100; ++i) sluice::this_fiber::yield();
       touch();
       a.join();
     }},
    {"a sleep orders nothing",
     [] {
       auto a = go(touch);
       sluice::this_fiber::sleep_for(1ms);
       touch();
       a.join();
     }},
    {"a timer of a channel orders nothing",
     [] {
       std::atomic<bool> over = false;
       auto a = go([&] {
         touch();
         while (!over.load(std::memory_order_relaxed)) sluice::this_fiber::yield();
       });
       sluice::after(1ms).get();
       touch();
       over.store(true, std::memory_order_relaxed);
       a.join();
     }},
    {"a wait that times out orders nothing",
     [] {
       const channel<int> ch{1};
       auto a = go(touch);
       CHECK(!ch.get_for(1ms));
       touch();
       a.join();
     }},
    {"putters of one channel have nothing to do with each other", [] { two_put(channel<int>{8}); }},
    {"nor do putters of an unbounded one", [] { two_put(channel<int>{}); }},
    {"nor do its getters",
     [] {
       const channel<int> ch{8};
       ch << 1 << 2;
       const auto get = [ch] {
         ch.get();
         touch();
       };
       auto a = go(get);
       auto b = go(get);
       a.join();
       b.join();
     }},
    {"a putter knows nothing of a getter that takes its item, if there is room",
     [] {
       const channel<int> ch;
       auto a = go([ch] {
         touch();
         ch.get();
       });
       sluice::this_fiber::sleep_for(1ms);  // it waits
       ch << 1;
       touch();
       a.join();
     }},
    {"nor of what it does after it has made room",
     [] {
       const channel<int> ch{1};
       ch << 1;
       auto a = go([ch] {
         ch.get();
         touch();
       });
       ch << 2;
       touch();
       a.join();
     }},
    {"a getter that makes room knows nothing of who waits for it",
     [] {
       const channel<int> ch{1};
       ch << 1;
       auto a = go([ch] {
         touch();
         ch << 2;
       });
       sluice::this_fiber::sleep_for(1ms);  // it waits
       ch.get();
       touch();
       a.join();
     }},
    {"a case that was not chosen orders nothing",
     [] {
       const channel<int> a{1}, b{1};
       auto putter = go([a] {
         touch();
         a << 1;
       });
       b << 1;
       sluice::select(sluice::on_get(b, [](int) {}));
       touch();
       putter.join();
     }},
    {"readers of a shared mutex have nothing to do with each other",
     [] {
       sluice::shared_mutex lock;
       const auto read = [&lock] {
         const std::shared_lock guard(lock);
         touch();
       };
       auto a = go(read);
       auto b = go(read);
       a.join();
       b.join();
     }},
    {"a notification without its mutex orders nothing",
     [] {
       sluice::mutex lock;
       sluice::condition_variable told;
       auto a = go([&] {
         std::unique_lock guard(lock);
         told.wait_for(guard, 5s);
         guard.unlock();
         touch();
       });
       sluice::this_fiber::sleep_for(1ms);  // it waits
       touch();
       told.notify_one();
       a.join();
     }},
    {"the lock of a mutex says nothing of what its last holder does later",
     [] {
       sluice::mutex lock;
       auto a = go([&] {
         { const std::lock_guard guard(lock); }
         touch();
       });
       sluice::this_fiber::sleep_for(1ms);
       { const std::lock_guard guard(lock); }
       touch();
       a.join();
     }},
    {"a stop is seen, but what follows the request is not",
     [] {
       auto a = go([] {
         try {
           channel<int>{1}.get();
         } catch (const sluice::cancelled&) {
           touch();
         }
       });
       sluice::this_fiber::sleep_for(1ms);
       a.request_stop();
       touch();
       a.join();
     }},
};

}  // namespace

TEST_CASE("what nothing orders is reported, also on one worker") {
  test::run_all(planted, test::expected::a_race);
}
