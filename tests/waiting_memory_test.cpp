// Waiting never allocates: no operation asks for memory while its strand waits or is woken.
#include <doctest/doctest.h>

#include <chrono>
#include <mutex>
#include <shared_mutex>

#include "sluice/barrier.hpp"
#include "sluice/channel.hpp"
#include "sluice/condition_variable.hpp"
#include "sluice/latch.hpp"
#include "sluice/mutex.hpp"
#include "sluice/semaphore.hpp"
#include "sluice/shared_mutex.hpp"
#include "sluice/wait_group.hpp"
#include "support/allocations.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::status;
using test::number;
using test::shape;
using test::strands;

/// A strand that gets in every way; `step` says how far it is.
void get_in_every_way(const channel<number>& ch, std::atomic<int>& step) {
  number item = 0;
  CHECK(ch.get() == 0);
  CHECK(static_cast<bool>(ch >> item));
  CHECK(ch.get_for(1h).status() == status::ok);
  CHECK(ch.get_until(std::chrono::system_clock::now() + 1h).status() == status::ok);
  CHECK(ch.get_for(1ms).status() == status::timed_out);
  step = 1;
  for (const number next : ch) CHECK(next == 4);
  step = 2;
}

/// A strand that puts in every way into a full channel.
void put_in_every_way(const channel<number>& ch, std::atomic<int>& step) {
  ch.put(0);
  ch << 1;
  CHECK(ch.put_for(2, 1h) == status::ok);
  CHECK(ch.put_until(3, std::chrono::system_clock::now() + 1h) == status::ok);
  CHECK(ch.put_for(4, 1ms) == status::timed_out);
  step = 1;
  CHECK(ch.put_for(4, 1h) == status::closed);
  step = 2;
}

}  // namespace

TEST_CASE("getters that wait, are served, run out of time or see the end ask for no memory" *
          doctest::skip(!test::counts_memory)) {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> ch = what.make<number>();
    std::atomic<int> step{-1};
    crowd.start([=, &step] {
      test::await([&] { return step == 0; });
      get_in_every_way(ch, step);
    });
    const std::int64_t before = test::allocations;
    step = 0;
    const auto put_to_waiting = [&](number n) {
      test::await([&] { return ch.empty() && test::getters_waiting(ch) == 1; });
      CHECK(ch.try_put(n) == status::ok);
    };
    for (number i = 0; i < 4; ++i) put_to_waiting(i);
    test::await([&] { return step == 1; });
    put_to_waiting(4);
    test::await([&] { return ch.empty() && test::getters_waiting(ch) == 1; });
    ch.close();
    test::await([&] { return step == 2; });
    CHECK(test::allocations == before);
  });
}

TEST_CASE("putters that wait, are served, run out of time or see the close ask for no memory" *
          doctest::skip(!test::counts_memory)) {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (!what.can_fill()) return;
    const channel<number> ch = what.make<number>();
    for (std::size_t i = 0; i < what.capacity; ++i) ch.put(-1);
    std::atomic<int> step{-1};
    crowd.start([=, &step] {
      test::await([&] { return step == 0; });
      put_in_every_way(ch, step);
    });
    const std::int64_t before = test::allocations;
    step = 0;
    for (int i = 0; i < 4; ++i) {
      test::await([&] { return ch.full() && test::putters_waiting(ch) == 1; });
      CHECK(ch.try_get().status() == status::ok);
    }
    test::await([&] { return step == 1; });
    test::await([&] { return test::putters_waiting(ch) == 1; });
    ch.close();
    test::await([&] { return step == 2; });
    CHECK(test::allocations == before);
  });
}

TEST_CASE("a join that waits asks for no memory" * doctest::skip(!test::counts_memory)) {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<number> ch = what.make<number>();
    std::atomic<bool> go{false};
    std::atomic<bool> done{false};
    crowd.start([=, &go, &done] {
      test::await([&] { return go.load(); });
      ch.join();
      CHECK(ch.join_for(1h));
      done = true;
    });
    const std::int64_t before = test::allocations;
    go = true;
    test::await([&] { return test::joiners_waiting(ch) == 1; });
    ch.close();
    test::await([&] { return done.load(); });
    CHECK(test::allocations == before);
  });
}

TEST_CASE("a bounded and a rendezvous channel that are in use ask for no memory at all" *
          doctest::skip(!test::counts_memory)) {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (what.is_unbounded()) return;
    const channel<number> ch = what.make<number>();
    std::atomic<bool> go{false};
    std::atomic<bool> done{false};
    crowd.start([=, &go, &done] {
      test::await([&] { return go.load(); });
      for (number i = 0; i < 2000; ++i) ch << i;
      ch.close();
      done = true;
    });
    const std::int64_t before = test::allocations;
    go = true;
    number next = 0;
    for (const number item : ch) next += item == next ? 1 : 0;
    CHECK(next == 2000);
    test::await([&] { return done.load(); });
    CHECK(test::allocations == before);
  });
}

TEST_CASE("waiting for a mutex, a condition, a permit or a count asks for no memory" *
          doctest::skip(!test::counts_memory)) {
  test::everywhere([](strands& crowd) {
    sluice::mutex m;
    sluice::shared_mutex shared;
    sluice::condition_variable condition;
    sluice::counting_semaphore<> permits(0);
    sluice::latch latch(1);
    sluice::wait_group group(1);
    sluice::barrier<> meet(2);
    bool ready = false;
    std::atomic<int> step{-1};
    m.lock();
    shared.lock();
    crowd.start([&] {
      test::await([&] { return step == 0; });
      CHECK(!m.try_lock_for(1ms));
      CHECK(!shared.try_lock_for(1ms));
      CHECK(!shared.try_lock_shared_for(1ms));
      CHECK(!permits.try_acquire_for(1ms));
      CHECK(!group.wait_for(1ms));
      step = 1;
      std::unique_lock lock(m);
      step = 2;
      condition.wait(lock, [&] { return ready; });
      CHECK(condition.wait_for(lock, 1ms) == sluice::cv_status::timeout);
      shared.lock_shared();
      shared.unlock_shared();
      step = 3;
      permits.acquire();
      step = 4;
      latch.wait();
      step = 5;
      group.wait();
      step = 6;
      meet.arrive_and_wait();
      step = 7;
    });
    const std::int64_t before = test::allocations;
    // Some turns, so that the other one waits; nothing depends on it.
    const auto when = [&](int reached) {
      test::await([&] { return step == reached; });
      for (int i = 0; i < 20; ++i) test::relax();
    };
    step = 0;
    when(1);
    m.unlock();
    when(2);
    {
      const std::lock_guard lock(m);
      ready = true;
    }
    condition.notify_all();
    shared.unlock();
    when(3);
    permits.release();
    when(4);
    latch.count_down();
    when(5);
    group.done();
    when(6);
    meet.arrive_and_wait();
    when(7);
    CHECK(test::allocations == before);
  });
}
