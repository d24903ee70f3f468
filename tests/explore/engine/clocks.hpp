// Vector clocks: for each strand, up to which of its steps somebody has seen it.
#pragma once

#include <cstdint>

namespace sluice::explore {

/// The strand that prepares and checks is number 0.
inline constexpr unsigned most_strands = 8;

using clocks = std::int16_t __attribute__((vector_size(2 * most_strands)));

/// Is any of `a` later than what `seen` has seen?
inline bool any_unseen(clocks a, clocks seen) noexcept {
  using halves = std::uint64_t __attribute__((vector_size(16)));
  const auto later = reinterpret_cast<halves>(a > seen);
  return (later[0] | later[1]) != 0;
}

inline clocks join(clocks a, clocks b) noexcept { return a > b ? a : b; }

}  // namespace sluice::explore
