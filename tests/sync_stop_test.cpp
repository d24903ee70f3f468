// Stops and forks beside the primitives: which waits they end, which not, and what is left behind.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/asleep.hpp"
#include "support/fork.hpp"
#include "support/one_worker.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
using test::begin;
using test::on_one_worker;

/// One of each, all such that a strand must wait.
struct things {
  sluice::mutex mutex;
  sluice::shared_mutex shared;
  sluice::mutex outer;
  sluice::condition_variable condition;
  sluice::counting_semaphore<> permits{0};
  sluice::latch latch{1};
  sluice::wait_group group{1};
  sluice::barrier<> barrier{3};
  bool ready = false;

  things() {
    mutex.lock();
    shared.lock();
  }
  /// Lets everybody go on.
  void open() {
    mutex.unlock();
    shared.unlock();
    {
      const std::lock_guard guard(outer);
      ready = true;
    }
    condition.notify_all();
    permits.release(100);
    latch.count_down();
    group.done();
    for (int i = 0; i < 2; ++i) static_cast<void>(barrier.arrive());
  }
};

struct wait_of {
  const char* name;
  void (*call)(things&);
};

using lock = std::unique_lock<sluice::mutex>;

std::chrono::steady_clock::time_point in_an_hour() { return std::chrono::steady_clock::now() + 1h; }

/// A stop ends these.
constexpr wait_of stoppable[] = {
    {"try_lock_for",
     [](things& t) {
       if (t.mutex.try_lock_for(1h)) t.mutex.unlock();
     }},
    {"try_lock_until",
     [](things& t) {
       if (t.mutex.try_lock_until(std::chrono::system_clock::now() + 1h)) t.mutex.unlock();
     }},
    {"try_lock_for of a shared mutex",
     [](things& t) {
       if (t.shared.try_lock_for(1h)) t.shared.unlock();
     }},
    {"try_lock_until of a shared mutex",
     [](things& t) {
       if (t.shared.try_lock_until(in_an_hour())) t.shared.unlock();
     }},
    {"try_lock_shared_for",
     [](things& t) {
       if (t.shared.try_lock_shared_for(1h)) t.shared.unlock_shared();
     }},
    {"try_lock_shared_until",
     [](things& t) {
       if (t.shared.try_lock_shared_until(in_an_hour())) t.shared.unlock_shared();
     }},
    {"wait of a condition",
     [](things& t) {
       lock guard(t.outer);
       while (!t.ready) {
         try {
           t.condition.wait(guard);
         } catch (...) {
           CHECK(guard.owns_lock());
           CHECK(!t.outer.try_lock());
           throw;
         }
       }
       t.condition.wait(guard, [&] { return t.ready; });
     }},
    {"wait of a condition with a predicate",
     [](things& t) {
       lock guard(t.outer);
       t.condition.wait(guard, [&] { return t.ready; });
     }},
    {"wait_for of a condition",
     [](things& t) {
       lock guard(t.outer);
       static_cast<void>(t.condition.wait_for(guard, 1h, [&] { return t.ready; }));
     }},
    {"wait_until of a condition, without a predicate",
     [](things& t) {
       lock guard(t.outer);
       while (!t.ready) static_cast<void>(t.condition.wait_until(guard, in_an_hour()));
       static_cast<void>(t.condition.wait_until(guard, in_an_hour(), [&] { return t.ready; }));
     }},
    {"acquire",
     [](things& t) {
       t.permits.acquire();
       t.permits.release();
     }},
    {"try_acquire_for",
     [](things& t) {
       if (t.permits.try_acquire_for(1h)) t.permits.release();
     }},
    {"try_acquire_until",
     [](things& t) {
       if (t.permits.try_acquire_until(std::chrono::system_clock::now() + 1h)) t.permits.release();
     }},
    {"wait of a latch", [](things& t) { t.latch.wait(); }},
    {"wait of a group", [](things& t) { t.group.wait(); }},
    {"wait_for of a group", [](things& t) { static_cast<void>(t.group.wait_for(1h)); }},
    {"wait_until of a group",
     [](things& t) { static_cast<void>(t.group.wait_until(in_an_hour())); }},
};

