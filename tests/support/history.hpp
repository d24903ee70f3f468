// Histories of channels and what is wrong with them.
//
// Each strand records what it did, when it began and when it had the answer, in steps of one
// clock that all share. With values that differ, a first-in-first-out queue can be checked without
// a search, in O(n log n): for each way to be wrong there is a pattern of intervals that shows it
// (Henzinger, Sezgin, Vafeiadis 2013; Bouajjani, Emmi, Enea, Hamza 2015). What is reported is wrong.
//
// Between two steps of the clock lies a gap: gap s comes after step s and before step s + 1. What
// took effect between its begin and its end did so in one of the gaps begin .. end - 1.
//
// The shared clock orders its strands more strictly than the channel has to. So races of memory
// are for the tests that record nothing.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "items.hpp"

namespace test {

using step = std::uint64_t;

struct event {
  enum class kind : std::uint8_t {
    put,         ///< accepted
    put_full,    ///< refused: full
    put_closed,  ///< refused: closed
    get,         ///< an item
    get_empty,   ///< no item now
    get_end,     ///< closed and drained
    close,       ///< the call that closed
    stopped,     ///< nothing, for it was cancelled
  };
  static constexpr std::size_t kinds = 8;
  kind what;
  number value;
  step begin;
  step end;
  std::size_t place = 0;  ///< in a batch, whose first takes effect first
};

/// The clock of one history.
class history_clock {
 public:
  step tick() noexcept { return next_.fetch_add(1); }

 private:
  std::atomic<step> next_{1};
};

/// What one strand saw. Strands do not share a cache line by it.
class alignas(64) recorder {
 public:
  explicit recorder(history_clock& clock) : clock_(&clock) {}

  /// An operation begins now.
  [[nodiscard]] step begin() noexcept { return clock_->tick(); }
  /// It has ended now.
  void end(event::kind what, step began, number value = 0) {
    all_.push_back({what, value, began, clock_->tick()});
  }
  /// It has ended now with several items, in this order; `cut`: and then with this.
  template <class Values>
  void end_batch(event::kind what, step began, const Values& values,
                 std::optional<event::kind> cut = {}) {
    const step ended = clock_->tick();
    std::size_t place = 0;
    for (const auto& value : values) {
      all_.push_back({what, number_of(value), began, ended, place++});
    }
    if (cut) all_.push_back({*cut, 0, began, ended, place});
  }

  [[nodiscard]] const std::vector<event>& events() const noexcept { return all_; }

 private:
  history_clock* clock_;
  std::vector<event> all_;
};

class history {
 public:
  static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

