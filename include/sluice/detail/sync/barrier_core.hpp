// Phases and who waits for their ends; what barrier<C> is of every completion function.
//
// The word is the number of the phase, doubled, and the bit `waited`. The count of those who are
// still to arrive is beside it; whoever brings it to zero runs the completion function, sets the
// count anew and then, by the word, lets everybody go on.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/short_lock.hpp"
#include "sluice/detail/park/wait_list.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

class SLUICE_API barrier_core {
 public:
  constexpr explicit barrier_core(std::ptrdiff_t expected) noexcept
      : expected_(expected), missing_(expected) {}

  /// The number of the present phase. A strand that is still to arrive in it reads it first: the
  /// phase cannot end without it.
  [[nodiscard]] std::uint64_t phase() const noexcept {
    // order: acquire, pairs with the release in end_phase
    return word_.load(memory_order_acquire) / one;
  }

  enum class arrived : std::uint8_t { early, last, too_many };
  /// Whoever is last runs the completion function and calls end_phase.
  [[nodiscard]] arrived arrive(std::ptrdiff_t count) noexcept;
  /// One fewer from the next phase on. False: nobody is expected any more.
  [[nodiscard]] bool drop_one() noexcept;
  void end_phase() noexcept;

  /// Waits for the end of that phase. Throws std::logic_error in a forked child, never `cancelled`.
  void wait(std::uint64_t phase, const char* operation);

 private:
  void wait_for_end(std::uint64_t phase, const char* operation);

  static constexpr std::uint64_t waited = 1;
  static constexpr std::uint64_t one = 2;

  /// Written by end_phase, and by those who wait, under lock_.
  atomic<std::uint64_t> word_{0};
  /// How many are expected in the next phase; goes down only.
  atomic<std::ptrdiff_t> expected_;
  /// How many are still to arrive in this phase. Written by those who arrive.
  atomic<std::ptrdiff_t> missing_;
  object_lock lock_;
  wait_list waiters_;  ///< under lock_; empty exactly while `waited` is not set
};

}  // namespace sluice::detail
