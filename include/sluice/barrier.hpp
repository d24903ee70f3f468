// Strands that meet again and again: what std::barrier is to threads, for fibers and threads alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "sluice/detail/sync/barrier_core.hpp"
#include "sluice/detail/sync/entry.hpp"

namespace sluice {

namespace detail {
/// The completion function of a barrier that has none.
struct no_completion {
  /// Does nothing.
  void operator()() const noexcept {}
};
}  // namespace detail

/// A phase ends when as many have arrived as are expected. The last to arrive then calls the
/// completion function, once, on its own strand and outside all locks, before anybody is released;
/// the next phase begins.
///
/// Any strand may call anything here. A stop ends no wait at a barrier: nothing here throws
/// `cancelled`. In a forked child what may wait throws std::logic_error. The barrier may be
/// destroyed as soon as every wait has returned, also while the last to arrive is on its way out of
/// `arrive`.
template <class Completion = detail::no_completion>
class barrier {
  static_assert(std::is_nothrow_invocable_v<Completion&>,
                "sluice: the completion function of a barrier takes nothing and is noexcept");

 public:
  /// The phase in which its holder arrived.
  class arrival_token {
   public:
    /// Moved into `wait` in the end.
    arrival_token(arrival_token&&) noexcept = default;
    /// What the token was is gone.
    arrival_token& operator=(arrival_token&&) noexcept = default;

   private:
    friend class barrier;
    explicit arrival_token(std::uint64_t phase) noexcept : phase_(phase) {}
    std::uint64_t phase_;
  };

  /// The most strands that a barrier can expect.
  [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept { return PTRDIFF_MAX; }

  /// `expected` is not negative, else std::logic_error.
  constexpr explicit barrier(std::ptrdiff_t expected, Completion completion = Completion())
      : core_(expected), completion_(std::move(completion)) {
    if (expected < 0) detail::throw_misused("barrier", "the expected count is not negative");
    detail::watch_unless_constant();
  }
  barrier(const barrier&) = delete;
  barrier& operator=(const barrier&) = delete;

  /// Arrives for `n`, does not wait for the others; runs the completion function if it is the last.
  /// `n` below 1, or more than are still expected in this phase: std::logic_error, nothing is done.
  [[nodiscard]] arrival_token arrive(std::ptrdiff_t n = 1) {
    const std::uint64_t phase = core_.phase();
    step(n, "arrive");
    return arrival_token(phase);
  }

  /// Waits for the end of the phase in which `token` was got.
  void wait(arrival_token&& token) const {
    detail::check_strand(detail::operation_kind::never_waits, "wait of a barrier");
    core_.wait(token.phase_, "wait of a barrier");
  }

  /// Arrives, and waits for the others.
  void arrive_and_wait() {
    detail::check_strand(detail::operation_kind::never_waits, "arrive_and_wait");
    const std::uint64_t phase = core_.phase();
    step(1, "arrive_and_wait");
    core_.wait(phase, "arrive_and_wait");
  }

  /// Arrives, and is not expected from the next phase on. Does not wait.
  void arrive_and_drop() {
    if (!core_.drop_one()) detail::throw_misused("arrive_and_drop", "nobody is expected any more");
    step(1, "arrive_and_drop");
  }

 private:
  void step(std::ptrdiff_t n, const char* operation) {
    using arrived = detail::barrier_core::arrived;
    const arrived how = core_.arrive(n);
    if (how == arrived::too_many) {
      detail::throw_misused(operation, "for fewer than one, or for more than are still expected");
    }
    if (how == arrived::early) return;
    completion_();
    core_.end_phase();
  }

  mutable detail::barrier_core core_;
  [[no_unique_address]] Completion completion_;
};

}  // namespace sluice
