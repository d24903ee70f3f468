// What compilers and the C library keep per thread, after a fiber has moved to another one: no
// address of the old thread may be used, and errno belongs to the fiber.
//
// The accessors are not inlined and contain a clobber, which is what users are told to write: an
// address taken before a wait is the old thread's.
#include <doctest/doctest.h>
#include <pthread.h>

#include <cerrno>
#include <thread>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/ferry.hpp"
#include "support/watch.hpp"

namespace {

constexpr int fibers = 16;
constexpr int rounds = test::slowness > 1 ? 3 : 8;

/// The number of the thread, filled in when a thread first asks: stale means another number.
[[gnu::noinline]] long remembered_thread() {
  thread_local const long own = test::kernel_thread();
  asm volatile("" ::: "memory");
  return own;
}

[[gnu::noinline]] pthread_t pthread_now() {
  asm volatile("" ::: "memory");
  return ::pthread_self();
}

[[gnu::noinline]] std::thread::id thread_id_now() {
  asm volatile("" ::: "memory");
  return std::this_thread::get_id();
}

[[gnu::noinline]] int errno_now() {
  asm volatile("" ::: "memory");
  return errno;
}

[[gnu::noinline]] void set_errno(int value) {
  errno = value;
  asm volatile("" ::: "memory");
}

/// Runs `body(ferry, fiber, round)`, which returns how often it was wrong, in many fibers.
template <class Body>
int wrongs(Body body) {
  sluice::runtime rt{{.workers = 2}};
  test::ferry ferry;
  return rt.run([&] {
    std::vector<sluice::task<int>> tasks;
    for (int fiber = 0; fiber < fibers; ++fiber) {
      tasks.push_back(sluice::go([&, fiber] {
        int wrong = 0;
        for (int round = 0; round < rounds; ++round) wrong += body(ferry, fiber, round);
        return wrong;
      }));
    }
    int wrong = 0;
    for (auto& task : tasks) wrong += task.join();
    return wrong;
  });
}

}  // namespace

TEST_CASE("a thread_local read after a wait is the one of the thread that runs the fiber now") {
  for (const test::way how : test::all_ways) {
    CAPTURE(static_cast<int>(how));
    CHECK(wrongs([how](test::ferry& ferry, int, int) {
            int wrong = remembered_thread() == test::kernel_thread() ? 0 : 1;
            ferry.cross(how);
            if (remembered_thread() != test::kernel_thread()) ++wrong;
            return wrong;
          }) == 0);
  }
}

TEST_CASE("a fiber that moved is told the thread that runs it now") {
  CHECK(wrongs([](test::ferry& ferry, int, int) {
          const pthread_t pthread_before = pthread_now();
          const std::thread::id id_before = thread_id_now();
          ferry.cross(test::way::yield);
          int wrong = 0;
          if (::pthread_equal(pthread_now(), pthread_before) != 0) ++wrong;
          if (thread_id_now() == id_before) ++wrong;
          return wrong;
        }) == 0);
}

TEST_CASE("errno belongs to the fiber") {
  for (const test::way how : test::all_ways) {
    CAPTURE(static_cast<int>(how));
    CHECK(wrongs([how](test::ferry& ferry, int fiber, int round) {
            const int mine = 1000 + fiber * 100 + round;
            set_errno(mine);
            ferry.cross(how);
            return errno_now() == mine ? 0 : 1;
          }) == 0);
  }
}

TEST_CASE("a fiber does not change the errno of another one on the same thread") {
  sluice::runtime rt{{.workers = 1}};
  rt.run([] {
    set_errno(0);
    auto other = sluice::go([] {
      for (int i = 0; i < 10; ++i) {
        set_errno(77);
        sluice::this_fiber::yield();
        CHECK(errno_now() == 77);
      }
    });
    for (int i = 0; i < 10; ++i) {
      sluice::this_fiber::yield();
      CHECK(errno_now() == 0);
    }
    other.join();
  });
}

TEST_CASE("a channel operation that need not wait leaves errno alone") {
  sluice::channel<int> ch{2};
  set_errno(5);
  ch.put(1);
  CHECK(ch.get() == 1);
  CHECK(errno_now() == 5);
  sluice::run([&] {
    set_errno(6);
    ch.put(1);
    CHECK(ch.get() == 1);
    CHECK(errno_now() == 6);
  });
}
