// Stands in for the shipped header of this name: a scenario says when channels come home.
#pragma once

#include <cstdint>

namespace sluice::detail {

inline std::uint32_t least_waits_to_move_in = 2048;
constexpr std::uint32_t visits_a_meeting = 1;
constexpr std::uint8_t most_reluctance = 2;

}  // namespace sluice::detail
