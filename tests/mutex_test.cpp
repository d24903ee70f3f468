// mutex and shared_mutex: who holds them, who waits, and who is next.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "sluice/mutex.hpp"
#include "sluice/runtime.hpp"
#include "sluice/shared_mutex.hpp"
#include "sluice/task.hpp"
#include "support/one_worker.hpp"
#include "support/strands.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using std::chrono::system_clock;
using test::begin;
using test::on_one_worker;
using test::strands;

/// No lock of this program fails for a good reason: what cannot be had is held by somebody.
template <class Mutex>
bool is_held(Mutex& m) {
  if (!m.try_lock()) return true;
  m.unlock();
  return false;
}

constinit sluice::mutex made_by_the_compiler;

template <class Mutex>
void keep_apart(strands& crowd) {
  Mutex m;
  int count = 0;
  bool inside = false;
  constexpr int each = 1000 / test::slowness;
  for (int strand = 0; strand < 4; ++strand) {
    crowd.start([&, strand] {
      for (int i = 0; i < each; ++i) {
        const std::lock_guard guard(m);
        CHECK(!inside);
        inside = true;
        const int seen = count;
        if (i % 16 == strand) test::relax();
        count = seen + 1;
        inside = false;
      }
    });
  }
  crowd.join();
  CHECK(count == 4 * each);
  CHECK(!is_held(m));
}

/// Which strand gets it next, of those that wait in order.
template <class Mutex>
void check_times(strands& crowd) {
  Mutex m;
  CHECK(m.try_lock_for(0s));
  crowd.start([&] {
    CHECK(!m.try_lock());
    CHECK(!m.try_lock_for(-1s));
    const auto begin = steady_clock::now();
    CHECK(!m.try_lock_for(2ms));
    CHECK(steady_clock::now() - begin >= 2ms);
    const auto at = system_clock::now() + 2ms;
    CHECK(!m.try_lock_until(at));
    CHECK(system_clock::now() >= at);
    CHECK(!m.try_lock_until(steady_clock::time_point::min()));
  });
  crowd.join();
  std::atomic<bool> got{false};
  std::atomic<bool> waits{false};
  crowd.start([&] {
    waits = true;
    CHECK(m.try_lock_for(1h));
    got = true;
    m.unlock();
    CHECK(m.try_lock_until(system_clock::now() + std::chrono::hours(1)));
    m.unlock();
    CHECK(m.try_lock_until(steady_clock::time_point::max()));
    m.unlock();
    CHECK(m.try_lock_for(std::chrono::duration<double>::max()));
    m.unlock();
  });
  test::await([&] { return waits.load(); });
  for (int i = 0; i < 10; ++i) test::relax();
  CHECK(!got);
  m.unlock();
  crowd.join();
  CHECK(got);
  CHECK(!is_held(m));
}

}  // namespace

TEST_CASE("a mutex works with the guards of the standard library") {
  const std::lock_guard first(made_by_the_compiler);
  CHECK(is_held(made_by_the_compiler));
  sluice::mutex a;
  sluice::mutex b;
  {
    const std::scoped_lock both(a, b);
    CHECK(is_held(a));
    CHECK(is_held(b));
  }
  {
    std::unique_lock lock(a, std::defer_lock);
    CHECK(lock.try_lock());
    lock.unlock();
    CHECK(lock.try_lock_for(1h));
    lock.unlock();
    CHECK(lock.try_lock_until(steady_clock::now()));
  }
  CHECK(!is_held(a));
  CHECK(!is_held(b));
}

TEST_CASE("a shared mutex works with the guards of the standard library") {
  sluice::shared_mutex m;
  {
    const std::shared_lock one(m);
    std::shared_lock other(m, std::defer_lock);
    CHECK(other.try_lock());
    CHECK(is_held(m));
    other.unlock();
    CHECK(other.try_lock_for(1h));
    other.unlock();
    CHECK(other.try_lock_until(steady_clock::now()));
    CHECK(is_held(m));
  }
  CHECK(!is_held(m));
  const std::unique_lock alone(m);
  CHECK(!m.try_lock_shared());
}

