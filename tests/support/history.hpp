// Histories of channels and what is wrong with them.
//
// Each strand records what it did, when it began and when it had the answer, in steps of one
// clock that all share. With values that differ, a first-in-first-out queue can be checked without
// a search, in O(n log n): for each way to be wrong there is a pattern of intervals that shows it.
// The checks are sound (what they report is wrong) and find what two strands alone can disprove.
//
// The shared clock orders its strands more strictly than the channel has to. So races of memory
// are for the tests that record nothing.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>
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
  };
  kind what;
  number value;
  step begin;
  step end;
};

/// The clock of one history.
class history_clock {
 public:
  step tick() noexcept { return next_.fetch_add(1); }

 private:
  std::atomic<step> next_{1};
};

/// What one strand saw.
class recorder {
 public:
  explicit recorder(history_clock& clock) : clock_(&clock) {}

  /// An operation begins now.
  [[nodiscard]] step begin() noexcept { return clock_->tick(); }
  /// It has ended now.
  void end(event::kind what, step began, number value = 0) {
    all_.push_back({what, value, began, clock_->tick()});
  }
  /// It has ended now with several items, in this order.
  template <class Values>
  void end_batch(event::kind what, step began, const Values& values) {
    const step ended = clock_->tick();
    for (const auto& value : values) all_.push_back({what, number_of(value), began, ended});
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

  /// What is wrong: one line each, nothing if all is well. `capacity` 0: a rendezvous. The channel
  /// was drained in the end.
  [[nodiscard]] std::vector<std::string> problems(std::size_t capacity) {
    found_.clear();
    match();
    check_items();
    check_order();
    check_emptiness();
    check_close();
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

  void match() {
    std::unordered_map<number, life> by_value;
    for (const event& one : all_) {
      if (one.what != event::kind::put && one.what != event::kind::get) continue;
      life& item = by_value[one.value];
      item.value = one.value;
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
    lives_.clear();
    for (const auto& [value, item] : by_value) lives_.push_back(item);
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

  /// Goes through `asked` in order of begin; for each, `judge` gets it and the item that was put
  /// wholly before it and whose get began last.
  template <class Asked, class Begin, class Judge>
  void against_earlier(std::vector<Asked> asked, Begin begin, Judge judge) {
    std::vector<life> earlier = lives_;
    std::ranges::sort(earlier, {}, &life::put_end);
    std::ranges::sort(asked, {}, begin);
    const life* last = nullptr;
    auto next = earlier.begin();
    for (const Asked& one : asked) {
      for (; next != earlier.end() && next->put_end < begin(one); ++next) {
        if (last == nullptr || next->get_begin > last->get_begin) last = &*next;
      }
      if (last != nullptr) judge(one, *last);
    }
  }

  void check_order() {
    against_earlier(
        lives_, [](const life& item) { return item.put_begin; },
        [this](const life& item, const life& earlier) {
          if (item.gets == 0 || earlier.get_begin <= item.get_end) return;
          say("overtaken by " + std::to_string(item.value), earlier);
        });
  }

  void check_emptiness() {
    std::vector<event> answers;
    for (const event& one : all_) {
      const bool asks = one.what == event::kind::get_empty || one.what == event::kind::get_end;
      if (asks) answers.push_back(one);
    }
    against_earlier(
        answers, [](const event& one) { return one.begin; },
        [this](const event& one, const life& earlier) {
          if (earlier.get_begin <= one.end) return;
          const bool end = one.what == event::kind::get_end;
          say(end ? "inside while a get saw the end" : "inside while a get saw nothing", earlier);
        });
  }

  void check_close() {
    step close_begin = never;
    step close_end = never;
    for (const event& one : all_) {
      if (one.what != event::kind::close) continue;
      if (close_begin != never) found_.push_back("closed twice");
      close_begin = one.begin;
      close_end = one.end;
    }
    for (const life& item : lives_) {
      if (item.puts == 1 && item.put_begin > close_end) say("accepted after the close", item);
    }
    for (const event& one : all_) {
      const bool closed = one.what == event::kind::put_closed || one.what == event::kind::get_end;
      if (closed && one.end < close_begin) found_.push_back("said to be closed before the close");
    }
  }

  /// Items that were certainly inside, at any moment.
  void check_capacity(std::size_t capacity) {
    if (capacity == no_limit) return;
    std::vector<std::pair<step, int>> changes;
    for (const life& item : lives_) {
      if (item.puts == 0 || item.put_end >= item.get_begin) continue;
      changes.emplace_back(item.put_end, 1);
      if (item.get_begin != never) changes.emplace_back(item.get_begin, -1);
    }
    std::ranges::sort(changes);
    std::int64_t inside = 0;
    for (const auto& [when, change] : changes) {
      inside += change;
      if (inside <= static_cast<std::int64_t>(capacity)) continue;
      found_.push_back(std::to_string(inside) + " items inside at step " + std::to_string(when));
      return;
    }
  }

  /// Was there, during each answer "full", a moment at which the channel can have been full?
  void check_fullness(std::size_t capacity) {
    step last = 1;
    for (const event& one : all_) last = std::max(last, one.end + 1);
    const std::size_t leaves = std::bit_ceil(static_cast<std::size_t>(last + 1));
    std::vector<std::int64_t> most(2 * leaves, 0);
    for (const life& item : lives_) {
      if (item.puts == 0) continue;
      ++most[leaves + item.put_begin];
      if (item.get_end != never) --most[leaves + item.get_end];
    }
    for (std::size_t i = 1; i < leaves; ++i) most[leaves + i] += most[leaves + i - 1];
    for (std::size_t i = leaves; i-- > 1;) most[i] = std::max(most[2 * i], most[2 * i + 1]);
    for (const event& one : all_) {
      if (one.what != event::kind::put_full) continue;
      std::int64_t found = 0;
      std::size_t from = leaves + one.begin;
      std::size_t to = leaves + one.end + 1;
      for (; from < to; from /= 2, to /= 2) {
        if (from % 2 == 1) found = std::max(found, most[from++]);
        if (to % 2 == 1) found = std::max(found, most[--to]);
      }
      if (found < static_cast<std::int64_t>(capacity)) {
        found_.push_back("said to be full with room, at step " + std::to_string(one.begin));
      }
    }
  }

  std::vector<event> all_;
  std::vector<life> lives_;
  std::vector<std::string> found_;
};

}  // namespace test
