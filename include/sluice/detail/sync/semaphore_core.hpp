// Permits and who waits for them; what counting_semaphore<N> is of every N.
//
// The word is the number of permits, doubled, or the bit `waited` alone: while a strand waits there
// is no permit, since a release gives them to those who wait, in order of arrival.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/clock.hpp"
#include "sluice/detail/base/short_lock.hpp"
#include "sluice/detail/park/wait_list.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

class SLUICE_API semaphore_core {
 public:
  /// The most permits that a word can hold.
  static constexpr std::ptrdiff_t limit = PTRDIFF_MAX / 2;

  constexpr explicit semaphore_core(std::ptrdiff_t permits) noexcept
      : word_(static_cast<std::uint64_t>(permits) * one) {}

  [[nodiscard]] bool try_acquire() noexcept {
    // order: relaxed, a guess that the compare-and-swap verifies
    std::uint64_t seen = word_.load(memory_order_relaxed);
    while (seen >= one) {
      // order: acquire, pairs with the release in release()
      if (word_.compare_exchange_weak(seen, seen - one, memory_order_acquire,
                                      memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  /// False: no time was left. Throws `cancelled`; std::logic_error in a forked child.
  [[nodiscard]] bool acquire(deadline until, const char* operation);

  /// False: there would be more than `most`, and nothing is done.
  [[nodiscard]] bool release(std::ptrdiff_t count, std::ptrdiff_t most) noexcept;

 private:
  static constexpr std::uint64_t waited = 1;
  static constexpr std::uint64_t one = 2;

  [[nodiscard]] bool take_or_announce() noexcept;
  [[nodiscard]] bool give(std::uint64_t count) noexcept;

  /// Written by all with read-modify-writes; while `waited` is set only under lock_.
  atomic<std::uint64_t> word_;
  object_lock lock_;
  wait_list waiters_;  ///< under lock_; empty exactly while `waited` is not set
};

}  // namespace sluice::detail