/// A stop does not.
constexpr wait_of steadfast[] = {
    {"lock", [](things& t) { const std::lock_guard guard(t.mutex); }},
    {"lock of a shared mutex", [](things& t) { const std::lock_guard guard(t.shared); }},
    {"lock_shared", [](things& t) { const std::shared_lock guard(t.shared); }},
    {"arrive_and_wait of a latch", [](things& t) { t.latch.arrive_and_wait(0); }},
    {"arrive_and_wait of a barrier", [](things& t) { t.barrier.arrive_and_wait(); }},
    {"wait of a barrier", [](things& t) { t.barrier.wait(t.barrier.arrive()); }},
};

void check_at_rest(things& t) {
  CHECK(t.mutex.try_lock());
  CHECK(t.shared.try_lock());
  CHECK(t.outer.try_lock());
  int permits = 0;
  while (t.permits.try_acquire()) ++permits;
  CHECK(permits == 100);
}

}  // namespace

TEST_CASE(
    "a stop ends a wait that may throw `cancelled`, and the others go on as if it was never") {
  on_one_worker([] {
    for (const wait_of& wait : stoppable) {
      const test::situation now(wait.name);
      things t;
      auto stopped = begin([&] { wait.call(t); });
      auto stays = begin([&] { wait.call(t); });
      CHECK(stopped.request_stop());
      CHECK_THROWS_AS(stopped.join(), sluice::cancelled);
      t.open();
      stays.join();
      check_at_rest(t);
    }
  });
}

TEST_CASE("a stop that came before ends a wait also where it would not have to wait") {
  on_one_worker([] {
    for (const wait_of& wait : stoppable) {
      const test::situation now(wait.name);
      things t;
      t.open();
      auto stopped = sluice::go([&] { wait.call(t); });
      CHECK(stopped.request_stop());
      CHECK_THROWS_AS(stopped.join(), sluice::cancelled);
      check_at_rest(t);
    }
  });
}

TEST_CASE("a stop does not end a wait for a mutex or at a barrier, also one that came before") {
  on_one_worker([] {
    for (const wait_of& wait : steadfast) {
      const test::situation now(wait.name);
      for (const bool before : {false, true}) {
        things t;
        bool over = false;
        bool stays_stopped = false;
        const auto body = [&] {
          wait.call(t);
          over = true;
          try {
            sluice::this_fiber::yield();
          } catch (const sluice::cancelled&) {
            stays_stopped = true;
          }
        };
        auto task = before ? sluice::go(body) : begin(body);
        CHECK(task.request_stop());
        for (int i = 0; i < 10; ++i) sluice::this_fiber::yield();
        CHECK(!over);
        t.open();
        task.join();
        CHECK(over);
        CHECK(stays_stopped);
      }
    }
  });
}

TEST_CASE("what never waits obeys no stop") {
  on_one_worker([] {
    things t;
    t.open();
    auto task = sluice::go([&] {
      CHECK(sluice::this_fiber::stop_requested());
      CHECK(t.mutex.try_lock());
      t.mutex.unlock();
      CHECK(t.shared.try_lock_shared());
      t.shared.unlock_shared();
      CHECK(t.permits.try_acquire());
      t.permits.release();
      CHECK(t.latch.try_wait());
      t.group.add();
      t.group.done();
      t.condition.notify_one();
      t.condition.notify_all();
      sluice::latch one(1);
      one.count_down();
      static_cast<void>(t.barrier.arrive());
      t.barrier.arrive_and_drop();
    });
    CHECK(task.request_stop());
    task.join();
    check_at_rest(t);
  });
}

TEST_CASE("no wait throws while an exception unwinds the stack") {
  on_one_worker([] {
    for (const wait_of& wait : stoppable) {
      const test::situation now(wait.name);
      things t;
      struct waits_at_its_end {
        things& t;
        const wait_of& wait;
        bool& over;
        ~waits_at_its_end() {
          wait.call(t);
          over = true;
        }
      };
      bool over = false;
      auto task = begin([&] {
        const waits_at_its_end guard{t, wait, over};
        throw std::runtime_error("the reason");
      });
      CHECK(task.request_stop());
      for (int i = 0; i < 10; ++i) sluice::this_fiber::yield();
      CHECK(!over);
      t.open();
      CHECK_THROWS_AS(task.join(), std::runtime_error);
      CHECK(over);
    }
  });
}

