// When fibers of one channel fight for its lines across cores.
//
// An operation on a ring whose lines are on another core takes three times as long as one that
// finds them, so fibers that do little else are better off on one worker, while those that work
// in between are better off on all. Which they are shows in the races for the ring that a worker
// loses: with 2,000 fibers on two workers one every 3 to 8 us each if they do nothing but put and
// get, one every 50 us if they work for 200 ns after each operation.
//
// A worker that loses one every 16 us gives what is ready to another and rests (idle.hpp), and
// then stays away from fibers that take fine turns elsewhere: for 10 ms, and twice as long each
// time that it happens again. A visit without such losses makes up for all. What is coarse or has
// not begun it takes as always. Races that it loses to plain threads count too, since nobody can
// tell them apart: at worst one worker has all that is fine, as in a runtime that has only one.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "sluice/detail/base/clock.hpp"

namespace sluice::detail {

class retreat_policy {
 public:
  /// The worker has found work. `lost` is how many races its thread has lost so far.
  void begin(deadline now, std::uint64_t lost) noexcept {
    began_ = now;
    lost_ = lost;
  }

  /// For a busy worker now and then: is it worth it to ask is_due?
  [[nodiscard]] bool may_be_due(std::uint64_t lost) const noexcept {
    return lost - lost_ >= enough;
  }

  /// Has it lost too many races? `others` changes when another worker gives up: then the count
  /// begins anew, so that they give up one at a time, and only as many as have to.
  [[nodiscard]] bool is_due(deadline now, std::uint64_t lost, std::uint64_t others) noexcept {
    const bool due = others == others_ && too_many(now, lost);
    others_ = others;
    gave_up_ |= due;
    begin(now, lost);
    return due;
  }

  /// It has no work any more.
  void end(deadline now, std::uint64_t lost) noexcept {
    const bool short_visit = lost - lost_ < enough && now - began_ < shortest_visit;
    const bool gave_up = std::exchange(gave_up_, false);
    if (short_visit && !gave_up) return;  // it says nothing
    if (!gave_up && !too_many(now, lost)) {
      away_ = {};
      return;
    }
    away_ = std::clamp(2 * away_, shortest_retreat, longest_retreat);
    until_ = now + away_;
  }

  [[nodiscard]] bool holds(deadline now) const noexcept { return now < until_; }

 private:
  static constexpr std::uint64_t enough = 32;
  static constexpr std::chrono::microseconds race_every{16};
  static constexpr std::chrono::microseconds shortest_visit{100};
  static constexpr clock::duration shortest_retreat = std::chrono::milliseconds(10);
  static constexpr clock::duration longest_retreat = std::chrono::milliseconds(160);

  [[nodiscard]] bool too_many(deadline now, std::uint64_t lost) const noexcept {
    return now - began_ < static_cast<std::int64_t>(lost - lost_) * race_every;
  }

  deadline began_{};
  std::uint64_t lost_ = 0;
  std::uint64_t others_ = 0;
  bool gave_up_ = false;  ///< since the last end
  clock::duration away_{};
  deadline until_{};
};

}  // namespace sluice::detail
