// What the strands did with a channel, and whether a queue could have done it, one operation after
// the other (linearizability).
//
// An operation comes before another if it happened before it, as the declared orders have it. The
// search is exact: it tries every order that keeps this one. Histories have a dozen operations.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "engine/hooks.hpp"
#include "sluice/status.hpp"

namespace sluice::explore {

enum class action : std::uint8_t { put, get, try_put, try_get, put_for, get_for, close, join };

/// The answer of what had no effect, or of a close that does not tell whether it was the first.
inline constexpr status untold = status::timed_out;

struct operation {
  action what;
  status how;  ///< of a close: `ok` if it closed, `closed` if another had
  int number;  ///< of the item
  moment begin, end;
};

class history {
 public:
  static constexpr unsigned most = 16;

  void add(const operation& one) noexcept {
    check(count_ < most, "a history is short");
    all_[count_++] = one;
  }

  /// `capacity`: how many items the queue holds at most.
  [[nodiscard]] bool is_that_of_a_queue(unsigned capacity) const noexcept {
    queue empty;
    empty.capacity = capacity;
    return search(0, empty);
  }

 private:
  struct queue {
    std::array<std::uint8_t, most> items{};
    unsigned size = 0;
    unsigned capacity = 0;
    bool closed = false;

    [[nodiscard]] bool drained() const noexcept { return closed && size == 0; }
    [[nodiscard]] bool full() const noexcept { return size >= capacity; }
  };

  static bool apply_put(queue& q, const operation& one) noexcept {
    switch (one.how) {
      case status::ok:
        if (q.closed || q.full()) return false;
        q.items[q.size++] = static_cast<std::uint8_t>(one.number);
        return true;
      case status::full:
        return !q.closed && q.full();
      case status::closed:
        return q.closed;
      default:
        return true;  // untold
    }
  }

  static bool apply_get(queue& q, const operation& one) noexcept {
    switch (one.how) {
      case status::ok:
        if (q.size == 0 || q.items[0] != one.number) return false;
        for (unsigned i = 1; i < q.size; ++i) q.items[i - 1] = q.items[i];
        --q.size;
        return true;
      case status::empty:
        return !q.closed && q.size == 0;
      case status::closed:
        return q.drained();
      default:
        return true;
    }
  }

  static bool apply(queue& q, const operation& one) noexcept {
    switch (one.what) {
      case action::put:
      case action::try_put:
      case action::put_for:
        return apply_put(q, one);
      case action::get:
      case action::try_get:
      case action::get_for:
        return apply_get(q, one);
      case action::close:
        return std::exchange(q.closed, true) == (one.how == status::closed) || one.how == untold;
      case action::join:
        break;
    }
    return q.drained();
  }

  [[nodiscard]] bool may_come_next(unsigned done, unsigned which) const noexcept {
    for (unsigned i = 0; i < count_; ++i) {
      if (i == which || (done & (1U << i)) != 0) continue;
      if (all_[i].end.is_before(all_[which].begin)) return false;
    }
    return true;
  }

  [[nodiscard]] bool search(unsigned done, const queue& q) const noexcept {
    if (done == (1U << count_) - 1) return true;
    for (unsigned i = 0; i < count_; ++i) {
      if ((done & (1U << i)) != 0 || !may_come_next(done, i)) continue;
      queue next = q;
      if (apply(next, all_[i]) && search(done | 1U << i, next)) return true;
    }
    return false;
  }

  std::array<operation, most> all_{};
  unsigned count_ = 0;
};

}  // namespace sluice::explore
