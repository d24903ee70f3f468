// Lets the n-th request of a kind fail, whoever makes it: memory, mappings, advice, threads, sleeps.
//
// It replaces operator new and the C library's calls of the whole program: include it in one source
// only. Under a sanitizer, which has such calls of its own, only memory can fail (under clang's
// ThreadSanitizer nothing can).
#pragma once

#include <dlfcn.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <new>

// What may be replaced: 0 nothing, 1 operator new, 2 the calls as well.
#define SLUICE_TEST_REPLACES 2
#ifdef __SANITIZE_ADDRESS__
#undef SLUICE_TEST_REPLACES
#define SLUICE_TEST_REPLACES 1
#endif
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#undef SLUICE_TEST_REPLACES
#define SLUICE_TEST_REPLACES 0
#endif
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

inline constexpr bool memory_can_fail = SLUICE_TEST_REPLACES >= 1;
inline constexpr bool calls_can_fail = SLUICE_TEST_REPLACES >= 2;

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
  }
  fault(const fault&) = delete;
  fault& operator=(const fault&) = delete;
  ~fault() { end(); }

  /// From now on all is well.
  void end() noexcept { at_ = 0; }
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

/// Blocks that operator new has given and that are still in use.
inline std::atomic<std::int64_t> blocks_in_use{0};

inline void* give_block(std::size_t size, std::size_t alignment) {
  void* block = nullptr;
  if (!fault::strikes(request::memory)) {
    const std::size_t whole = (size + alignment - 1) / alignment * alignment;
    block = std::aligned_alloc(alignment, whole == 0 ? alignment : whole);
  }
  if (block == nullptr) throw std::bad_alloc();
  ++blocks_in_use;
  return block;
}

inline void take_block(void* block) noexcept {
  if (block == nullptr) return;
  --blocks_in_use;
  std::free(block);
}

/// Has that moment of CLOCK_MONOTONIC come? Then the kernel answers ETIMEDOUT, signal or not.
inline bool is_over(const timespec* limit) noexcept {
  if (limit == nullptr) return false;
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec > limit->tv_sec ||
         (now.tv_sec == limit->tv_sec && now.tv_nsec >= limit->tv_nsec);
}

/// The call of that name which this program has replaced.
template <class F>
F* replaced(const char* name) noexcept {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace test

// NOLINTBEGIN(misc-definitions-in-headers): see the head of the file
#if SLUICE_TEST_REPLACES >= 1
void* operator new(std::size_t size) { return test::give_block(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return test::give_block(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* block) noexcept { test::take_block(block); }
void operator delete(void* block, std::size_t) noexcept { test::take_block(block); }
void operator delete(void* block, std::align_val_t) noexcept { test::take_block(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  test::take_block(block);
}

#if SLUICE_TEST_REPLACES >= 2
extern "C" {

void* mmap(void* at, size_t size, int access, int flags, int file, off_t offset) noexcept {
  static auto* const real = test::replaced<decltype(mmap)>("mmap");
  if (!test::fault::strikes(test::request::mapping)) {
    return real(at, size, access, flags, file, offset);
  }
  errno = ENOMEM;
  return MAP_FAILED;
}

int madvise(void* at, size_t size, int advice) noexcept {
  static auto* const real = test::replaced<decltype(madvise)>("madvise");
  if (!test::fault::strikes(test::request::protection)) return real(at, size, advice);
  errno = ENOMEM;
  return -1;
}

int mprotect(void* at, size_t size, int access) noexcept {
  static auto* const real = test::replaced<decltype(mprotect)>("mprotect");
  if (!test::fault::strikes(test::request::protection)) return real(at, size, access);
  errno = ENOMEM;
  return -1;
}

int pthread_create(pthread_t* thread, const pthread_attr_t* how, void* (*body)(void*),
                   void* argument) noexcept {
  static auto* const real = test::replaced<decltype(pthread_create)>("pthread_create");
  if (!test::fault::strikes(test::request::thread)) return real(thread, how, body, argument);
  if (auto* const hook = test::before_refusal.load()) hook();
  return EAGAIN;
}

long syscall(long number, ...) noexcept {
  static auto* const real = test::replaced<decltype(syscall)>("syscall");
  std::va_list rest;
  va_start(rest, number);
  long a[6];
  for (long& one : a) one = va_arg(rest, long);
  va_end(rest);
  const bool sleeps = number == SYS_futex && (a[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
  if (sleeps && !test::is_over(reinterpret_cast<const timespec*>(a[3]))) {
    if (test::fault::strikes(test::request::spurious)) return 0;
    if (test::fault::strikes(test::request::interrupted)) {
      errno = EINTR;
      return -1;
    }
  }
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

}  // extern "C"
#endif
#endif
// NOLINTEND(misc-definitions-in-headers)
