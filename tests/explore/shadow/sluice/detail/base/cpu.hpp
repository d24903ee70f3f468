// Stands in for the shipped header of this name: who spins lets the others run.
#pragma once

#include <cstddef>

#include "engine/hooks.hpp"

namespace sluice::detail {

inline constexpr std::size_t cache_line = 64;

inline void cpu_pause() noexcept { explore::pause(); }

}  // namespace sluice::detail
