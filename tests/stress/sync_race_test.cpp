// The primitives under fire: time limits, stops and destruction at the instant of a hand-over.
//
// At the end of each race all is at rest: what was lent is back, nobody waits, and no wake-up went
// with a waiter that gave up (a strand that waits without a limit would hang).
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "../support/strands.hpp"
#include "../support/sync_rest.hpp"
#include "../support/watch.hpp"
#include "sluice/sluice.hpp"

namespace {

using std::chrono::microseconds;
using test::strands;

constexpr int each = 400 / test::slowness;

/// A limit that is over before, during or after what it is for.
microseconds some_time(test::random& any) { return microseconds(any() % 40); }

void now_and_then_relax(test::random& any) {
  if (any() % 4 == 0) test::relax();
}

template <class Mutex>
void check_free(Mutex& m) {
  test::check_at_rest(m);
  CHECK(m.try_lock());
  m.unlock();
  test::check_at_rest(m);
}

/// Fibers that take turns at `work` until it throws; each is stopped once, at some time, and then
/// replaced, while some strands that nobody stops work on.
template <class Work>
void stop_storm(Work work) {
  sluice::runtime rt{{.workers = 3}};
  test::random any = test::random_for("stops");
  std::atomic<bool> over{false};
  std::atomic<int> fates{0};
  std::vector<sluice::task<void>> steady;
  for (int i = 0; i < 2; ++i) {
    steady.push_back(rt.go([&, mine = test::random(any())]() mutable {
      while (!over) work(mine);
    }));
  }
  std::thread outside([&, mine = test::random(any())]() mutable {
    while (!over) work(mine);
  });
  constexpr int victims = 6;
  std::vector<sluice::task<void>> tasks(victims);
  for (int round = 0; round < each; ++round) {
    test::progress();
    for (auto& task : tasks) {
      if (!task.valid()) {
        task = rt.go([&, mine = test::random(any())]() mutable {
          for (;;) work(mine);
        });
      }
    }
    auto& one = tasks[any() % victims];
    for (auto spins = any() % 2000; spins > 0; --spins) over.load();
    CHECK(one.request_stop());
    CHECK_THROWS_AS(one.join(), sluice::cancelled);
    one = sluice::task<void>();
    ++fates;
  }
  for (auto& task : tasks) {
    if (!task.valid()) continue;
    task.request_stop();
    CHECK_THROWS_AS(task.join(), sluice::cancelled);
  }
  over = true;
  outside.join();
  for (auto& task : steady) task.join();
  tasks.clear();
  test::await([&] { return rt.stats().fibers == 0; });
  CHECK(fates == each);
}

}  // namespace

// ---- mutual exclusion ---------------------------------------------------------------------------

TEST_CASE("strands that lock, try and give up exclude each other and leave the mutex free") {
  test::everywhere([](strands& crowd) {
    sluice::mutex m;
    std::int64_t count = 0;
    std::atomic<std::int64_t> expected{0};
    test::random any = test::random_for("mutex");
    for (int strand = 0; strand < 6; ++strand) {
      crowd.start([&, strand, mine = test::random(any())]() mutable {
        for (int i = 0; i < each; ++i) {
          bool got = true;
          if (strand < 2) {
            m.lock();
          } else {
            got = strand == 2 ? m.try_lock() : m.try_lock_for(some_time(mine));
          }
          if (!got) continue;
          const std::int64_t seen = count;
          now_and_then_relax(mine);
          count = seen + 1;
          m.unlock();
          ++expected;
        }
      });
    }
    crowd.join();
    CHECK(count == expected);
    check_free(m);
  });
}

TEST_CASE("no writer is inside with anybody else, and all get in and out") {
  test::everywhere([](strands& crowd) {
    sluice::shared_mutex m;
    std::atomic<int> readers{0};
    std::atomic<int> writers{0};
    test::random any = test::random_for("shared mutex");
    for (int strand = 0; strand < 7; ++strand) {
      crowd.start([&, strand, mine = test::random(any())]() mutable {
        for (int i = 0; i < each; ++i) {
          bool got = true;
          if (strand % 2 == 0) {
            if (strand == 0) m.lock_shared();
            if (strand == 2) got = m.try_lock_shared();
            if (strand > 2) got = m.try_lock_shared_for(some_time(mine));
            if (!got) continue;
            ++readers;
            CHECK(writers == 0);
            now_and_then_relax(mine);
            CHECK(writers == 0);
            --readers;
            m.unlock_shared();
          } else {
            if (strand == 1) m.lock();
            if (strand == 3) got = m.try_lock();
            if (strand > 3) got = m.try_lock_for(some_time(mine));
            if (!got) continue;
            CHECK(++writers == 1);
            CHECK(readers == 0);
            now_and_then_relax(mine);
            CHECK(readers == 0);
            CHECK(--writers == 0);
            m.unlock();
          }
        }
      });
    }
    crowd.join();
    check_free(m);
    CHECK(m.try_lock_shared());
    m.unlock_shared();
  });
}