TEST_CASE("one strand at a time holds a mutex") {
  test::everywhere([](strands& crowd) { keep_apart<sluice::mutex>(crowd); });
}

TEST_CASE("one writer at a time holds a shared mutex") {
  test::everywhere([](strands& crowd) { keep_apart<sluice::shared_mutex>(crowd); });
}

TEST_CASE("a lock with a time limit ends in time, and takes what is free without any") {
  test::everywhere([](strands& crowd) { check_times<sluice::mutex>(crowd); });
}

TEST_CASE("a writer's lock with a time limit ends in time, and takes what is free without any") {
  test::everywhere([](strands& crowd) { check_times<sluice::shared_mutex>(crowd); });
}

TEST_CASE("a reader's lock with a time limit ends in time, and takes what is free without any") {
  test::everywhere([](strands& crowd) {
    sluice::shared_mutex m;
    m.lock();
    crowd.start([&] {
      CHECK(!m.try_lock_shared());
      const auto begin = steady_clock::now();
      CHECK(!m.try_lock_shared_for(2ms));
      CHECK(steady_clock::now() - begin >= 2ms);
      CHECK(!m.try_lock_shared_until(system_clock::now() + 1ms));
    });
    crowd.join();
    std::atomic<int> got{0};
    for (int i = 0; i < 2; ++i) {
      crowd.start([&] {
        CHECK(m.try_lock_shared_for(1h));
        ++got;
        test::await([&] { return got == 2; });  // both at once
        m.unlock_shared();
      });
    }
    for (int i = 0; i < 10; ++i) test::relax();
    CHECK(got == 0);
    m.unlock();
    crowd.join();
    CHECK(!is_held(m));
    CHECK(m.try_lock_shared_for(0s));
    m.unlock_shared();
  });
}

TEST_CASE("a fiber holds a mutex while it waits and moves between threads") {
  sluice::runtime rt{{.workers = 4}};
  sluice::mutex m;
  std::vector<sluice::task<void>> tasks;
  int count = 0;
  for (int i = 0; i < 40; ++i) {
    tasks.push_back(rt.go([&] {
      const std::lock_guard guard(m);
      const int seen = count;
      sluice::this_fiber::sleep_for(100us);
      for (int k = 0; k < 5; ++k) sluice::this_fiber::yield();
      count = seen + 1;
    }));
  }
  for (auto& task : tasks) task.join();
  CHECK(count == 40);
}

TEST_CASE("who locks in a loop overtakes a waiter some times, not for ever") {
  on_one_worker([] {
    sluice::mutex m;
    std::atomic<bool> got{false};
    m.lock();
    auto waits = begin([&] {
      const std::lock_guard guard(m);
      got = true;
    });
    m.unlock();
    int times = 0;
    for (; !got; ++times) {
      // Never yields: only a lock that waits gives the other fiber its turn.
      const std::lock_guard guard(m);
    }
    CHECK(times > 1);
    CHECK(times < 300);
    waits.join();
  });
}

TEST_CASE("a mutex that is only tried does not keep its waiter away for ever") {
  on_one_worker([] {
    sluice::mutex m;
    std::atomic<bool> got = false;  // looked at by one that does not hold the mutex
    m.lock();
    auto waits = begin([&] {
      const std::lock_guard guard(m);
      got = true;
    });
    m.unlock();
    int times = 0;
    while (m.try_lock()) {
      m.unlock();
      ++times;
      REQUIRE(times < 300);
    }
    CHECK(times > 1);
    CHECK(!got);
    waits.join();
    CHECK(got);
    CHECK(m.try_lock());
    m.unlock();
  });
}