  void add(const recorder& strand) {
    all_.insert(all_.end(), strand.events().begin(), strand.events().end());
  }
  void add(const event& one) { all_.push_back(one); }
  [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
  [[nodiscard]] const std::vector<event>& events() const noexcept { return all_; }

  /// What is wrong: one line each, nothing if all is well. `capacity` 0: a rendezvous. The channel
  /// was drained in the end.
  [[nodiscard]] std::vector<std::string> problems(std::size_t capacity) {
    found_.clear();
    last_ = 1;
    for (const event& one : all_) last_ = std::max(last_, one.end);
    find_close();
    match();
    check_items();
    check_order();
    check_close();
    count_inside();
    check_emptiness();
    check_capacity(capacity);
    if (capacity != 0 && capacity != no_limit) check_fullness(capacity);
    return found_;
  }

 private:
  static constexpr step never = std::numeric_limits<step>::max();

  /// The life of one item.
  struct life {
    number value = 0;
    step put_begin = never;
    step put_end = never;
    step get_begin = never;
    step get_end = never;
    int puts = 0;
    int gets = 0;
  };

  void say(const std::string& what, const life& item) {
    found_.push_back(what + ": item " + std::to_string(item.value) + ", put " +
                     std::to_string(item.put_begin) + ".." + std::to_string(item.put_end) +
                     ", got " + std::to_string(item.get_begin) + ".." +
                     std::to_string(item.get_end));
  }
  void say(const std::string& what, const event& one) {
    found_.push_back(what + ", at " + std::to_string(one.begin) + ".." + std::to_string(one.end));
  }

  void find_close() {
    close_begin_ = close_end_ = never;
    for (const event& one : all_) {
      if (one.what != event::kind::close) continue;
      if (close_begin_ != never) say("closed twice", one);
      close_begin_ = one.begin;
      close_end_ = one.end;
    }
  }

  void match() {
    moves_.clear();
    for (const event& one : all_) {
      const bool moves = one.what == event::kind::put || one.what == event::kind::get;
      if (moves) moves_.push_back(one);
    }
    std::ranges::sort(moves_, {}, &event::value);
    lives_.clear();
    for (const event& one : moves_) {
      if (lives_.empty() || lives_.back().value != one.value)
        lives_.push_back({.value = one.value});
      life& item = lives_.back();
      if (one.what == event::kind::put) {
        ++item.puts;
        item.put_begin = one.begin;
        item.put_end = one.end;
      } else {
        ++item.gets;
        item.get_begin = one.begin;
        item.get_end = one.end;
      }
    }
  }

  void check_items() {
    for (const life& item : lives_) {
      if (item.puts == 0) say("out of thin air", item);
      if (item.puts > 1) say("put twice by the test itself", item);
      if (item.gets > 1) say("delivered twice", item);
      if (item.gets == 0) say("lost", item);
      if (item.gets == 1 && item.puts == 1 && item.get_end < item.put_begin) {
        say("delivered before it was put", item);
      }
    }
  }

  /// An item that was accepted took effect before the close, however long its put went on.
  [[nodiscard]] step in_by(const life& item) const { return std::min(item.put_end, close_end_); }

  /// Of what was put wholly before an item, was all that is got at all got no later than it?
  void check_order() {
    last_get_.assign(last_ + 1, nullptr);
    const auto later = [](const life* a, const life* b) {
      return a == nullptr || (b != nullptr && b->get_begin > a->get_begin) ? b : a;
    };
    for (const life& item : lives_) {
      if (item.puts != 0) last_get_[in_by(item)] = later(last_get_[in_by(item)], &item);
    }
    for (step s = 1; s <= last_; ++s) last_get_[s] = later(last_get_[s - 1], last_get_[s]);
    for (const life& item : lives_) {
      if (item.puts == 0 || item.gets == 0) continue;
      const life* earlier = last_get_[item.put_begin - 1];
      if (earlier == nullptr || earlier->get_begin <= item.get_end) continue;
      say("overtaken by " + std::to_string(item.value), *earlier);
    }
  }

  void check_close() {
    for (const life& item : lives_) {
      if (item.puts == 1 && item.put_begin > close_end_) say("accepted after the close", item);
    }
    for (const event& one : all_) {
      const bool closed = one.what == event::kind::put_closed || one.what == event::kind::get_end;
      const bool open = one.what == event::kind::put_full || one.what == event::kind::get_empty;
      if (closed && one.end < close_begin_) say("said to be closed before the close", one);
      if (open && one.begin > close_end_) say("said to be open after the close", one);
    }
  }

  /// For each gap, how many items were certainly inside, and how many may have been.
  void count_inside() {
    certain_.assign(last_ + 1, 0);
    possible_.assign(last_ + 1, 0);
    for (const life& item : lives_) {
      if (item.puts == 0) continue;
      ++possible_[item.put_begin];
      if (item.get_end != never) --possible_[item.get_end];
      if (in_by(item) >= item.get_begin) continue;
      ++certain_[in_by(item)];
      if (item.get_begin != never) --certain_[item.get_begin];
    }
    for (step s = 1; s <= last_; ++s) {
      certain_[s] += certain_[s - 1];
      possible_[s] += possible_[s - 1];
    }
  }

  /// For each step, in how many gaps before it was that so?
  template <class Condition>
  void count_gaps(Condition so) {
    gaps_.assign(last_ + 1, 0);
    for (step s = 0; s < last_; ++s) gaps_[s + 1] = gaps_[s] + (so(s) ? 1 : 0);
  }
  [[nodiscard]] bool in_some_gap(step begin, step end) const {
    return begin < end && gaps_[end] != gaps_[begin];
  }

  /// Was there, during each answer "nothing", a gap in which the channel can have been empty? It was
  /// open then, or, if that is the end, closed.
  void check_emptiness() {
    count_gaps([this](step s) { return certain_[s] == 0; });
    for (const event& one : all_) {
      if (one.what == event::kind::get_empty && one.begin < close_end_ &&
          !in_some_gap(one.begin, std::min(one.end, close_end_))) {
        say("a get saw nothing beside items", one);
      }
      if (one.what == event::kind::get_end && one.end > close_begin_ &&
          !in_some_gap(std::max(one.begin, close_begin_), one.end)) {
        say("a get saw the end beside items", one);
      }
    }
  }

  void check_capacity(std::size_t capacity) {
    if (capacity == no_limit) return;
    for (step s = 0; s < last_; ++s) {
      if (certain_[s] <= static_cast<std::int64_t>(capacity)) continue;
      found_.push_back(std::to_string(certain_[s]) + " items inside at step " + std::to_string(s));
      return;
    }
  }

  /// Was there, during each answer "full", a gap in which the channel can have been full?
  void check_fullness(std::size_t capacity) {
    count_gaps([&](step s) { return possible_[s] >= static_cast<std::int64_t>(capacity); });
    for (const event& one : all_) {
      if (one.what == event::kind::put_full && !in_some_gap(one.begin, one.end)) {
        say("said to be full with room", one);
      }
    }
  }

  std::vector<event> all_;
  std::vector<event> moves_;
  std::vector<life> lives_;
  std::vector<const life*> last_get_;
  std::vector<std::int64_t> certain_;
  std::vector<std::int64_t> possible_;
  std::vector<step> gaps_;
  step last_ = 1;  ///< of the clock
  step close_begin_ = never;
  step close_end_ = never;
  std::vector<std::string> found_;
};

}  // namespace test