// ---- time limits against hand-overs -------------------------------------------------------------

TEST_CASE("permits go past those whose time is over, and none is lost or doubled") {
  test::everywhere([](strands& crowd) {
    sluice::counting_semaphore<> permits(2);
    std::atomic<int> inside{0};
    test::random any = test::random_for("permits");
    for (int strand = 0; strand < 6; ++strand) {
      crowd.start([&, strand, mine = test::random(any())]() mutable {
        for (int i = 0; i < each; ++i) {
          if (strand < 2) {
            permits.acquire();
          } else if (!permits.try_acquire_for(some_time(mine))) {
            continue;
          }
          CHECK(++inside <= 2);
          now_and_then_relax(mine);
          --inside;
          permits.release();
        }
      });
    }
    crowd.join();
    test::check_at_rest(permits, 2);
    CHECK(permits.try_acquire());
    CHECK(permits.try_acquire());
    CHECK(!permits.try_acquire());
  });
}

TEST_CASE("a notify_one that finds a waiter's time over ends the wait of the next") {
  test::everywhere([](strands& crowd) {
    test::random any = test::random_for("conditions");
    sluice::mutex m;
    sluice::condition_variable condition;
    int late = 0;
    for (int round = 0; round < each; ++round) {
      test::progress();
      std::atomic<int> begun{0};
      std::atomic<bool> over{false};
      sluice::cv_status first = sluice::cv_status::timeout;
      crowd.start([&, limit = some_time(any)] {
        std::unique_lock lock(m);
        ++begun;
        first = condition.wait_for(lock, limit);
        over = true;
      });
      test::await([&] { return begun == 1; });
      crowd.start([&] {
        std::unique_lock lock(m);
        ++begun;
        condition.wait(lock);  // no predicate: hangs if it is not notified
      });
      test::await([&] { return begun == 2; });
      if (round % 4 == 0) test::await([&] { return over.load(); });
      for (auto turns = any() % 4; turns > 0; --turns) test::relax();
      {
        const std::lock_guard lock(m);
        condition.notify_one();
      }
      test::await([&] { return over.load(); });
      if (first == sluice::cv_status::no_timeout) {
        condition.notify_one();
      } else {
        ++late;
      }
      crowd.join();
      test::check_at_rest(condition);
      check_free(m);
    }
    CHECK(late > 0);
  });
}

TEST_CASE("a permit that finds a waiter's time over goes to the next") {
  test::everywhere([](strands& crowd) {
    test::random any = test::random_for("permits");
    sluice::counting_semaphore<> permits(0);
    for (int round = 0; round < each; ++round) {
      test::progress();
      std::atomic<int> begun{0};
      std::atomic<bool> over{false};
      bool first = false;
      crowd.start([&, limit = some_time(any)] {
        ++begun;
        first = permits.try_acquire_for(limit);
        over = true;
      });
      test::await([&] { return begun == 1; });
      crowd.start([&] {
        ++begun;
        permits.acquire();
      });
      test::await([&] { return begun == 2; });
      for (auto turns = any() % 4; turns > 0; --turns) test::relax();
      permits.release();
      test::await([&] { return over.load(); });
      if (first) permits.release();
      crowd.join();
      test::check_at_rest(permits, 0);
      CHECK(!permits.try_acquire());
    }
  });
}

TEST_CASE("those who wait for a group with and without a limit all see its end") {
  test::everywhere([](strands& crowd) {
    test::random any = test::random_for("groups");
    for (int round = 0; round < each / 8; ++round) {
      test::progress();
      sluice::wait_group work(3);
      std::atomic<int> done{0};
      for (int i = 0; i < 3; ++i) {
        crowd.start([&] {
          ++done;
          work.done();
        });
        crowd.start([&, i, mine = test::random(any())]() mutable {
          if (i == 0) {
            work.wait();
          } else {
            while (!work.wait_for(some_time(mine))) test::relax();
          }
          CHECK(done == 3);
        });
      }
      crowd.join();
      test::check_at_rest(work);
    }
  });
}

// ---- destruction at the instant of the wake-up --------------------------------------------------

