// R6, and the withdrawal of whoever was not served. Inlined into the two ways to wait.
#pragma once

#include <mutex>

#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/channel/core.hpp"

namespace sluice::detail {

/// `self` is the wait of `strand`, and the node's owner: told again, so that nothing is read back.
inline outcome channel_core::park_in(wait_list& s, wait_node& node, parker& strand, waiter& self,
                                     time_limit until) noexcept {
  strand.wait(self, until);
  const outcome how = self.result();
  if (how == outcome::timed_out || how == outcome::cancelled) [[unlikely]] {
    withdraw(s, node);
  } else {
    edge_to(&node);
  }
  return how;
}

}  // namespace sluice::detail
