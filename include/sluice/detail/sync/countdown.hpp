// A count that strands bring to zero while others wait for that; what latch and wait_group share.
//
// The word is the count, doubled, and the bit `waited`, which is set only while the count is above
// zero: whoever brings it to zero with the bit set does it under the lock, and wakes all.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/clock.hpp"
#include "sluice/detail/base/short_lock.hpp"
#include "sluice/detail/park/wait_list.hpp"
#include "sluice/detail/park/waiter.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

class SLUICE_API countdown {
 public:
  /// The largest count that a word can hold.
  static constexpr std::ptrdiff_t limit = PTRDIFF_MAX / 2;

  constexpr explicit countdown(std::ptrdiff_t count) noexcept
      : word_(static_cast<std::uint64_t>(count) * one) {}

  [[nodiscard]] bool zero() const noexcept {
    // order: acquire, pairs with the release of whoever brought it to zero
    // mutation: never, only slower: who waits looks again under the lock; tests/counting_test.cpp
    // asks without waiting
    return word_.load(memory_order_acquire) < one;
  }

  /// False: it would be above the limit, and nothing is done. `count` is not negative.
  [[nodiscard]] bool add(std::ptrdiff_t count) noexcept;
  /// False: it would be below zero, and nothing is done. `count` is not negative.
  [[nodiscard]] bool subtract(std::ptrdiff_t count) noexcept;
  /// Waits for zero; `completed`, `timed_out` or `cancelled`. Throws std::logic_error in a forked
  /// child.
  [[nodiscard]] outcome wait(deadline until, on_stop stop, const char* operation);

 private:
  static constexpr std::uint64_t waited = 1;
  static constexpr std::uint64_t one = 2;

  [[nodiscard]] bool announce() noexcept;
  [[nodiscard]] bool end(std::uint64_t seen) noexcept;

  /// Written by all with read-modify-writes; `waited` only under lock_.
  atomic<std::uint64_t> word_;
  object_lock lock_;
  wait_list waiters_;  ///< under lock_; empty exactly while `waited` is not set
};

}  // namespace sluice::detail
