// semaphore, latch, wait_group and barrier: what they count, and who goes on when.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "sluice/barrier.hpp"
#include "sluice/latch.hpp"
#include "sluice/runtime.hpp"
#include "sluice/semaphore.hpp"
#include "sluice/task.hpp"
#include "sluice/wait_group.hpp"
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

template <class Semaphore>
int permits_of(Semaphore& some) {
  int count = 0;
  while (some.try_acquire()) ++count;
  if (count > 0) some.release(count);
  return count;
}

constinit sluice::counting_semaphore<8> made_by_the_compiler(3);
static_assert(sluice::counting_semaphore<8>::max() == 8);
static_assert(sluice::binary_semaphore::max() == 1);
static_assert(sluice::counting_semaphore<>::max() > 1'000'000'000);

}  // namespace

// ---- semaphore ----------------------------------------------------------------------------------

TEST_CASE("a semaphore has so many permits, not one more") {
  CHECK(permits_of(made_by_the_compiler) == 3);
  sluice::counting_semaphore<5> some(2);
  some.acquire();
  some.acquire();
  CHECK(!some.try_acquire());
  some.release(0);
  CHECK(!some.try_acquire());
  some.release(5);
  CHECK(permits_of(some) == 5);
  CHECK_THROWS_AS(some.release(), std::logic_error);
  CHECK_THROWS_AS(some.release(-1), std::logic_error);
  CHECK(permits_of(some) == 5);
  CHECK_THROWS_AS(sluice::binary_semaphore(2), std::logic_error);
  CHECK_THROWS_AS(sluice::binary_semaphore(-1), std::logic_error);
}

TEST_CASE("a release of no permits leaves whoever waits in his place") {
  test::everywhere([](strands& crowd) {
    sluice::counting_semaphore<2> permits(0);
    crowd.start([&] { permits.acquire(); });
    for (int i = 0; i < 100; ++i) {
      test::relax();
      permits.release(0);
    }
    permits.release();
    crowd.join();
    CHECK(!permits.try_acquire());
  });
}

TEST_CASE("at most as many strands as there are permits are inside") {
  test::everywhere([](strands& crowd) {
    sluice::counting_semaphore<2> permits(2);
    std::atomic<int> inside{0};
    std::atomic<int> met{0};
    for (int strand = 0; strand < 5; ++strand) {
      crowd.start([&, strand] {
        for (int i = 0; i < 200 / test::slowness; ++i) {
          permits.acquire();
          CHECK(++inside <= 2);
          // Two of them meet inside: there is room for both.
          if (strand < 2 && i == 0) {
            ++met;
            test::await([&] { return met == 2; });
          }
          test::relax();
          CHECK(inside <= 2);
          --inside;
          permits.release();
        }
      });
    }
    crowd.join();
    CHECK(permits_of(permits) == 2);
  });
}

TEST_CASE("an acquire with a time limit ends in time, and takes what is there without any") {
  test::everywhere([](strands& crowd) {
    sluice::binary_semaphore permit(1);
    CHECK(permit.try_acquire_for(-1s));
    crowd.start([&] {
      const auto begin = steady_clock::now();
      CHECK(!permit.try_acquire_for(2ms));
      CHECK(steady_clock::now() - begin >= 2ms);
      const auto at = system_clock::now() + 1ms;
      CHECK(!permit.try_acquire_until(at));
      CHECK(system_clock::now() >= at);
    });
    crowd.join();
    std::atomic<bool> got{false};
    crowd.start([&] {
      CHECK(permit.try_acquire_for(1h));
      got = true;
    });
    for (int i = 0; i < 10; ++i) test::relax();
    CHECK(!got);
    permit.release();
    crowd.join();
    CHECK(!permit.try_acquire());
  });
}

TEST_CASE("a release serves those who wait in order of arrival, and keeps what is left") {
  on_one_worker([] {
    sluice::counting_semaphore<> permits(0);
    std::vector<int> order;
    std::vector<sluice::task<void>> tasks;
    for (int i = 0; i < 3; ++i) {
      tasks.push_back(begin([&, i] {
        permits.acquire();
        order.push_back(i);
      }));
    }
    permits.release();
    CHECK(!permits.try_acquire());  // it is the first one's, who has not run yet
    tasks[0].join();
    CHECK(order == std::vector<int>{0});
    permits.release();
    tasks[1].join();
    CHECK(order == std::vector<int>{0, 1});
    permits.release(2);
    CHECK(permits.try_acquire());
    CHECK(!permits.try_acquire());
    tasks[2].join();
    CHECK(order == std::vector<int>{0, 1, 2});
  });
}

TEST_CASE("a permit goes past a waiter whose time is over") {
  on_one_worker([] {
    sluice::counting_semaphore<> permits(0);
    auto late = begin([&] { CHECK(!permits.try_acquire_for(1ms)); });
    auto next = begin([&] { permits.acquire(); });
    late.join();
    permits.release();
    next.join();
    auto alone = begin([&] { CHECK(!permits.try_acquire_for(1ms)); });
    alone.join();
    permits.release();
    CHECK(permits.try_acquire());
  });
}

// ---- latch and wait_group -----------------------------------------------------------------------

TEST_CASE("a latch lets all go on when its count is zero") {
  test::everywhere([](strands& crowd) {
    sluice::latch all(4);
    std::atomic<int> passed{0};
    std::atomic<int> counted{0};
    for (int i = 0; i < 3; ++i) {
      crowd.start([&] {
        all.wait();
        CHECK(counted == 2);
        ++passed;
      });
    }
    crowd.start([&] {
      all.arrive_and_wait(2);
      CHECK(counted == 2);
      ++passed;
    });
    for (int i = 0; i < 10; ++i) test::relax();
    CHECK(!all.try_wait());
    CHECK(passed == 0);
    for (int i = 0; i < 2; ++i) {
      crowd.start([&] {
        ++counted;
        all.count_down();
      });
    }
    crowd.join();
    CHECK(passed == 4);
    CHECK(all.try_wait());
    all.wait();
    all.arrive_and_wait(0);
  });
}

