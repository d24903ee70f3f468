// One process-wide word that every operation reads and that is zero nearly always.
//
// It is above zero while some strand has a reason to look up: a fiber's time slice is over, a
// stop was requested of a fiber that has not ended, or this is a forked child. An operation that
// finds it so calls the non-inlined checkpoint(), which asks the strand that runs.
#pragma once

#include <cstdint>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

/// What a strand must do before its next operation takes effect.
enum class verdict : std::uint8_t {
  proceed,  ///< nothing, or it has just given others their turn
  stop,     ///< its stop was requested: a waiting operation throws `cancelled`
  forked,   ///< it runs in a forked child, where no operation can work
};

/// May the operation wait? One that never does obeys no stop.
enum class operation_kind : std::uint8_t { may_wait, never_waits };

/// Written by tickers, request_stop and the fork handler; read by every operation. A reader may
/// conclude nothing from zero but that no reason was visible yet.
SLUICE_API extern atomic<std::uint32_t> attention;

/// Raised and lowered in pairs, one for each reason.
SLUICE_API void raise_attention() noexcept;
SLUICE_API void lower_attention() noexcept;

/// Asks the running strand. May give the worker to other fibers (the slice is over).
[[nodiscard]] SLUICE_API verdict checkpoint(operation_kind kind) noexcept;

/// The fast half of look_up: nobody has reason to look closer.
[[nodiscard]] inline bool nothing_to_attend() noexcept {
  // order: relaxed, a late answer is allowed for one scheduling tick
  return attention.load(memory_order_relaxed) == 0;
}

/// The check at the head of every operation: one relaxed load where there is nothing to see.
[[nodiscard]] inline verdict look_up(operation_kind kind) noexcept {
  if (nothing_to_attend()) [[likely]]
    return verdict::proceed;
  return checkpoint(kind);
}

/// Installs the fork handlers at the first use of the library. Cheap and idempotent.
SLUICE_API void watch_for_fork() noexcept;
/// Written once, by the only thread of a new child; read by all.
SLUICE_API extern atomic<bool> forked;
/// Is this process a child forked after the first use of the library?
[[nodiscard]] inline bool in_forked_child() noexcept {
  // order: relaxed, written before the child's first operation by the same thread
  // mutation: never, in no schedule is there a child; tests/fork_test.cpp has them
  return forked.load(memory_order_relaxed);
}

}  // namespace sluice::detail
