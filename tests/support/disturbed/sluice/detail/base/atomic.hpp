// Stands in for the shipped header of this name: before an operation the thread may lose its CPU.
//
// The steps with labels (docs/memory-model.md) are operations on these atomics, so each of them can
// come late while all other threads go on. A build takes this header by -iquote: tools/lanes yields.
#pragma once

#include <sched.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>

namespace sluice::detail {

using std::memory_order;
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

/// One time in 128 the thread yields, one in 4,096 it sleeps for up to 50 us.
/// Never inlined: an address of a thread_local object must not be kept across a switch.
[[gnu::noinline]] inline void disturb() noexcept {
  thread_local std::uint64_t state = 0;
  const int error = errno;
  timespec time{0, 0};
  if (state == 0) {
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    state = reinterpret_cast<std::uintptr_t>(&state) ^ static_cast<std::uint64_t>(time.tv_nsec);
    state |= 1;
  }
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  const std::uint64_t drawn = state >> 32;
  if (drawn % 4096 == 0) {
    time = {0, static_cast<long>(1000 * (1 + drawn / 4096 % 50))};
    ::nanosleep(&time, nullptr);
  } else if (drawn % 128 == 0) {
    ::sched_yield();
  }
  errno = error;
}

template <class T>
class atomic {
 public:
  constexpr atomic() noexcept = default;
  constexpr atomic(T value) noexcept : value_(value) {}  // NOLINT: as std::atomic
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(memory_order order = memory_order_seq_cst) const noexcept {
    disturb();
    return value_.load(order);
  }
  void store(T value, memory_order order = memory_order_seq_cst) noexcept {
    disturb();
    value_.store(value, order);
  }
  T exchange(T value, memory_order order = memory_order_seq_cst) noexcept {
    disturb();
    return value_.exchange(value, order);
  }
  bool compare_exchange_strong(T& expected, T desired, memory_order on_success,
                               memory_order on_failure) noexcept {
    disturb();
    return value_.compare_exchange_strong(expected, desired, on_success, on_failure);
  }
  bool compare_exchange_weak(T& expected, T desired, memory_order on_success,
                             memory_order on_failure) noexcept {
    disturb();
    return value_.compare_exchange_weak(expected, desired, on_success, on_failure);
  }
  T fetch_add(T by, memory_order order = memory_order_seq_cst) noexcept {
    disturb();
    return value_.fetch_add(by, order);
  }
  T fetch_sub(T by, memory_order order = memory_order_seq_cst) noexcept {
    disturb();
    return value_.fetch_sub(by, order);
  }
  T fetch_or(T bits, memory_order order = memory_order_seq_cst) noexcept {
    disturb();
    return value_.fetch_or(bits, order);
  }
  T fetch_and(T bits, memory_order order = memory_order_seq_cst) noexcept {
    disturb();
    return value_.fetch_and(bits, order);
  }

  static constexpr bool is_always_lock_free = std::atomic<T>::is_always_lock_free;

 private:
  std::atomic<T> value_{};
};

}  // namespace sluice::detail