TEST_CASE("a waiter that finds the mutex taken again is the next to get it") {
  on_one_worker([] {
    sluice::mutex m;
    std::vector<int> order;
    m.lock();
    auto first = begin([&] {
      const std::lock_guard guard(m);
      order.push_back(1);
    });
    auto second = begin([&] {
      const std::lock_guard guard(m);
      order.push_back(2);
    });
    m.unlock();  // the first is on its way
    m.lock();
    for (int i = 0; i < 5; ++i) sluice::this_fiber::yield();  // it has been there, and waits again
    CHECK(order.empty());
    m.unlock();  // given to it
    CHECK(!m.try_lock());
    m.lock();
    order.push_back(3);
    m.unlock();
    first.join();
    second.join();
    CHECK(order.front() == 1);
    CHECK(order.size() == 3);
  });
}

TEST_CASE("a writer gets its turn among readers who come and go without a gap") {
  test::everywhere([](strands& crowd) {
    sluice::shared_mutex m;
    std::atomic<bool> written{false};
    for (int i = 0; i < 3; ++i) {
      crowd.start([&] {
        // Each holds it while it asks for it again, in turns: there is always a reader.
        while (!written) {
          m.lock_shared();
          test::relax();
          m.unlock_shared();
        }
      });
    }
    crowd.start([&] {
      for (int i = 0; i < 50; ++i) {
        m.lock();
        m.unlock();
      }
      written = true;
    });
    crowd.join();
  });
}

TEST_CASE("a reader gets its turn among writers who come and go without a gap") {
  test::everywhere([](strands& crowd) {
    sluice::shared_mutex m;
    std::atomic<bool> read{false};
    for (int i = 0; i < 3; ++i) {
      crowd.start([&] {
        while (!read) {
          m.lock();
          test::relax();
          m.unlock();
        }
      });
    }
    crowd.start([&] {
      for (int i = 0; i < 50; ++i) {
        m.lock_shared();
        m.unlock_shared();
      }
      read = true;
    });
    crowd.join();
  });
}

TEST_CASE("readers that come while a writer waits let it go first, and then come in together") {
  on_one_worker([] {
    sluice::shared_mutex m;
    char order[5] = {};
    std::atomic<int> inside = 0, noted = 0;  // by readers, who are not alone
    m.lock_shared();
    const auto write = [&] {
      m.lock();
      order[noted++] = 'w';
      m.unlock();
    };
    auto first = begin(write);
    auto second = begin(write);
    const auto read = [&] {
      m.lock_shared();
      order[noted++] = 'r';
      ++inside;
      while (inside < 2) sluice::this_fiber::yield();
      m.unlock_shared();
    };
    auto one = begin(read);
    auto other = begin(read);
    CHECK(!m.try_lock_shared());
    CHECK(noted == 0);
    m.unlock_shared();
    first.join();
    second.join();
    one.join();
    other.join();
    CHECK(std::string(order) == "wrrw");
  });
}

TEST_CASE("readers come in when the writer that they let go first gives up") {
  on_one_worker([] {
    sluice::shared_mutex m;
    m.lock_shared();
    auto gives_up = begin([&] { CHECK(!m.try_lock_for(5ms)); });
    auto reads = begin([&] {
      m.lock_shared();
      m.unlock_shared();
    });
    CHECK(!m.try_lock_shared());
    gives_up.join();
    reads.join();  // while this one still reads
    CHECK(m.try_lock_shared());
    m.unlock_shared();
    m.unlock_shared();
    CHECK(!is_held(m));
  });
}

TEST_CASE("a shared mutex that waiters left is as it was") {
  on_one_worker([] {
    sluice::shared_mutex m;
    m.lock();
    auto writer = begin([&] { CHECK(!m.try_lock_for(2ms)); });
    auto reader = begin([&] { CHECK(!m.try_lock_shared_for(3ms)); });
    writer.join();
    reader.join();
    m.unlock();
    CHECK(m.try_lock_shared());
    CHECK(m.try_lock_shared());
    m.unlock_shared();
    m.unlock_shared();
    CHECK(m.try_lock());
    m.unlock();
  });
}
