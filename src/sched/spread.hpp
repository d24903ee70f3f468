// On how many workers fine fibers run.
//
// An operation on a ring whose lines are on another core takes several times as long as one that
// finds them. So fibers that do little else are better off on one worker if they share a channel,
// and on many if each has its own or works in between. Nobody can know beforehand, so it is tried.
// There is a limit: at first one worker, or as many as they began on. Now and then it is doubled or
// halved for a moment. If all workers together then get clearly more done with twice as many, or
// about as much with half, the new limit stays and the next step is tried. Otherwise the old one
// comes back, the other direction is next, and the rest until then doubles, so that trials cost
// little where nothing changes: a millisecond of 160.
//
// A worker that runs what is fine has a seat. One that finds more seats taken than the limit allows
// gives up its own, and what it has to another (W6, idle.hpp). What is done is counted in turns and
// in items (base/progress.hpp). Workers that run coarse fibers have no seat, and whoever is idle
// takes from them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/clock.hpp"
#include "sluice/detail/base/progress.hpp"

namespace sluice::detail {

/// What workers have got done.
struct work_done {
  std::uint64_t turns = 0;
  std::uint64_t items = 0;

  [[nodiscard]] work_done since(const work_done& before) const noexcept {
    // Turns are a difference of counts that are read one after the other, so they may go back.
    return {turns < before.turns ? 0 : turns - before.turns, items - before.items};
  }
};

/// Of one runtime. Under the lock of the idle list, but for limit(), want(),
/// awaits_others() and is_due().
class spread_limit {
 public:
  explicit spread_limit(int most) noexcept : most_(most) {}

  /// How many workers may run what is fine. A hint.
  [[nodiscard]] int limit() const noexcept {
    // order: relaxed, a hint
    return limit_.load(memory_order_relaxed);
  }
  [[nodiscard]] int most() const noexcept { return most_; }
  /// An idle worker could have taken something, but for the limit.
  void want() noexcept {
    // order: relaxed, a hint
    wanted_.store(true, memory_order_relaxed);
  }

  /// Does a trial of more workers wait for one that comes? A hint.
  [[nodiscard]] bool awaits_others() const noexcept {
    // order: relaxed, a hint
    // mutation: never, policy: whoever is awaited comes later; tests/spread_test.cpp asks
    return awaited_.load(memory_order_relaxed);
  }

  /// What began on several workers stays there until something was tried.
  void admit(int seats) noexcept {
    if (!tried_ && seats > limit()) set_limit(std::min(seats, most_));
  }
  /// Is it time to look how things go?
  [[nodiscard]] bool is_due(deadline now) const noexcept {
    // order: relaxed, a hint
    // mutation: never, policy: nothing is tried; tests/spread_test.cpp asks
    return now.time_since_epoch().count() >= due_.load(memory_order_relaxed);
  }
  /// So much is `done` in all; `seats` are taken. True: some should be given up now.
  bool look(deadline now, const work_done& done, int seats) noexcept {
    const auto time = now - looked_;
    if (time < shortest) return false;
    set_due(now + shortest);
    if (trying_ && !changed_) return wait_for_change(now, done, seats);
    const work_done did = done.since(done_);
    if (did.turns < enough && time < longest) return !trying_ && seats > limit();
    begin_look(now, done);
    const bool says_something = time <= too_long;
    const auto ticks = static_cast<double>(time.count());
    const pace lately{static_cast<double>(did.turns) / ticks,
                      static_cast<double>(did.items) / ticks};
    if (trying_) {
      if (!says_something) return false;
      if (seats > limit() || !worth_it(lately)) {
        undo(now, time);
        return false;
      }
      if (up_ && !std::exchange(twice_, true)) return false;  // once may be chance
      trying_ = false;
      best_ = {};
      rest_ = {};
      next_ = now;
    }
    best_ = {std::max(lately.turns, best_.turns * fades),
             std::max(lately.items, best_.items * fades)};
    if (!says_something) next_ = std::max(next_, now + 4 * shortest);  // a new begin
    if (now >= next_) begin(now, lately, seats);
    return seats > limit();
  }
  /// Many races for a ring or a lock were lost: perhaps less is better.
  void fear(deadline now) noexcept {
    if (trying_ || limit() == 1) return;
    up_ = false;
    feared_ = true;
    next_ = std::min(next_, std::max(now, undone_ + rest_ / 4));
  }

 private:
  /// In each tick of the clock.
  struct pace {
    double turns = 0;
    double items = 0;
  };

  /// What is compared is done in so many turns, about: where turns are long, in fewer there is
  /// little but chance.
  static constexpr std::uint64_t enough = 128;
  static constexpr clock::duration shortest = std::chrono::microseconds(250);
  static constexpr clock::duration longest = 16 * shortest;
  /// Nobody has looked meanwhile.
  static constexpr clock::duration too_long = longest + std::chrono::milliseconds(2);
  /// For those whose thread the kernel does not run.
  static constexpr clock::duration patience = std::chrono::milliseconds(40);
  /// For the idle, who look for work every half millisecond, and to whom the kernel gives a CPU.
  static constexpr clock::duration joining = std::chrono::milliseconds(2);
  static constexpr clock::duration shortest_rest = std::chrono::milliseconds(5);
  static constexpr clock::duration longest_rest = std::chrono::milliseconds(160);
  /// How much must be done with half the workers, or twice as many, by what was done before.
  static constexpr double share_of_half = 0.95;
  /// Races cost time that other work could have.
  static constexpr double share_of_half_in_fear = 0.85;
  static constexpr double share_of_twice = 1.1;
  /// Before a doubling is the best of late: a worker that was interrupted for a moment gets more
  /// done in the next.
  static constexpr double fades = 0.97;

