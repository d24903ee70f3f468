// Stands before the shipped header of this name: channels come home after few waits, and as soon as
// their guests have left.
#pragma once

#include <cstdint>

namespace sluice::detail {

constexpr std::uint32_t least_waits_to_move_in = 4;
constexpr std::uint32_t visits_a_meeting = 1;
constexpr std::uint8_t most_reluctance = 0;

}  // namespace sluice::detail
