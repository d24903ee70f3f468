// Is a short history that of a first-in-first-out channel? An exact answer, by search.
//
// The specification is sequential: what each operation answers in each state, and what it leaves
// behind. A history is right if its operations can be put into an order in which each takes effect
// at one moment between its begin and its end (linearizability; Herlihy, Wing 1990). One that was
// cancelled has no effect at any moment; one whose time ran out found the channel full, or empty, at
// one; a batch is as many operations, one after another. The search
// remembers the sets of operations and the states that it has been in (Wing, Gong 1993; Lowe 2017).
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "history.hpp"

namespace test {

/// A channel as one strand sees it that has it to itself.
class sequential_channel {
 public:
  /// `capacity` 0: a rendezvous, whose puts and gets take effect together.
  explicit sequential_channel(std::size_t capacity) : capacity_(capacity) {}

  /// Can the operation give that answer here? If so, it has taken effect.
  [[nodiscard]] bool take(const event& one) {
    switch (one.what) {
      case event::kind::put:
        if (closed_ || inside_.size() >= capacity_) return false;
        inside_.push_back(one.value);
        return true;
      case event::kind::put_full:
        return !closed_ && inside_.size() >= capacity_;
      case event::kind::put_closed:
        return closed_;
      case event::kind::get:
        if (inside_.empty() || inside_.front() != one.value) return false;
        inside_.pop_front();
        return true;
      case event::kind::get_empty:
        return !closed_ && inside_.empty();
      case event::kind::get_end:
        return closed_ && inside_.empty();
      case event::kind::close:
        return !std::exchange(closed_, true);
      case event::kind::stopped:
        return true;
    }
    return false;
  }

  /// Can a put and a get meet here? Then nothing is left behind.
  [[nodiscard]] bool meet(const event& put, const event& get) const {
    return capacity_ == 0 && !closed_ && put.what == event::kind::put &&
           get.what == event::kind::get && put.value == get.value;
  }

  friend auto operator<=>(const sequential_channel&, const sequential_channel&) = default;

 private:
  std::size_t capacity_;
  std::deque<number> inside_;
  bool closed_ = false;
};

class exact_history {
 public:
  static constexpr std::size_t most = 64;  ///< events

  explicit exact_history(std::vector<event> all) : all_(std::move(all)) {}

  /// Of a channel that starts empty and open.
  [[nodiscard]] bool is_right(std::size_t capacity) {
    been_.clear();
    return search(0, sequential_channel(capacity));
  }

 private:
  /// Is there one before it in its batch that is yet to come? Operations differ in their begin.
  [[nodiscard]] bool waits_for_another(std::uint64_t done, std::size_t which) const {
    if (all_[which].place == 0) return false;
    for (std::size_t i = 0; i < all_.size(); ++i) {
      const bool same_batch = all_[i].begin == all_[which].begin;
      if (same_batch && all_[i].place < all_[which].place && (done >> i & 1) == 0) return true;
    }
    return false;
  }

  bool search(std::uint64_t done, const sequential_channel& now) {
    const std::uint64_t whole = all_.size() == 64 ? ~0ULL : (1ULL << all_.size()) - 1;
    if (done == whole) return true;
    if (!been_.emplace(done, now).second) return false;
    step first_end = std::numeric_limits<step>::max();
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if ((done >> i & 1) == 0) first_end = std::min(first_end, all_[i].end);
    }
    // One that begins after another has ended cannot come before it.
    const auto can_be_next = [&](std::size_t i) {
      return (done >> i & 1) == 0 && all_[i].begin < first_end && !waits_for_another(done, i);
    };
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if (!can_be_next(i)) continue;
      sequential_channel next = now;
      if (next.take(all_[i]) && search(done | 1ULL << i, next)) return true;
      for (std::size_t k = 0; k < all_.size(); ++k) {
        if (!can_be_next(k) || !now.meet(all_[i], all_[k])) continue;
        if (search(done | 1ULL << i | 1ULL << k, now)) return true;
      }
    }
    return false;
  }

  std::vector<event> all_;
  std::set<std::pair<std::uint64_t, sequential_channel>> been_;
};

}  // namespace test