  void begin_look(deadline now, const work_done& done) noexcept {
    looked_ = now;
    done_ = done;
  }

  /// The time in which it changes says nothing. As look().
  bool wait_for_change(deadline now, const work_done& done, int seats) noexcept {
    begin_look(now, done);
    const auto since = now - began_;
    if (seats > limit() && since < patience) return true;  // some are still there
    // Has nobody come yet?
    if (up_ && seats <= before_seats_ && since < joining) return false;
    changed_ = true;
    set_awaited(false);
    return false;
  }

  void begin(deadline now, const pace& lately, int seats) noexcept {
    // order: relaxed, a hint
    // mutation: never, policy: more workers are never tried; tests/spread_test.cpp wants them
    const bool wanted = wanted_.exchange(false, memory_order_relaxed);
    if (up_ && (!wanted || limit() >= most_)) up_ = false;
    if (!up_ && (seats <= 1 || limit() == 1)) {
      up_ = true;
      return;
    }
    before_ = lately;
    before_limit_ = limit();
    before_seats_ = seats;
    began_ = now;
    trying_ = true;
    tried_ = true;
    changed_ = false;
    twice_ = false;
    before_feared_ = std::exchange(feared_, false);
    const int now_used = std::clamp(seats, 1, limit());
    set_limit(up_ ? std::min(2 * now_used, most_) : std::max(now_used / 2, 1));
    set_awaited(up_);
  }

  /// Fibers that hand on many items in each turn take more turns when they fight for them; those
  /// that hand on none have only turns.
  [[nodiscard]] bool worth_it(const pace& lately) const noexcept {
    const bool by_items = 4 * before_.items >= before_.turns;
    const auto figure = [&](const pace& one) { return by_items ? one.items : one.turns; };
    if (up_) return figure(lately) >= figure(best_) * share_of_twice;
    return figure(lately) >=
           figure(before_) * (before_feared_ ? share_of_half_in_fear : share_of_half);
  }

  /// The last look took `time`.
  void undo(deadline now, clock::duration time) noexcept {
    trying_ = false;
    set_limit(before_limit_);
    up_ = !up_;
    const auto times = std::max<clock::rep>(time / shortest, 1);
    rest_ = std::clamp(2 * rest_, times * shortest_rest, times * longest_rest);
    undone_ = now;
    next_ = now + rest_;
  }

  void set_limit(int limit) noexcept {
    // order: relaxed, a hint for those who look without the lock
    limit_.store(limit, memory_order_relaxed);
  }
  void set_awaited(bool others) noexcept {
    // order: relaxed, a hint for those who look without the lock
    awaited_.store(others, memory_order_relaxed);
  }
  void set_due(deadline then) noexcept {
    // order: relaxed, a hint for those who look without the lock
    due_.store(then.time_since_epoch().count(), memory_order_relaxed);
  }

  const int most_;
  atomic<int> limit_{1};
  atomic<bool> wanted_{false};
  atomic<bool> awaited_{false};
  atomic<clock::rep> due_{0};

  deadline looked_{};
  work_done done_;  ///< then
  deadline next_{};
  deadline undone_{};
  clock::duration rest_{};
  bool up_ = true;  ///< the direction
  bool tried_ = false;

  bool feared_ = false;
  bool before_feared_ = false;
  bool trying_ = false;
  bool twice_ = false;    ///< it seemed to be worth it before
  bool changed_ = false;  ///< nothing is left of what was before
  deadline began_{};
  pace before_;
  pace best_;  ///< of the looks while nothing was tried
  int before_limit_ = 0;
  int before_seats_ = 0;
};

/// The races for a ring, or a lock, that a worker loses while it has work: with 2,000 fibers on two
/// workers one every 3 to 8 us if they do nothing but put and get, one every 50 us if they work for
/// 200 ns after each operation; fewer and longer ones on many cores. They say only that something
/// should be tried.
class lost_races {
 public:
  void begin(deadline now, std::uint64_t lost) noexcept {
    began_ = now;
    lost_ = lost;
  }
  /// Is it worth it to ask are_too_many?
  [[nodiscard]] bool are_many(std::uint64_t lost) const noexcept {
    return lost - lost_ >= progress::many;
  }
  /// The count begins anew.
  [[nodiscard]] bool are_too_many(deadline now, std::uint64_t lost) noexcept {
    const bool due = are_too_many(now - began_, lost - lost_);
    begin(now, lost);
    return due;
  }
  [[nodiscard]] static bool are_too_many(clock::duration in, std::uint64_t lost) noexcept {
    return in < static_cast<std::int64_t>(lost) * race_every;
  }

  /// Who fights is not coarse, for so long: between two losses a turn may look like it.
  static constexpr std::chrono::milliseconds memory{20};

 private:
  static constexpr std::chrono::microseconds race_every{100};

  deadline began_{};
  std::uint64_t lost_ = 0;
};

}  // namespace sluice::detail
