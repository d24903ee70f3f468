// Lets the n-th request of a kind fail, whoever makes it: memory, mappings, advice, threads, sleeps.
//
// It replaces calls of the C library in the whole program, and operator new by allocations.hpp:
// include it in one source only. Under a sanitizer, which has such calls of its own, only memory can
// fail (under clang's ThreadSanitizer nothing can).
#pragma once

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <ctime>

#include "allocations.hpp"
#include "system_call.hpp"

#ifdef __SANITIZE_ADDRESS__
#define SLUICE_TEST_REPLACES_CALLS 0
#else
#define SLUICE_TEST_REPLACES_CALLS SLUICE_TEST_OWN_NEW
#endif

namespace test {

enum class request : std::uint8_t {
  memory,       ///< operator new throws std::bad_alloc
  mapping,      ///< mmap fails with ENOMEM
  protection,   ///< madvise and mprotect fail with ENOMEM
  thread,       ///< pthread_create fails with EAGAIN
  interrupted,  ///< a futex wait returns at once, with EINTR
  spurious,     ///< a futex wait returns at once, as if it had been woken
};

inline constexpr bool memory_can_fail = counts_memory;
inline constexpr bool calls_can_fail = SLUICE_TEST_REPLACES_CALLS != 0;

/// While it lives, the n-th request of that kind from now on fails (n from 1), and all later ones,
/// if the fault lasts. One at a time.
class fault {
 public:
  enum class duration : std::uint8_t { once, lasting };

  fault(request kind, std::int64_t n, duration how) noexcept {
    seen_ = 0;
    lasting_ = how == duration::lasting;
    kind_ = kind;
    at_ = n;
    refuses_memory = []() noexcept { return strikes(request::memory); };
  }
  fault(const fault&) = delete;
  fault& operator=(const fault&) = delete;
  ~fault() { end(); }

  /// From now on all is well.
  void end() noexcept {
    at_ = 0;
    refuses_memory = nullptr;
  }
  /// Did a request fail?
  [[nodiscard]] static bool happened() noexcept { return happened_count() != 0; }
  [[nodiscard]] static std::int64_t happened_count() noexcept { return failed_; }
  static void forget() noexcept { failed_ = 0; }

  /// Asked by the replaced calls.
  static bool strikes(request kind) noexcept {
    const std::int64_t n = at_.load();
    if (n == 0 || kind_.load() != kind) return false;
    const std::int64_t now = ++seen_;
    const bool hit = lasting_.load() ? now >= n : now == n;
    if (hit) ++failed_;
    return hit;
  }

 private:
  inline static std::atomic<std::int64_t> at_{0};
  inline static std::atomic<std::int64_t> seen_{0};
  inline static std::atomic<std::int64_t> failed_{0};
  inline static std::atomic<request> kind_{request::memory};
  inline static std::atomic<bool> lasting_{false};
};

/// Called on the thread that asked, before it is refused a thread.
inline std::atomic<void (*)()> before_refusal{nullptr};

/// Has that moment of CLOCK_MONOTONIC come? Then the kernel answers ETIMEDOUT, signal or not.
inline bool is_over(const timespec* limit) noexcept {
  if (limit == nullptr) return false;
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec > limit->tv_sec ||
         (now.tv_sec == limit->tv_sec && now.tv_nsec >= limit->tv_nsec);
}

}  // namespace test

// NOLINTBEGIN(misc-definitions-in-headers): see the head of the file
#if SLUICE_TEST_REPLACES_CALLS
extern "C" {

void* mmap(void* at, size_t size, int access, int flags, int file, off_t offset) noexcept {
  static constinit std::atomic<void*> known{nullptr};
  auto* const real = test::replaced<decltype(mmap)>(known, "mmap");
  if (!test::fault::strikes(test::request::mapping)) {
    return real(at, size, access, flags, file, offset);
  }
  errno = ENOMEM;
  return MAP_FAILED;
}

int madvise(void* at, size_t size, int advice) noexcept {
  static constinit std::atomic<void*> known{nullptr};
  auto* const real = test::replaced<decltype(madvise)>(known, "madvise");
  if (!test::fault::strikes(test::request::protection)) return real(at, size, advice);
  errno = ENOMEM;
  return -1;
}

int mprotect(void* at, size_t size, int access) noexcept {
  static constinit std::atomic<void*> known{nullptr};
  auto* const real = test::replaced<decltype(mprotect)>(known, "mprotect");
  if (!test::fault::strikes(test::request::protection)) return real(at, size, access);
  errno = ENOMEM;
  return -1;
}

int pthread_create(pthread_t* thread, const pthread_attr_t* how, void* (*body)(void*),
                   void* argument) noexcept {
  static constinit std::atomic<void*> known{nullptr};
  auto* const real = test::replaced<decltype(pthread_create)>(known, "pthread_create");
  if (!test::fault::strikes(test::request::thread)) return real(thread, how, body, argument);
  if (auto* const hook = test::before_refusal.load()) hook();
  return EAGAIN;
}

long syscall(long number, ...) noexcept {
  std::va_list rest;
  va_start(rest, number);
  const test::system_call call(number, rest);
  va_end(rest);
  if (call.sleeps() && !test::is_over(call.limit())) {
    if (test::fault::strikes(test::request::spurious)) return 0;
    if (test::fault::strikes(test::request::interrupted)) {
      errno = EINTR;
      return -1;
    }
  }
  return call.make();
}

}  // extern "C"
#endif
// NOLINTEND(misc-definitions-in-headers)