TEST_CASE("the end of a runtime ends the waits that a stop ends, and waits for the others") {
  for (const wait_of& wait : stoppable) {
    const test::situation now(wait.name);
    things t;
    {
      sluice::runtime rt{{.workers = 2}};
      for (int i = 0; i < 4; ++i) rt.go([&] { wait.call(t); });
    }
    t.open();
    check_at_rest(t);
  }
  for (const wait_of& wait : steadfast) {
    const test::situation now(wait.name);
    things t;
    std::atomic<int> over{0};
    {
      sluice::runtime rt{{.workers = 2}};
      rt.go([&] {
        wait.call(t);
        ++over;
      });
      rt.go([&] {
        while (!sluice::this_fiber::stop_requested()) {
          try {
            sluice::this_fiber::yield();
          } catch (const sluice::cancelled&) {
          }
        }
        CHECK(over == 0);
        t.open();
      });
    }
    CHECK(over == 1);
  }
}

TEST_CASE("a stop that came before a condition's wait throws before the mutex is let go") {
  on_one_worker([] {
    sluice::mutex m;
    sluice::condition_variable condition;
    const sluice::channel<int> go{1};
    bool others_came_in = false;
    bool seen = true;
    auto stopped = begin([&] {
      lock guard(m);
      static_cast<void>(go.get());
      try {
        condition.wait(guard);
      } catch (const sluice::cancelled&) {
        seen = others_came_in;
        throw;
      }
    });
    auto other = begin([&] {
      const std::lock_guard guard(m);
      others_came_in = true;
    });
    go.put(1);  // it has its item: the stop comes after that, and before it runs again
    CHECK(stopped.request_stop());
    CHECK_THROWS_AS(stopped.join(), sluice::cancelled);
    other.join();
    CHECK(!seen);
    CHECK(others_came_in);
  });
}

TEST_CASE("a stopped owner lets the mutex go to the next as its stack unwinds") {
  on_one_worker([] {
    sluice::mutex m;
    const sluice::channel<int> never{1};
    auto owner = begin([&] {
      const std::lock_guard guard(m);
      never.get();
    });
    bool got = false;
    auto next = begin([&] {
      const std::lock_guard guard(m);
      got = true;
    });
    CHECK(!got);
    CHECK(owner.request_stop());
    CHECK_THROWS_AS(owner.join(), sluice::cancelled);
    next.join();
    CHECK(got);
  });
}

// ---- plain threads -------------------------------------------------------------------------------

namespace {

/// A plain thread that waits within with_stop, and then says how that ended.
class stoppable_thread {
 public:
  stoppable_thread(const wait_of& wait, things& t, std::stop_token token = {})
      : thread_([this, &wait, &t, token = std::move(token)] {
          id_ = ::gettid();
          try {
            sluice::with_stop(token, [&] {
              wait.call(t);
              over_ = true;
              sluice::this_fiber::sleep_for(0s);
            });
          } catch (const sluice::cancelled&) {
            cancelled_ = true;
          }
        }) {}

  void await_asleep() const { test::await_asleep(id_); }
  [[nodiscard]] bool over() const { return over_; }
  /// Was its wait cancelled, or the one that came after?
  [[nodiscard]] bool join_cancelled() {
    thread_.join();
    return cancelled_;
  }

