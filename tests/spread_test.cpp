// On how many workers fine fibers may run, as it is tried out. Time and progress are made up.
#include "sched/spread.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <functional>

namespace {

using namespace std::chrono_literals;
using sluice::detail::clock;
using sluice::detail::deadline;
using sluice::detail::lost_races;
using sluice::detail::spread_limit;
using sluice::detail::work_done;

/// Workers that take as many seats as they may, and look every 300 us.
class workers {
 public:
  /// `pace` says how many items and turns in a microsecond so many of them get done.
  workers(int most, std::function<work_done(int)> pace) : limit_(most), pace_(std::move(pace)) {}

  void run(clock::duration time) {
    for (const deadline end = now_ + time; now_ < end;) step();
  }
  /// Is the limit that one, but for a trial?
  bool has_limit(int expected) {
    for (int i = 0; i < 5; ++i, step()) {
      if (limit_.limit() == expected) return true;
    }
    return false;
  }
  void step() {
    if (wants_) limit_.want();
    if (fights_) limit_.fear(now_);
    const work_done did = pace_(seats_);
    now_ += 300us;
    done_.turns += 300 * did.turns;
    done_.items += 300 * did.items;
    on_one_ += seats_ == 1 ? 300us : 0us;
    limit_.look(now_, done_, seats_);
    if (stuck_) return;
    const int may = wants_ ? limit_.limit() : std::min(seats_, limit_.limit());
    if (may <= seats_) came_ = now_;
    if (may <= seats_ || now_ - came_ > late_) seats_ = may;
  }

