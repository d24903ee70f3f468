// Channels that are at home with a worker, whose fibers claim plainly; and guests, who end that with
// a barrier in all threads of the process.
#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "base/process_barrier.hpp"
#include "sluice/detail/base/owner.hpp"
#include "sluice/sluice.hpp"
#include "support/barriers.hpp"
#include "support/watch.hpp"

namespace {

using sluice::channel;
using sluice::close_on_exit;
using sluice::go;
using sluice::detail::channel_core;
using sluice::detail::handle_access;

template <class T>
channel_core& core_of(const channel<T>& ch) {
  return handle_access::core(ch, "look");
}

/// Without a barrier in all threads no channel ever comes home.
bool can_come_home() { return sluice::detail::has_process_barrier(); }

/// What the fibers of a worker do until the channel is at home there, or says that it will not be.
bool exchange_until_at_home(const channel<int>& ch) {
  const channel<int> back{1};
  const int most = 100'000;
  auto other = go([&] {
    for (int item = 0; ch >> item && item > 0;) back << item;
  });
  bool at_home = false;
  for (int i = 1; i <= most && !at_home; ++i) {
    ch << i;
    back.get();
    at_home = core_of(ch).is_at_home_here();
  }
  ch << 0;
  other.join();
  return at_home;
}

std::vector<channel<int>> one_of_each() {
  return {channel<int>{1}, channel<int>{5}, channel<int>{sluice::unbounded},
          channel<int>{sluice::rendezvous}};
}

}  // namespace

TEST_CASE("a channel comes home to a worker whose fibers alone use it, and leaves with a guest") {
  sluice::runtime rt{{.workers = 1}};
  for (const channel<int>& ch : one_of_each()) {
    CAPTURE(ch.capacity());
    CHECK(rt.run([&] { return exchange_until_at_home(ch); }) == can_come_home());
    const int before = test::barrier_calls;
    CHECK(ch.try_get().status() == sluice::status::empty);  // by this thread
    CHECK(test::barrier_calls == before + (can_come_home() ? 1 : 0));
    CHECK_FALSE(rt.run([&] { return core_of(ch).is_at_home_here(); }));
    CHECK(ch.try_get().status() == sluice::status::empty);
    CHECK(test::barrier_calls == before + (can_come_home() ? 1 : 0));
  }
}

TEST_CASE("what looks at a channel without taking anything leaves it at home") {
  sluice::runtime rt{{.workers = 1}};
  for (const channel<int>& ch : one_of_each()) {
    CHECK(rt.run([&] { return exchange_until_at_home(ch); }) == can_come_home());
    const int before = test::barrier_calls;
    CHECK(ch.empty());
    CHECK_FALSE(ch.closed());
    CHECK_FALSE(ch.drained());
    CHECK(test::barrier_calls == before);
    CHECK(rt.run([&] { return core_of(ch).is_at_home_here(); }) == can_come_home());
  }
}

TEST_CASE("between an owner that moves in again and again and its guests nothing is lost") {
  const int rounds = 3000 / test::slowness;
  for (const int workers : {1, 2}) {
    sluice::runtime rt{{.workers = workers}};
    for (const channel<int>& ch : one_of_each()) {
      CAPTURE(workers);
      CAPTURE(ch.capacity());
      std::atomic<long> sum{0};
      std::atomic<int> count{0};
      const auto put_all = [&](int first) {
        for (int i = 0; i < rounds; ++i) ch << first + i;
      };
      const auto get_all = [&] {
        for (const int item : ch) {
          sum += item;
          ++count;
        }
      };
      // Each operation of a fiber may find the channel at home there, elsewhere or nowhere.
      const auto move_in_often = [&](const auto& work) {
        return [&, work] {
          auto mover = go([&] {
            while (!ch.closed()) {
              core_of(ch).move_in();
              sluice::this_fiber::yield();
            }
          });
          work();
          mover.join();
        };
      };
      std::thread guest_putter([&] { put_all(1); });
      std::thread guest_getter(get_all);
      rt.run([&] {
        auto getter = go(get_all);
        auto owner = go(move_in_often([] {}));
        auto putter = go([&] { put_all(1); });
        putter.join();
        sluice::blocking([&] { guest_putter.join(); });
        ch.close();
        getter.join();
        owner.join();
      });
      guest_getter.join();
      CHECK(count == 2 * rounds);
      CHECK(sum == static_cast<long>(rounds) * (rounds + 1));
    }
  }
}

TEST_CASE("a guest ends the stay of a worker that has ended") {
  const channel<int> ch{3};
  {
    sluice::runtime rt{{.workers = 1}};
    CHECK(rt.run([&] { return exchange_until_at_home(ch); }) == can_come_home());
    rt.run([&] { ch << 7; });
  }
  CHECK(ch.get() == 7);
  sluice::runtime another{{.workers = 1}};  // has the same number, perhaps
  CHECK(another.run([&] { return exchange_until_at_home(ch); }) == can_come_home());
  another.run([&] { ch << 8; });
  CHECK(ch.get() == 8);
}

TEST_CASE("numbers of owners end; who has none is never at home") {
  const int many = 600;
  std::vector<std::thread> threads;
  std::atomic<int> owners{0};
  std::latch all(many);
  for (int i = 0; i < many; ++i) {
    threads.emplace_back([&] {
      const sluice::detail::ownership mine;
      owners += sluice::detail::this_owner().number != 0;
      all.arrive_and_wait();
    });
  }
  for (std::thread& one : threads) one.join();
  CHECK(owners > 100);
  CHECK(owners < many);
  const sluice::detail::ownership again;
  CHECK(sluice::detail::this_owner().number != 0);
}

// Last: from here on no channel comes home any more.
TEST_CASE("a guest gets in where the barrier is refused by now, and no channel comes home again") {
  sluice::runtime rt{{.workers = 1}};
  const channel<int> ch{1};
  CHECK(rt.run([&] { return exchange_until_at_home(ch); }) == can_come_home());
  test::barriers_are_refused = true;
  CHECK(ch.try_get().status() == sluice::status::empty);
  CHECK_FALSE(rt.run([&] { return exchange_until_at_home(ch); }));
  test::barriers_are_refused = false;
}
