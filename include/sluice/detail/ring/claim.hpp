// What an attempt to claim a place in a queue of items can find.
#pragma once

#include <cstdint>

namespace sluice::detail {

enum class claim : std::uint8_t {
  ok,      ///< the place is ours: fill or empty it, then publish or release it
  none,    ///< full (put) or empty (get) at some moment of the attempt
  closed,  ///< put: closed; get: closed and drained
  busy,    ///< the other side has claimed the place and is about to publish or release it
};

/// How many places were claimed since the start.
struct claimed {
  std::uint64_t put = 0;
  std::uint64_t got = 0;  ///< never more than `put`
};

}  // namespace sluice::detail
