// When a worker gives its fibers to another because they fight for a line with those that run
// elsewhere, and for how long it then stays away. Time is made up.
#include "sched/retreat.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>

namespace {

using namespace std::chrono_literals;
using sluice::detail::deadline;
using sluice::detail::retreat_policy;

/// A worker whose time and losses the test makes up.
struct visitor {
  deadline now{1h};
  std::uint64_t lost = 0;
  std::uint64_t others = 0;
  retreat_policy policy;

  visitor() { policy.begin(now, lost); }
  void work(std::chrono::microseconds time, std::uint64_t losses) {
    now += time;
    lost += losses;
  }
  [[nodiscard]] bool is_due() {
    return policy.may_be_due(lost) && policy.is_due(now, lost, others);
  }
  void rest() { policy.end(now, lost); }
  void start() { policy.begin(now, lost); }
  /// For how many milliseconds it stays away from now on.
  [[nodiscard]] int stays_away() const {
    int n = 0;
    while (policy.holds(now + std::chrono::milliseconds(n))) ++n;
    return n;
  }
};

TEST_CASE("a worker that loses many races gives up, one that loses few does not") {
  visitor one;
  one.work(500us, 31);
  CHECK_FALSE(one.is_due());  // too few to tell
  one.work(11us, 1);
  CHECK(one.is_due());  // 32 in 511 us

  visitor other;
  other.work(513us, 32);
  CHECK_FALSE(other.is_due());
  other.work(10us, 31);
  CHECK_FALSE(other.is_due());  // the count has begun anew
  other.work(10us, 1);
  CHECK(other.is_due());
}

TEST_CASE("when another has given up the count begins anew") {
  visitor one;
  one.others = 1;
  one.work(10us, 40);
  CHECK_FALSE(one.is_due());
  one.work(10us, 40);
  CHECK(one.is_due());
}

TEST_CASE("each visit in vain doubles the time away, a good one forgets it") {
  visitor one;
  for (const int expected : {10, 20, 40, 80, 160, 160}) {
    one.work(200us, 40);
    REQUIRE(one.is_due());
    one.rest();
    CHECK(one.stays_away() == expected);
    one.now += std::chrono::milliseconds(expected);
    CHECK(one.stays_away() == 0);
    one.start();
  }
  one.work(10ms, 40);
  one.rest();
  CHECK(one.stays_away() == 0);
  one.start();
  one.work(200us, 40);
  one.rest();
  CHECK(one.stays_away() == 10);
}

TEST_CASE("a visit of a moment changes nothing") {
  visitor one;
  one.work(200us, 40);
  one.rest();
  one.start();
  one.work(99us, 0);
  one.rest();
  CHECK(one.stays_away() == 10);
  one.start();
  one.work(99us, 31);
  one.rest();
  one.start();
  one.work(200us, 40);
  one.rest();
  CHECK(one.stays_away() == 20);
}

TEST_CASE("who has given up stays away, whatever it did until it rested") {
  visitor one;
  one.work(200us, 40);
  REQUIRE(one.is_due());
  one.work(50ms, 0);
  one.rest();
  CHECK(one.stays_away() == 10);
}

}  // namespace
