// Stands in for the shipped header of this name: three that wait are more than one portion, and one
// is less.
#pragma once

#include <cstddef>

namespace sluice::detail {

inline constexpr std::size_t jobs_at_once = 2;

}  // namespace sluice::detail