  spread_limit limit_;
  std::function<work_done(int)> pace_;
  deadline now_{1h};
  work_done done_;
  int seats_ = 1;
  bool wants_ = true;
  bool fights_ = false;
  bool stuck_ = false;
  clock::duration late_{};  ///< so long nobody comes who may
  deadline came_{};
  clock::duration on_one_{};
};

work_done items(int some) {
  const auto n = static_cast<std::uint64_t>(some);
  return {.turns = n / 10, .items = n};
}

TEST_CASE("what gains by each worker soon has all, and keeps them") {
  workers all(16, [](int seats) { return items(100 * seats); });
  all.run(8ms);
  CHECK(all.has_limit(16));
  all.on_one_ = {};
  all.run(2s);
  CHECK(all.seats_ >= 8);
  CHECK(all.on_one_ == 0us);
}

TEST_CASE("what loses by a second worker stays on one but for a moment now and then") {
  workers all(16, [](int seats) { return items(seats == 1 ? 100 : 40); });
  all.run(2s);
  CHECK(all.on_one_ > 2s - 20ms);
  CHECK(all.on_one_ < 2s);  // it is tried
}

TEST_CASE("it goes on as long as it gains, and no further") {
  workers all(16, [](int seats) { return items(seats <= 4 ? 100 * seats : 300); });
  all.run(200ms);
  CHECK(all.has_limit(4));
}

TEST_CASE("no more than the CPUs") {
  workers all(3, [](int seats) { return items(100 * seats); });
  all.run(100ms);
  CHECK(all.has_limit(3));
}

TEST_CASE("turns are counted where no items are") {
  workers gains(8,
                [](int seats) { return work_done{.turns = 50U * static_cast<unsigned>(seats)}; });
  gains.run(20ms);
  CHECK(gains.has_limit(8));
  // Many more turns, but fewer items: they fight.
  workers fights(8, [](int seats) {
    return work_done{.turns = 10U * static_cast<unsigned>(seats), .items = seats == 1 ? 100U : 50U};
  });
  fights.run(20ms);
  CHECK(fights.limit_.limit() <= 2);
  CHECK(fights.on_one_ > 15ms);
}

TEST_CASE("who began on several workers stays there if that is good") {
  workers all(8, [](int seats) { return items(100 * seats); });
  all.seats_ = 5;
  all.limit_.admit(5);
  CHECK(all.limit_.limit() == 5);
  all.wants_ = false;
  all.run(300us);
  all.wants_ = true;  // who gave up comes back if he may
  all.run(300ms);
  CHECK(all.seats_ >= 5);
  all.limit_.admit(8);  // later it is tried
  CHECK(all.limit_.limit() <= 8);
}

TEST_CASE("who began on several workers and fights there is soon on one") {
  workers all(16, [](int seats) { return items(seats == 1 ? 100 : 160 / seats); });
  all.seats_ = 16;
  all.limit_.admit(16);
  all.fights_ = true;
  all.run(8ms);
  CHECK(all.seats_ == 1);
}

TEST_CASE("races count: a little less done without them is better") {
  const auto pace = [](int seats) { return items(seats == 1 ? 98 : seats == 2 ? 106 : 115); };
  workers all(4, pace);
  all.seats_ = 4;
  all.limit_.admit(4);
  all.run(100ms);
  CHECK(all.has_limit(4));
  all.fights_ = true;
  all.run(100ms);
  CHECK(all.has_limit(1));
}

TEST_CASE("a trial of more waits for others, and for no longer than it must") {
  workers all(2, [](int seats) { return items(seats == 1 ? 100 : 40); });
  CHECK(!all.limit_.awaits_others());
  int awaited = 0;
  int trials = 0;
  for (int i = 0; i < 300; ++i) {
    const int before = all.limit_.limit();
    all.step();
    if (before == 1 && all.limit_.limit() == 2) ++trials;
    if (!all.limit_.awaits_others()) continue;
    ++awaited;
    CHECK(all.limit_.limit() == 2);
  }
  CHECK(trials > 2);
  CHECK(awaited == trials);  // they come before the next look
}

TEST_CASE("a trial of more begins when one has come") {
  workers all(16, [](int seats) { return items(100 * seats); });
  all.late_ = 1500us;
  all.run(40ms);
  CHECK(all.has_limit(16));
  workers none(16, [](int) { return items(100); });
  none.late_ = 1h;  // in the end nobody comes, and it is over
  none.run(4ms);
  CHECK(none.has_limit(1));
}

TEST_CASE("a look is due a while after the last one") {
  workers all(2, [](int seats) { return items(100 * seats); });
  CHECK(all.limit_.is_due(all.now_));
  all.step();
  CHECK_FALSE(all.limit_.is_due(all.now_));
  CHECK(all.limit_.is_due(all.now_ + 300us));
}

TEST_CASE("turns that go back are none") {
  CHECK(work_done{.turns = 3, .items = 7}.since({.turns = 4, .items = 5}).turns == 0);
  CHECK(work_done{.turns = 3, .items = 7}.since({.turns = 1, .items = 5}).turns == 2);
}

TEST_CASE("a limit that workers do not heed is given up") {
  workers all(8, [](int seats) { return items(100 * seats); });
  all.seats_ = 8;
  all.limit_.admit(8);
  all.stuck_ = true;
  all.run(3ms);
  CHECK(all.limit_.limit() < 8);
  all.run(40ms);
  CHECK(all.has_limit(8));
}

TEST_CASE("a phase that changes is found out") {
  bool shared = true;
  workers all(8, [&](int seats) { return items(shared ? (seats == 1 ? 100 : 40) : 100 * seats); });
  all.run(1s);
  CHECK(all.limit_.limit() <= 2);
  shared = false;
  all.run(400ms);
  CHECK(all.has_limit(8));
  shared = true;
  all.run(400ms);
  CHECK(all.limit_.limit() <= 2);
}

TEST_CASE("from the middle it finds both ways") {
  bool shared = false;
  workers all(16, [&](int seats) {
    return items(shared ? (seats == 1 ? 100 : 40) : seats <= 4 ? 100 * seats : 300);
  });
  all.run(500ms);
  CHECK(all.has_limit(4));
  shared = true;
  all.run(400ms);
  CHECK(all.limit_.limit() <= 2);
}

TEST_CASE("what takes up again after an interruption is no gain") {
  std::uint64_t n = 0;
  workers all(2, [&](int seats) { return items(seats == 2 ? 90 : ++n % 5 == 0 ? 50 : 100); });
  all.run(1s);
  CHECK(all.on_one_ > 980ms);
}

TEST_CASE("the first look after a time without any is no measure") {
  bool begins = true;
  workers all(2, [&](int seats) { return items(seats == 2 ? 90 : begins ? 50 : 100); });
  all.step();
  all.step();
  begins = false;
  all.on_one_ = {};
  all.run(10ms);
  CHECK(all.on_one_ > 8ms);
}

TEST_CASE("what comes once is no gain") {
  std::uint64_t n = 0;
  workers all(2, [&](int seats) { return items(++n % 8 == 0 ? 130 : seats == 1 ? 100 : 95); });
  all.run(1s);
  CHECK(all.on_one_ > 980ms);
}

TEST_CASE("races lost") {
  lost_races one;
  deadline now{1h};
  one.begin(now, 7);
  CHECK_FALSE(one.are_many(38));
  CHECK(one.are_many(39));
  CHECK(one.are_too_many(now + 3199us, 39));
  CHECK_FALSE(one.are_many(40));  // the count has begun anew
  CHECK_FALSE(one.are_too_many(now + 3199us + 3200us, 39 + 32));
  CHECK(lost_races::are_too_many(99us, 1));
  CHECK_FALSE(lost_races::are_too_many(100us, 1));
  CHECK_FALSE(lost_races::are_too_many(0us, 0));
}

}  // namespace
