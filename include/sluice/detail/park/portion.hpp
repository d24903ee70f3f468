// How many waits a server ends at once. A header of its own: a test build makes it small.
#pragma once

#include <cstddef>

namespace sluice::detail {

/// Waits that one hold of a channel's lock ends at most.
inline constexpr std::size_t jobs_at_once = 64;

}  // namespace sluice::detail
