// The one place where the library names its atomics and its shared plain data.
//
// Every lock-free file is written on these aliases, so that a test build can swap in instrumented
// kinds (each operation a scheduling point, each plain access checked against happens-before)
// without touching the code under test.
#pragma once

#include <atomic>
#include <cstddef>

namespace sluice::detail {

template <class T>
using atomic = std::atomic<T>;

using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

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
