// Atomics of the C++ library's own headers (std::stop_token), in code that is instrumented: the
// compiler makes them calls, and here they are steps as those of the shipped code.
#include <cstdint>

#include "engine/hooks.hpp"

namespace sluice::explore {
namespace {

constexpr std::memory_order order_of(int number) noexcept {
  return static_cast<std::memory_order>(number);
}

}  // namespace

// The compiler's names and types: an order is an int, a value has the size in the name.
#define SLUICE_EXPLORE_CHANGE(bits, name, how)                                                    \
  std::uint##bits##_t __tsan_atomic##bits##_##name(void* at, std::uint##bits##_t by, int order) { \
    return static_cast<std::uint##bits##_t>(                                                      \
        atomic_change(at, bits / 8, how, by, order_of(order), place::current()));                 \
  }
#define SLUICE_EXPLORE_COMPARE(bits, name)                                                       \
  int __tsan_atomic##bits##_compare_exchange_##name(void* at, std::uint##bits##_t* expected,     \
                                                    std::uint##bits##_t desired, int on_success, \
                                                    int on_failure) {                            \
    std::uint64_t seen = *expected;                                                              \
    const bool done =                                                                            \
        atomic_compare_exchange(at, bits / 8, seen, desired, order_of(on_success),               \
                                order_of(on_failure), strength::name, place::current());         \
    if (!done) *expected = static_cast<std::uint##bits##_t>(seen);                               \
    return done;                                                                                 \
  }
#define SLUICE_EXPLORE_ATOMIC(bits)                                                  \
  std::uint##bits##_t __tsan_atomic##bits##_load(const void* at, int order) {        \
    return static_cast<std::uint##bits##_t>(                                         \
        atomic_load(at, bits / 8, order_of(order), place::current()));               \
  }                                                                                  \
  void __tsan_atomic##bits##_store(void* at, std::uint##bits##_t value, int order) { \
    atomic_store(at, bits / 8, value, order_of(order), place::current());            \
  }                                                                                  \
  SLUICE_EXPLORE_CHANGE(bits, exchange, change::exchange)                            \
  SLUICE_EXPLORE_CHANGE(bits, fetch_add, change::add)                                \
  SLUICE_EXPLORE_CHANGE(bits, fetch_sub, change::subtract)                           \
  SLUICE_EXPLORE_CHANGE(bits, fetch_or, change::bits_or)                             \
  SLUICE_EXPLORE_CHANGE(bits, fetch_and, change::bits_and)                           \
  SLUICE_EXPLORE_COMPARE(bits, strong)                                               \
  SLUICE_EXPLORE_COMPARE(bits, weak)

extern "C" {
SLUICE_EXPLORE_ATOMIC(8)
SLUICE_EXPLORE_ATOMIC(16)
SLUICE_EXPLORE_ATOMIC(32)
SLUICE_EXPLORE_ATOMIC(64)
}

}  // namespace sluice::explore
