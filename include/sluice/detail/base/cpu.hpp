// What concerns the cores that strands run on: how far apart data must lie, and how to spin.
//
// Not in atomic.hpp, so that a test build can replace the one without the other.
#pragma once

#include <cstddef>

namespace sluice::detail {

/// Bytes that two strands must keep apart so that they do not slow each other down.
inline constexpr std::size_t cache_line = 64;

/// Tells the core that it spins. Never waits.
inline void cpu_pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

}  // namespace sluice::detail
