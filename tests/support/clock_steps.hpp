// A steady clock that steps forward and stands still when it is told to, for the whole program.
//
// It replaces clock_gettime for CLOCK_MONOTONIC and CLOCK_MONOTONIC_COARSE, and the waits that end by
// that clock: include it in one source only. Under a sanitizer, which has such calls of its own, it
// does nothing (`* doctest::skip(!test::clock_can_step)`).
#pragma once

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstdint>
#include <ctime>
#include <mutex>

#include "system_call.hpp"
#include "watch.hpp"

namespace test {

inline constexpr bool clock_can_step = !under_asan && !under_tsan;

using nanoseconds = std::chrono::nanoseconds;

/// One of the two clocks: what it adds to the kernel's, or where it stands.
struct clock_face {
  nanoseconds shift{0};
  nanoseconds stands_at{0};
  bool stands = false;
};

/// Both together. Neither ever goes back.
class stepping_clock {
 public:
  /// What do sleeps in the kernel do when the clock steps meanwhile?
  enum class sleepers : std::uint8_t {
    follow,  ///< end when the clock has reached their end
    ignore,  ///< go on for as long as was left when they began
  };
  enum class which : std::uint8_t { exact, coarse };

  static void step(nanoseconds by) {
    const lock held;
    for (clock_face& one : faces_) one.shift += by;
  }
  static void stand(which one) {
    const lock held;
    clock_face& it = of(one);
    if (!it.stands) it.stands_at = real() + it.shift;
    it.stands = true;
  }
  /// It goes on from where it is; or jumps to where it would have been.
  static void go_on(which one, bool jumps) {
    const lock held;
    clock_face& it = of(one);
    if (!it.stands) return;
    if (!jumps) it.shift = it.stands_at - real();
    it.stands = false;
  }
  static void set_sleepers(sleepers how) { sleepers_ = how; }
  static bool sleepers_follow() { return sleepers_ == sleepers::follow; }

  [[nodiscard]] static nanoseconds now(which one) {
    const lock held;
    const clock_face& it = of(one);
    return it.stands ? it.stands_at : real() + it.shift;
  }
  /// A moment of this clock as one of the kernel's, if it goes on as it does now.
  [[nodiscard]] static nanoseconds to_real(nanoseconds at) {
    const lock held;
    return at - of(which::exact).shift;
  }

  [[nodiscard]] static nanoseconds real() {
    timespec t{};
    real_gettime(CLOCK_MONOTONIC, &t);
    return from(t);
  }
  static int real_gettime(clockid_t clock, timespec* t) {
    static constinit std::atomic<void*> known{nullptr};
    auto* const real = replaced<decltype(::clock_gettime)>(known, "clock_gettime");
    return real(clock, t);
  }

  [[nodiscard]] static nanoseconds from(const timespec& t) {
    return std::chrono::seconds(t.tv_sec) + nanoseconds(t.tv_nsec);
  }
  [[nodiscard]] static timespec to(nanoseconds t) {
    t = std::max(t, nanoseconds(1));
    return {t.count() / 1'000'000'000, t.count() % 1'000'000'000};
  }

 private:
  /// Whoever reads the clock later never sees less: reading and changing exclude each other.
  class lock {
   public:
    lock() noexcept {
      while (taken_.test_and_set()) ::sched_yield();
    }
    lock(const lock&) = delete;
    lock& operator=(const lock&) = delete;
    ~lock() { taken_.clear(); }
  };
  static clock_face& of(which one) { return faces_[static_cast<int>(one)]; }

  inline static std::atomic_flag taken_;
  inline static clock_face faces_[2];
  inline static std::atomic<sleepers> sleepers_{sleepers::follow};
};

}  // namespace test

// NOLINTBEGIN(misc-definitions-in-headers): see the head of the file
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SLUICE_TEST_KEEPS_CLOCK
#endif
#endif
#ifndef SLUICE_TEST_KEEPS_CLOCK
extern "C" {

int clock_gettime(clockid_t clock, timespec* t) noexcept {
  using test::stepping_clock;
  if (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE) {
    return stepping_clock::real_gettime(clock, t);
  }
  const bool exact = clock == CLOCK_MONOTONIC;
  *t = stepping_clock::to(
      stepping_clock::now(exact ? stepping_clock::which::exact : stepping_clock::which::coarse));
  return 0;
}

/// For the watchdog, whose second is one of the kernel's.
int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* limit) {
  using test::stepping_clock;
  static constinit std::atomic<void*> known{nullptr};
  auto* const real =
      test::replaced<decltype(pthread_cond_clockwait)>(known, "pthread_cond_clockwait");
  if (clock != CLOCK_MONOTONIC) return real(condition, mutex, clock, limit);
  const timespec at = stepping_clock::to(stepping_clock::to_real(stepping_clock::from(*limit)));
  return real(condition, mutex, clock, &at);
}

long syscall(long number, ...) noexcept {
  using test::stepping_clock;
  std::va_list rest;
  va_start(rest, number);
  test::system_call call(number, rest);
  va_end(rest);
  if (!call.sleeps() || call.limit() == nullptr) return call.make();
  const auto limit = stepping_clock::from(*call.limit());
  for (;;) {
    auto end = stepping_clock::to_real(limit);
    const bool follows = stepping_clock::sleepers_follow();
    if (follows) {  // look again and again whether the clock has stepped
      const auto now = stepping_clock::now(stepping_clock::which::exact);
      end = now >= limit
                ? test::nanoseconds(1)
                : stepping_clock::real() +
                      std::min<test::nanoseconds>(limit - now, std::chrono::microseconds(500));
    }
    const timespec at = stepping_clock::to(end);
    call.set_limit(at);
    const long rc = call.make();
    const bool over = !follows || end == test::nanoseconds(1);
    if (rc == 0 || errno != ETIMEDOUT || over) return rc;
  }
}

}  // extern "C"
#endif
#endif
// NOLINTEND(misc-definitions-in-headers)
