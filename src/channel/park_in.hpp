// R6. Inlined into the ways to wait: what is rare is a call that needs one address, so that a frame
// which stays on the stack of a parked fiber keeps nothing else.
#pragma once

#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/channel/core.hpp"

namespace sluice::detail {

/// A wait that has one place in one list: both on the waiting strand's stack, side by side, so that
/// one address tells of both.
struct lone_wait {
  lone_wait(parker& strand, const char* operation, channel_core& where, decided how,
            void* item = nullptr) noexcept
      : self(strand, {operation, &where}, on_stop::end_wait, how), node(self, item) {}

  /// The channel, as the constructor was given it.
  [[nodiscard]] channel_core& where() const noexcept {
    return const_cast<channel_core&>(static_cast<const channel_core&>(*self.site().object));
  }

  waiter self;
  wait_node node;
};

/// How a wait is decided. That of a thread (no `fiber`) by a claim: it may be stopped before it is
/// seen to wait, when what it waits for may be gone.
[[nodiscard]] inline decided decided_for(const parker* fiber, time_limit until) noexcept {
  return fiber != nullptr && until.is_none() ? decided::under_lock : decided::by_claim;
}

/// R6. `wait` is that of `strand`, in the list `mine`.
[[gnu::always_inline]] inline status channel_core::park_in(lone_wait& wait, parker& strand,
                                                           time_limit until,
                                                           wait_list channel_core::*mine) {
  strand.wait(wait.self, until);
  if (wait.self.result() == outcome::completed) [[likely]] {
    edge_to(&wait.node);
    return status::ok;
  }
  return as_status(leave_unserved(wait, mine));
}

}  // namespace sluice::detail
