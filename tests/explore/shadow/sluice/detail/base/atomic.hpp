// Stands in for the shipped header of this name: each operation is a step of the explorer.
//
// An atomic has the size and the bytes of its value, and lives in zeroed memory without a
// constructor, as the shipped one does. All else is kept by the engine, under its address.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "engine/hooks.hpp"

namespace sluice::detail {

using std::memory_order;
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

template <class T>
class atomic {
  using place = explore::place;
  using change = explore::change;
  using strength = explore::strength;

 public:
  constexpr atomic() noexcept : value_{} { begin(); }
  constexpr atomic(T value) noexcept : value_{value} { begin(); }  // NOLINT: as std::atomic
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;
  constexpr ~atomic() {
    if (!std::is_constant_evaluated()) explore::atomic_ends(&value_, sizeof(T));
  }

  T load(memory_order order, const place& where = place::current()) const noexcept {
    return out(explore::atomic_load(&value_, sizeof(T), order, where));
  }
  void store(T value, memory_order order, const place& where = place::current()) noexcept {
    explore::atomic_store(&value_, sizeof(T), in(value), order, where);
  }
  T exchange(T value, memory_order order, const place& where = place::current()) noexcept {
    return alter(change::exchange, in(value), order, where);
  }
  bool compare_exchange_strong(T& expected, T desired, memory_order on_success,
                               memory_order on_failure,
                               const place& where = place::current()) noexcept {
    return compare_exchange(expected, desired, on_success, on_failure, strength::strong, where);
  }
  bool compare_exchange_weak(T& expected, T desired, memory_order on_success,
                             memory_order on_failure,
                             const place& where = place::current()) noexcept {
    return compare_exchange(expected, desired, on_success, on_failure, strength::weak, where);
  }
  T fetch_add(T by, memory_order order, const place& where = place::current()) noexcept {
    return alter(change::add, in(by), order, where);
  }
  T fetch_sub(T by, memory_order order, const place& where = place::current()) noexcept {
    return alter(change::subtract, in(by), order, where);
  }
  T fetch_or(T bits, memory_order order, const place& where = place::current()) noexcept {
    return alter(change::bits_or, in(bits), order, where);
  }
  T fetch_and(T bits, memory_order order, const place& where = place::current()) noexcept {
    return alter(change::bits_and, in(bits), order, where);
  }

 private:
  static_assert(std::is_trivially_copyable_v<T> && std::has_single_bit(sizeof(T)) &&
                sizeof(T) <= 8);

  static std::uint64_t in(T value) noexcept {
    std::uint64_t word = 0;
    __builtin_memcpy(&word, &value, sizeof(T));
    return word;
  }
  static T out(std::uint64_t word) noexcept {
    T value;
    __builtin_memcpy(static_cast<void*>(&value), &word, sizeof(T));
    return value;
  }
  bool compare_exchange(T& expected, T desired, memory_order on_success, memory_order on_failure,
                        strength how, const place& where) noexcept {
    std::uint64_t seen = in(expected);
    const bool done = explore::atomic_compare_exchange(&value_, sizeof(T), seen, in(desired),
                                                       on_success, on_failure, how, where);
    if (!done) expected = out(seen);
    return done;
  }
  T alter(change how, std::uint64_t operand, memory_order order, const place& where) noexcept {
    return out(explore::atomic_change(&value_, sizeof(T), how, operand, order, where));
  }
  constexpr void begin() noexcept {
    if (!std::is_constant_evaluated()) explore::atomic_begins(&value_, sizeof(T));
  }

  alignas(sizeof(T)) T value_;
};

}  // namespace sluice::detail