TEST_CASE("a latch refuses to count below zero") {
  sluice::latch none(0);
  CHECK(none.try_wait());
  CHECK_THROWS_AS(none.count_down(), std::logic_error);
  none.count_down(0);
  sluice::latch two(2);
  CHECK_THROWS_AS(two.count_down(3), std::logic_error);
  CHECK_THROWS_AS(two.count_down(-1), std::logic_error);
  CHECK_THROWS_AS(two.arrive_and_wait(3), std::logic_error);
  CHECK(!two.try_wait());
  two.count_down(2);
  CHECK(two.try_wait());
  CHECK_THROWS_AS(sluice::latch(-1), std::logic_error);
}

TEST_CASE("a group waits for all work, also for work that was added meanwhile, and again") {
  test::everywhere([](strands& crowd) {
    sluice::wait_group work;
    std::atomic<int> done{0};
    for (int round = 1; round <= 3; ++round) {
      for (int i = 0; i < 3; ++i) {
        work.add();
        crowd.start([&] {
          work.add(2);
          for (int k = 0; k < 2; ++k) {
            test::relax();
            ++done;
            work.done();
          }
          ++done;
          work.done();
        });
      }
      for (int i = 0; i < 2; ++i) {
        crowd.start([&, round] {
          work.wait();
          CHECK(done == 9 * round);
        });
      }
      work.wait();
      CHECK(done == 9 * round);
      crowd.join();
    }
    CHECK(work.wait_for(-1s));
  });
}

TEST_CASE("a wait for a group with a time limit ends in time") {
  test::everywhere([](strands& crowd) {
    sluice::wait_group work(1);
    crowd.start([&] {
      const auto begin = steady_clock::now();
      CHECK(!work.wait_for(2ms));
      CHECK(steady_clock::now() - begin >= 2ms);
      CHECK(!work.wait_until(system_clock::now() + 1ms));
      CHECK(!work.wait_for(0s));
    });
    crowd.join();
    crowd.start([&] { CHECK(work.wait_for(1h)); });
    crowd.start([&] { CHECK(work.wait_until(system_clock::now() + 1h)); });
    work.done();
    crowd.join();
  });
}

TEST_CASE("a group refuses to count below zero and stays as it was") {
  sluice::wait_group work;
  CHECK_THROWS_AS(work.done(), std::logic_error);
  CHECK_THROWS_AS(work.add(-1), std::logic_error);
  work.wait();
  work.add(3);
  CHECK_THROWS_AS(work.add(-4), std::logic_error);
  CHECK_THROWS_AS(work.add(PTRDIFF_MAX), std::logic_error);
  CHECK_THROWS_AS(work.add(PTRDIFF_MIN), std::logic_error);
  CHECK(!work.wait_for(0s));
  work.add(-3);
  work.wait();
  CHECK_THROWS_AS(sluice::wait_group(-1), std::logic_error);
}

// ---- barrier ------------------------------------------------------------------------------------

TEST_CASE("a barrier holds all until the last has come, and runs its function before they go on") {
  test::everywhere([](strands& crowd) {
    constexpr int members = 3;
    constexpr int rounds = 100 / test::slowness;
    std::array<int, members> at{};
    int completed = 0;
    bool together = true;
    const auto complete = [&]() noexcept {
      ++completed;
      for (const int each : at) together = together && each == completed;
    };
    sluice::barrier meet(members, complete);
    for (std::size_t me = 0; me < members; ++me) {
      crowd.start([&, me] {
        for (int i = 1; i <= rounds; ++i) {
          at[me] = i;
          if (i % 3 == 0) {
            auto token = meet.arrive();
            test::relax();
            meet.wait(std::move(token));
          } else {
            meet.arrive_and_wait();
          }
          // Not written again before this strand has come once more.
          CHECK(completed == i);
        }
      });
    }
    crowd.join();
    CHECK(together);
    CHECK(completed == rounds);
  });
}

TEST_CASE("whoever drops out of a barrier is not waited for in the next phase") {
  test::everywhere([](strands& crowd) {
    int completed = 0;
    sluice::barrier meet(3, [&]() noexcept { ++completed; });
    for (int me = 0; me < 2; ++me) {
      crowd.start([&] {
        for (int i = 1; i <= 4; ++i) {
          meet.arrive_and_wait();
          CHECK(completed == i);
        }
      });
    }
    for (int i = 0; i < 5; ++i) test::relax();
    CHECK(completed == 0);
    meet.arrive_and_drop();
    crowd.join();
    CHECK(completed == 4);
  });
}

TEST_CASE("arrivals for several count, and a token of a phase that is over does not wait") {
  sluice::barrier meet(3);
  auto old = meet.arrive(2);
  auto last = meet.arrive();
  meet.wait(std::move(old));
  meet.wait(std::move(last));
  CHECK_THROWS_AS(static_cast<void>(meet.arrive(4)), std::logic_error);
  CHECK_THROWS_AS(static_cast<void>(meet.arrive(0)), std::logic_error);
  auto all = meet.arrive(3);
  meet.wait(std::move(all));
  CHECK_THROWS_AS(sluice::barrier(-1), std::logic_error);
  sluice::barrier alone(1);
  alone.arrive_and_drop();
  CHECK_THROWS_AS(alone.arrive_and_drop(), std::logic_error);
  CHECK_THROWS_AS(alone.arrive_and_wait(), std::logic_error);
}
