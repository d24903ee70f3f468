// A channel that many strands use at random: what each of them did, as a history.
//
// Strands put and get in four ways, in most rounds mostly in one of them; the close comes from the
// last putter, from one in the middle of its puts, or from a strand of its own at any time.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "history.hpp"
#include "rest.hpp"
#include "shapes.hpp"
#include "sluice/channel.hpp"
#include "strands.hpp"
#include "watch.hpp"

namespace test {

/// One channel, and the strands that use it at random.
class recorded {
 public:
  recorded(const shape& what, std::uint64_t which)
      : what_(what), which_(which), ch_(what.make<number>()), style_(numbers(98)() % 5) {
    random any = numbers(99);
    closing_ = static_cast<closing>(any() % 3);
    close_at_ = static_cast<int>(any() % operations);
  }

  history run(strands& crowd) {
    for (std::size_t i = 0; i < putters; ++i) crowd.start([this, i] { put_at_random(i); });
    for (std::size_t i = putters; i < putters + getters; ++i) {
      crowd.start([this, i] { get_at_random(i); });
    }
    crowd.start([this] { wait_for_the_end(seen_[putters + getters]); });
    if (closing_ == closing::by_another) crowd.start([this] { close_sometime(); });
    crowd.join();
    history all;
    for (const recorder& one : seen_) all.add(one);
    CHECK(ch_.drained());
    check_at_rest(ch_);
    return all;
  }

 private:
  static constexpr std::size_t putters = 3;
  static constexpr std::size_t getters = 3;
  static constexpr int operations = 250;

  enum class closing : std::uint8_t { by_the_last_putter, by_a_putter, by_another };

  [[nodiscard]] random numbers(std::size_t strand) const {
    return random_for(what_.name(), strand + 128 * which_);
  }

  /// Which of the four ways to put or get: in most rounds the strands have one that they prefer.
  [[nodiscard]] std::uint64_t way(random& any) const {
    return style_ < 4 && any() % 8 < 6 ? style_ : any() % 4;
  }

  void close(recorder& seen) {
    const step began = seen.begin();
    CHECK(ch_.close());
    seen.end(event::kind::close, began);
  }

  void close_sometime() {
    for (std::uint64_t looks = numbers(97)() % 400; looks > 0 && putting_ != 0; --looks) {
      relax();
    }
    close(seen_[putters + getters + 1]);
  }

  void record(recorder& seen, step began, sluice::status answer, number value) {
    if (answer == sluice::status::ok) seen.end(event::kind::put, began, value);
    if (answer == sluice::status::closed) seen.end(event::kind::put_closed, began);
    if (answer != sluice::status::full) return;
    seen.end(event::kind::put_full, began);
    relax();
  }

  void record(recorder& seen, step began, const sluice::result<number>& answer) {
    if (answer) seen.end(event::kind::get, began, *answer);
    if (answer.status() == sluice::status::closed) seen.end(event::kind::get_end, began);
    if (answer.status() != sluice::status::empty) return;
    seen.end(event::kind::get_empty, began);
    relax();
  }

  void put_at_random(std::size_t strand) {
    recorder& seen = seen_[strand];
    random any = numbers(strand);
    for (int i = 0; i < operations; ++i) {
      if (closing_ == closing::by_a_putter && strand == 0 && i == close_at_) close(seen);
      const number value = static_cast<number>(strand) * 1'000'000 + 4 * i;
      const std::uint64_t how = way(any);
      const step began = seen.begin();
      if (how == 0) {
        record(seen, began, ch_.try_put(value), value);
      } else if (how == 1) {
        record(seen, began, ch_.put_for(value, std::chrono::microseconds(any() % 50)), value);
      } else if (how == 2) {
        std::vector<number> batch{value, value + 1, value + 2};
        batch.resize(ch_.put_batch(batch));
        seen.end_batch(event::kind::put, began, batch);
      } else {
        record(seen, began, ch_.put_for(value, std::chrono::hours(1)), value);
      }
    }
    if (--putting_ == 0 && closing_ == closing::by_the_last_putter) close(seen);
  }

  void get_at_random(std::size_t strand) {
    recorder& seen = seen_[strand];
    random any = numbers(strand);
    for (bool ended = false; !ended;) {
      const std::uint64_t how = way(any);
      const step began = seen.begin();
      if (how == 2) {
        const std::vector<number> batch = ch_.try_get_batch(1 + any() % 5);
        seen.end_batch(event::kind::get, began, batch);
        if (batch.empty()) relax();
        continue;
      }
      const sluice::result<number> answer = how == 0 ? ch_.try_get()
                                            : how == 1
                                                ? ch_.get_for(std::chrono::microseconds(any() % 50))
                                                : ch_.get_for(std::chrono::hours(1));
      record(seen, began, answer);
      ended = how == 3 && !answer;
    }
  }

  void wait_for_the_end(recorder& seen) {
    ch_.join();
    const step began = seen.begin();
    CHECK(ch_.drained());
    CHECK(ch_.empty());
    seen.end(event::kind::get_end, began);
  }

  const shape& what_;
  const std::uint64_t which_;
  const sluice::channel<number> ch_;
  const std::uint64_t style_;
  closing closing_;
  int close_at_;
  history_clock clock_;
  std::vector<recorder> seen_{putters + getters + 2, recorder(clock_)};
  std::atomic<std::size_t> putting_{putters};
};

}  // namespace test
