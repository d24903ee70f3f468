// condition_variable: waiting, notifying, and running out of time.
#include "sluice/condition_variable.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "sluice/mutex.hpp"
#include "sluice/runtime.hpp"
#include "sluice/task.hpp"
#include "support/one_worker.hpp"
#include "support/strands.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using std::chrono::system_clock;
using test::begin;
using test::strands;

using lock = std::unique_lock<sluice::mutex>;

}  // namespace

TEST_CASE("strands hand a turn around with a mutex and a condition") {
  test::everywhere([](strands& crowd) {
    sluice::mutex m;
    sluice::condition_variable changed;
    int turn = 0;
    constexpr int members = 3;
    constexpr int rounds = 200 / test::slowness;
    for (int me = 0; me < members; ++me) {
      crowd.start([&, me] {
        for (int i = 0; i < rounds; ++i) {
          lock guard(m);
          changed.wait(guard, [&] { return turn % members == me; });
          CHECK(guard.owns_lock());
          ++turn;
          changed.notify_all();
        }
      });
    }
    crowd.join();
    CHECK(turn == members * rounds);
  });
}

TEST_CASE("each notify_one ends one wait, in order of arrival; notify_all ends the rest") {
  sluice::runtime rt{{.workers = 1}};
  rt.run([] {
    sluice::mutex m;
    sluice::condition_variable condition;
    std::vector<int> woken;
    std::vector<sluice::task<void>> tasks;
    for (int i = 0; i < 5; ++i) {
      tasks.push_back(begin([&, i] {
        lock guard(m);
        condition.wait(guard);
        woken.push_back(i);
      }));
    }
    const auto are_woken = [&](const std::vector<int>& whom) {
      for (int i = 0; i < 5; ++i) sluice::this_fiber::yield();
      const lock guard(m);  // a yield orders nothing
      return woken == whom;
    };
    condition.notify_one();
    CHECK(are_woken({0}));
    condition.notify_one();
    CHECK(are_woken({0, 1}));
    condition.notify_all();
    for (auto& task : tasks) task.join();
    CHECK(woken.size() == 5);
    condition.notify_one();  // nobody: it is not kept for the next
    condition.notify_all();
    lock guard(m);
    CHECK(condition.wait_for(guard, 1ms) == sluice::cv_status::timeout);
  });
}

TEST_CASE("a wait with a time limit says how it ended, with the mutex locked") {
  test::everywhere([](strands& crowd) {
    sluice::mutex m;
    sluice::condition_variable condition;
    bool ready = false;
    crowd.start([&] {
      lock guard(m);
      const auto begin = steady_clock::now();
      CHECK(condition.wait_for(guard, 2ms) == sluice::cv_status::timeout);
      CHECK(steady_clock::now() - begin >= 2ms);
      CHECK(guard.owns_lock());
      CHECK(!m.try_lock());
      const auto at = system_clock::now() + 1ms;
      CHECK(condition.wait_until(guard, at) == sluice::cv_status::timeout);
      CHECK(system_clock::now() >= at);
      CHECK(!condition.wait_for(guard, 1ms, [&] { return ready; }));
      CHECK(!condition.wait_until(guard, steady_clock::now(), [&] { return ready; }));
      CHECK(condition.wait_for(guard, -1s, [] { return true; }));
      CHECK(condition.wait_until(guard, system_clock::now() + 1h, [] { return true; }));
    });
    crowd.join();
    std::atomic<bool> waits{false};
    crowd.start([&] {
      lock guard(m);
      waits = true;
      while (!ready) CHECK(condition.wait_for(guard, 1h) == sluice::cv_status::no_timeout);
      CHECK(condition.wait_for(guard, 1h, [&] { return ready; }));
    });
    test::await([&] { return waits.load(); });
    {
      const std::lock_guard guard(m);  // only when the other one waits
      ready = true;
    }
    condition.notify_one();
    crowd.join();
  });
}

TEST_CASE("a wait without the mutex is refused in words") {
  sluice::mutex m;
  sluice::condition_variable condition;
  lock guard(m, std::defer_lock);
  CHECK_THROWS_AS(condition.wait(guard), std::logic_error);
  CHECK_THROWS_AS(condition.wait_for(guard, 1ms), std::logic_error);
  lock none;
  CHECK_THROWS_AS(condition.wait(none), std::logic_error);
}

TEST_CASE("a condition may be destroyed when all have been notified, before they have returned") {
  test::everywhere([](strands& crowd) {
    for (int round = 0; round < 20; ++round) {
      test::progress();
      sluice::mutex m;
      auto condition = std::make_unique<sluice::condition_variable>();
      int waiting = 0;
      for (int i = 0; i < 3; ++i) {
        crowd.start([&, i] {
          lock guard(m);
          ++waiting;
          i == 0 ? static_cast<void>(condition->wait_for(guard, 1h)) : condition->wait(guard);
        });
      }
      lock guard(m);
      while (waiting < 3) {
        guard.unlock();
        test::relax();
        guard.lock();
      }
      condition->notify_all();
      condition.reset();
      guard.unlock();
      crowd.join();
    }
  });
}
