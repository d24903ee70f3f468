// Which fiber runs, without a call, for the few functions in which a strand waits.
//
// Only for functions that are never inlined, and there once, before anything may switch: nowhere
// else may an address of this thread stay in a register.
#pragma once

#include "sluice/detail/park/parker.hpp"

namespace sluice::detail {

/// The fiber that runs on this thread; nullptr: the thread itself.
[[gnu::tls_model("initial-exec")]] extern thread_local constinit atomic<parker*> current_strand;

/// Null: a plain thread runs.
[[nodiscard]] [[gnu::always_inline]] inline parker* running_fiber() noexcept {
  // order: relaxed, written by this thread
  return current_strand.load(memory_order_relaxed);
}

}  // namespace sluice::detail
