// The least number of waits after which a channel comes home, apart, so that a test build can take
// another one.
#pragma once

#include <cstdint>

namespace sluice::detail {

/// Some 10 us of two fibers that hand over each item.
constexpr std::uint32_t least_waits_to_move_in = 512;
constexpr std::uint32_t visits_a_meeting = 1;
constexpr std::uint8_t most_reluctance = 4;

}  // namespace sluice::detail