 private:
  test::thread_number id_{0};
  std::atomic<bool> over_{false};
  bool cancelled_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE(
    "on a plain thread a token of with_stop ends the waits that a stop ends, and no other's") {
  for (const wait_of& wait : stoppable) {
    const test::situation now(wait.name);
    test::progress();
    things t;
    std::stop_source source;
    stoppable_thread stopped(wait, t, source.get_token());
    stopped.await_asleep();
    stoppable_thread stays(wait, t);
    stays.await_asleep();
    source.request_stop();
    CHECK(stopped.join_cancelled());
    CHECK(!stopped.over());
    CHECK(!stays.over());
    t.open();
    CHECK(!stays.join_cancelled());
    CHECK(stays.over());
    check_at_rest(t);
  }
}

TEST_CASE("a token that is stopped already ends them also where a thread would not have to wait") {
  for (const wait_of& wait : stoppable) {
    const test::situation now(wait.name);
    things t;
    t.open();
    std::stop_source source;
    source.request_stop();
    stoppable_thread stopped(wait, t, source.get_token());
    CHECK(stopped.join_cancelled());
    CHECK(!stopped.over());
    check_at_rest(t);
  }
}

TEST_CASE("no token ends a thread's wait for a mutex or at a barrier") {
  for (const wait_of& wait : steadfast) {
    const test::situation now(wait.name);
    for (const bool before : {false, true}) {
      test::progress();
      things t;
      std::stop_source source;
      if (before) source.request_stop();
      stoppable_thread thread(wait, t, source.get_token());
      thread.await_asleep();
      source.request_stop();
      thread.await_asleep();
      CHECK(!thread.over());
      t.open();
      CHECK(thread.join_cancelled());  // in what comes after
      CHECK(thread.over());
    }
  }
}

// ---- forks --------------------------------------------------------------------------------------

namespace {

/// In the child: waits are refused, what never waits works or does nothing, and all of it ends.
int use_in_child(things& t) {
  for (const auto& all : {std::pair{std::begin(stoppable), std::end(stoppable)},
                          std::pair{std::begin(steadfast), std::end(steadfast)}}) {
    for (const wait_of* wait = all.first; wait != all.second; ++wait) {
      try {
        wait->call(t);
        return 1;
      } catch (const std::logic_error& error) {
        if (std::strstr(error.what(), "fork") == nullptr) return 2;
      } catch (...) {
        return 3;
      }
    }
  }
  if (t.mutex.try_lock() || t.shared.try_lock_shared() || t.permits.try_acquire()) return 4;
  t.open();
  // Free now: these need not wait.
  if (!t.mutex.try_lock() || !t.shared.try_lock() || !t.permits.try_acquire()) return 5;
  t.mutex.unlock();
  t.mutex.lock();
  if (!t.latch.try_wait()) return 6;
  return 0;
}

}  // namespace

TEST_CASE("in a forked child waits are refused, and nothing hangs" * test::unless_forks_hang()) {
  for (int round = 0; round < 20 / test::slowness; ++round) {
    test::progress();
    things t;
    sluice::runtime rt{{.workers = 2}};
    std::vector<sluice::task<void>> tasks;
    // Some wait, some come and go: the child may find any internal lock held.
    for (const wait_of& wait : stoppable) tasks.push_back(rt.go([&] { wait.call(t); }));
    std::atomic<bool> over{false};
    for (int i = 0; i < 2; ++i) {
      tasks.push_back(rt.go([&] {
        while (!over) {
          static_cast<void>(t.mutex.try_lock_for(1us));
          static_cast<void>(t.shared.try_lock_for(1us));
          static_cast<void>(t.permits.try_acquire_for(1us));
          static_cast<void>(t.group.wait_for(1us));
          lock guard(t.outer);
          static_cast<void>(t.condition.wait_for(guard, 1us));
          t.condition.notify_one();
        }
      }));
    }
    // Where nobody else is in the child: whoever holds `outer` there never lets it go.
    lock outer(t.outer);
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::alarm(20 * test::slowness);
      outer.unlock();
      ::_exit(use_in_child(t));
    }
    outer.unlock();
    REQUIRE(pid > 0);
    int how = 0;
    REQUIRE(::waitpid(pid, &how, 0) == pid);
    CHECK(WIFEXITED(how));
    CHECK(WEXITSTATUS(how) == 0);
    over = true;
    tasks[tasks.size() - 1].join();
    tasks[tasks.size() - 2].join();
    t.open();
    for (auto& task : tasks) {
      if (task.valid() && !task.done()) task.join();
    }
  }
}
