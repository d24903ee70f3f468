// R6, and the withdrawal of whoever was not served. Inlined into the two ways to wait.
#pragma once

#include <mutex>

#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/channel/core.hpp"

namespace sluice::detail {

inline outcome channel_core::park_in(wait_list& s, wait_node& node, time_limit until) noexcept {
  const outcome how = park(*node.owner, until);
  if (how == outcome::timed_out || how == outcome::cancelled) [[unlikely]] {
    withdraw(s, node);
  } else {
    edge_to(&node);
  }
  return how;
}

}  // namespace sluice::detail