TEST_CASE("whoever was the last to need it may destroy it while its waker is on its way out") {
  test::everywhere([](strands& crowd) {
    test::random any = test::random_for("ends");
    for (int round = 0; round < each; ++round) {
      test::progress();
      // The waiter destroys; the waker finds it waiting, coming, or not there yet.
      auto m = std::make_unique<sluice::mutex>();
      auto shared = std::make_unique<sluice::shared_mutex>();
      auto permits = std::make_unique<sluice::counting_semaphore<>>(0);
      auto latch = std::make_unique<sluice::latch>(1);
      auto group = std::make_unique<sluice::wait_group>(1);
      auto meet = std::make_unique<sluice::barrier<>>(2);
      m->lock();
      shared->lock();
      auto wakes = [&m = *m, &shared = *shared, &permits = *permits, &latch = *latch,
                    &group = *group, &meet = *meet, mine = test::random(any())]() mutable {
        const bool sleeps = mine() % 2 == 0;
        const auto pause = [&] {
          if (sleeps) now_and_then_relax(mine);
        };
        m.unlock();
        pause();
        shared.unlock();
        pause();
        permits.release(2);
        pause();
        latch.count_down();
        pause();
        group.done();
        pause();
        static_cast<void>(meet.arrive());
      };
      crowd.start(std::move(wakes));
      m->lock();
      m->unlock();
      m.reset();
      shared->lock_shared();
      shared->unlock_shared();
      shared.reset();
      permits->acquire();
      permits->acquire();
      permits.reset();
      if (round % 2 == 0) {
        latch->wait();
      } else {
        while (!latch->try_wait()) test::relax();
      }
      latch.reset();
      group->wait();
      group.reset();
      meet->arrive_and_wait();
      meet.reset();
      crowd.join();
    }
  });
}

TEST_CASE("a condition may go as soon as all are notified, also those whose time is just over") {
  test::everywhere([](strands& crowd) {
    test::random any = test::random_for("ends of conditions");
    for (int round = 0; round < each; ++round) {
      test::progress();
      sluice::mutex m;
      auto condition = std::make_unique<sluice::condition_variable>();
      int waiting = 0;
      int late = 0;
      bool ready = false;
      for (int i = 0; i < 2; ++i) {
        crowd.start([&, mine = test::random(any())]() mutable {
          std::unique_lock lock(m);
          if (ready) return;
          ++waiting;
          // Once: when it returns, for whatever reason, the condition may be gone.
          if (condition->wait_for(lock, some_time(mine)) == sluice::cv_status::timeout) ++late;
          --waiting;
        });
      }
      for (auto turns = any() % 3; turns > 0; --turns) test::relax();
      {
        const std::lock_guard lock(m);
        ready = true;
        condition->notify_all();
        condition.reset();
      }
      crowd.join();
      CHECK(waiting == 0);
      check_free(m);
    }
  });
}

// ---- stops --------------------------------------------------------------------------------------

TEST_CASE("after a storm of stops a mutex is free, and no count is lost") {
  sluice::mutex m;
  std::int64_t count = 0;
  std::atomic<std::int64_t> expected{0};
  stop_storm([&](test::random& any) {
    std::unique_lock lock(m, std::defer_lock);
    if (any() % 2 == 0) {
      if (!lock.try_lock_for(std::chrono::hours(1))) return;
    } else {
      lock.lock();
    }
    const std::int64_t seen = count;
    if (any() % 4 == 0) std::this_thread::yield();
    count = seen + 1;
    ++expected;
    lock.unlock();
    sluice::this_fiber::yield();
  });
  CHECK(count == expected);
  check_free(m);
}

TEST_CASE("after a storm of stops a shared mutex is free, and nobody was inside with a writer") {
  sluice::shared_mutex m;
  std::atomic<int> writers{0};
  stop_storm([&](test::random& any) {
    if (any() % 2 == 0) {
      std::shared_lock lock(m, std::chrono::hours(1));
      CHECK(writers == 0);
    } else {
      std::unique_lock lock(m, std::chrono::hours(1));
      CHECK(++writers == 1);
      CHECK(--writers == 0);
    }
    sluice::this_fiber::yield();
  });
  check_free(m);
}

TEST_CASE("after a storm of stops all permits are back") {
  sluice::counting_semaphore<> permits(2);
  stop_storm([&](test::random&) {
    permits.acquire();
    struct gives_back {
      sluice::counting_semaphore<>& permits;
      ~gives_back() { permits.release(); }
    };
    const gives_back guard{permits};
    sluice::this_fiber::yield();
  });
  test::check_at_rest(permits, 2);
  CHECK(permits.try_acquire());
  CHECK(permits.try_acquire());
  CHECK(!permits.try_acquire());
}

TEST_CASE("in a storm of stops no notification is lost to a waiter that was stopped") {
  sluice::mutex m;
  sluice::condition_variable changed;
  int tokens = 1;
  stop_storm([&](test::random&) {
    struct gives_back {
      sluice::mutex& m;
      sluice::condition_variable& changed;
      int& tokens;
      ~gives_back() {
        {
          const std::lock_guard lock(m);
          ++tokens;
        }
        changed.notify_one();
      }
    };
    {
      std::unique_lock lock(m);
      changed.wait(lock, [&] { return tokens > 0; });
      --tokens;
    }
    const gives_back guard{m, changed, tokens};
    sluice::this_fiber::yield();
  });
  CHECK(tokens == 1);
  test::check_at_rest(changed);
  check_free(m);
}
