// Parking and unparking: no wake-up is lost, none is left over, and nothing is early.
#include "sluice/detail/park/parker.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <set>
#include <thread>

#include "sluice/detail/park/check.hpp"
#include "support/strands.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::detail::clock;
using sluice::detail::outcome;
using sluice::detail::park;
using sluice::detail::parker;
using sluice::detail::waiter;
using test::strands;

/// Ends the wait as its winner does.
bool end(waiter& w, outcome how) {
  if (!w.try_claim(how)) return false;
  w.strand().unpark();
  return true;
}

}  // namespace

TEST_CASE("every strand has one parker of its own, with a number of its own") {
  test::everywhere([](strands& crowd) {
    std::mutex lock;
    std::set<const parker*> parkers;
    std::set<std::uint64_t> numbers;
    std::atomic<int> there{0};
    const auto look = [&] {
      const parker& mine = parker::current();
      CHECK(&mine == &parker::current());
      const std::lock_guard guard(lock);
      parkers.insert(&mine);
      numbers.insert(mine.strand_id());
    };
    look();
    for (int i = 0; i < 4; ++i) {
      crowd.start([&] {
        look();
        ++there;
        test::await([&] { return there == 4; });  // so that all are alive at once
      });
    }
    crowd.join();
    CHECK(parkers.size() == 5);
    CHECK(numbers.size() == 5);
  });
}

TEST_CASE("a strand that parks is woken by the winner of its claim, and hears the outcome") {
  test::everywhere([](strands& crowd) {
    for (const outcome how : {outcome::completed, outcome::closed, outcome::cancelled}) {
      std::atomic<waiter*> shown{nullptr};
      crowd.start([&] {
        waiter w(parker::current(), {});
        shown = &w;
        CHECK(park(w) == how);
      });
      test::await([&] { return shown != nullptr; });
      CHECK(end(*shown, how));
      crowd.join();
    }
  });
}

TEST_CASE("an unpark that comes before the park is not lost, and serves one park alone") {
  test::everywhere([](strands& crowd) {
    crowd.start([] {
      for (int i = 0; i < 100; ++i) {
        waiter w(parker::current(), {});
        CHECK(end(w, outcome::completed));
        CHECK(park(w) == outcome::completed);
        waiter late(parker::current(), {});  // a token that is left over would end this at once
        CHECK(park(late, clock::now()) == outcome::timed_out);
      }
    });
  });
}

TEST_CASE("a wait ends with its time, not before it, and then cannot be claimed") {
  test::everywhere([](strands& crowd) {
    crowd.start([] {
      for (const auto time : {-1h, 0h}) {
        waiter w(parker::current(), {});
        CHECK(park(w, clock::now() + time) == outcome::timed_out);
        CHECK(!w.try_claim(outcome::completed));
      }
      waiter past(parker::current(), {});
      CHECK(park(past, sluice::detail::deadline::min()) == outcome::timed_out);
      for (int i = 0; i < 5; ++i) {
        waiter w(parker::current(), {});
        const auto until = clock::now() + 2ms;
        CHECK(park(w, until) == outcome::timed_out);
        CHECK(clock::now() >= until);
      }
    });
  });
}

TEST_CASE("a span counts from before the check in which others may have their turn") {
  using sluice::detail::check_strand;
  using sluice::detail::time_limit;
  auto span = time_limit::span(std::chrono::hours(1));
  check_strand(sluice::detail::operation_kind::may_wait, "wait", span);
  const bool alone = sluice::detail::nothing_to_attend();
  CHECK(span.is_span() == alone);
  sluice::detail::raise_attention();
  const auto before = sluice::detail::clock::now();
  check_strand(sluice::detail::operation_kind::may_wait, "wait", span);
  sluice::detail::lower_attention();
  CHECK_FALSE(span.is_span());
  CHECK(span.from_now() <= sluice::detail::clock::now() + std::chrono::hours(1));
  if (alone) CHECK(span.from_now() >= before + std::chrono::hours(1));
}

TEST_CASE("a time that runs out against a waker: one of them decides, nothing is left over") {
  test::everywhere([](strands& crowd) {
    std::atomic<waiter*> shown{nullptr};
    std::atomic<int> round{0};
    std::atomic<int> rounds_done{0};
    constexpr int rounds = 200;
    // The waker may touch the waiter only while it is shown: the sleeper takes it back first.
    std::mutex lock;
    crowd.start([&] {
      for (int i = 0; i < rounds; ++i) {
        waiter w(parker::current(), {});
        {
          const std::lock_guard guard(lock);
          shown = &w;
        }
        ++round;
        const outcome how = park(w, clock::now() + std::chrono::microseconds(i % 60));
        CHECK((how == outcome::timed_out || how == outcome::completed));
        {
          const std::lock_guard guard(lock);
          shown = nullptr;
        }
        waiter next(parker::current(), {});
        CHECK(park(next, clock::now()) == outcome::timed_out);
        ++rounds_done;
      }
    });
    while (rounds_done != rounds) {
      {
        const std::lock_guard guard(lock);
        if (waiter* w = shown) {
          if (end(*w, outcome::completed)) shown = nullptr;
        }
      }
      test::relax();
    }
    crowd.join();
  });
}

TEST_CASE("a long exchange of wakes loses none") {
  test::everywhere([](strands& crowd) {
    constexpr int rounds = 300;
    std::atomic<waiter*> shown[2] = {nullptr, nullptr};
    const auto play = [&](int me) {
      for (int i = 0; i < rounds; ++i) {
        waiter mine(parker::current(), {});
        shown[me] = &mine;
        waiter* other = nullptr;
        if (i % 2 == me) {
          test::await([&] { return (other = shown[1 - me].exchange(nullptr)) != nullptr; });
          end(*other, outcome::completed);
        }
        CHECK(park(mine) == outcome::completed);
        if (i % 2 != me) {
          test::await([&] { return (other = shown[1 - me].exchange(nullptr)) != nullptr; });
          end(*other, outcome::completed);
        }
      }
    };
    crowd.start([&] { play(0); });
    crowd.start([&] { play(1); });
    crowd.join();
  });
}

TEST_CASE("a thread may end right after it was woken") {
  for (int i = 0; i < 500; ++i) {
    std::atomic<waiter*> shown{nullptr};
    std::thread sleeper([&] {
      waiter w(parker::current(), {});
      shown = &w;
      CHECK(park(w) == outcome::completed);
    });
    test::await([&] { return shown != nullptr; });
    end(*shown, outcome::completed);
    sleeper.join();
  }
}
