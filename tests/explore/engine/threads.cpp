// The C library and the kernel, as far as the scheduler's sources call them: threads, mutexes and
// condition variables are the explorer's, and each call is a step.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "engine/driver.hpp"
#include "engine/hooks.hpp"
#include "engine/kernel.hpp"
#include "engine/state.hpp"

namespace sluice::explore {
namespace {

constexpr unsigned word_size = sizeof(std::uint32_t);
/// What a strand that reads the kernel's figures has open.
constexpr int figures = 1'000'000;

/// The schedule that limit_threads was called in.
std::uint32_t limited_in = 0;
int left_to_start = 0;
/// The schedule that hold_threads was called in, and what stands for a thread that never runs.
std::uint32_t held_in = 0;
constexpr pthread_t held_thread = 0;

void lock(void* mutex) noexcept {
  for (;;) {
    std::uint64_t seen = 0;
    if (atomic_compare_exchange(mutex, word_size, seen, 1, std::memory_order_acquire,
                                std::memory_order_relaxed, strength::strong, place::current())) {
      return;
    }
    futex_wait(mutex, 1, never);
  }
}

void unlock(void* mutex) noexcept {
  atomic_store(mutex, word_size, 0, std::memory_order_release, place::current());
  futex_wake(mutex, 1);
}

/// Nobody comes between the end of the unlock and the sleep.
bool sleep_without(void* mutex, const void* condition, std::int64_t until) noexcept {
  before_operation(true);
  atomic_access(condition, sizeof(pthread_cond_t));
  unlock(mutex);
  const bool woken = until > s.now && (wakes_anyway(condition) || sleep_on(condition, until));
  lock(mutex);
  return woken;
}

}  // namespace

void limit_threads(int most) noexcept {
  limited_in = s.generation;
  left_to_start = most;
}

void hold_threads() noexcept { held_in = s.generation; }

void let_time_pass(std::chrono::nanoseconds some) noexcept {
  before_operation(true);
  sleep_on(&me(), s.now + some.count());
}

}  // namespace sluice::explore

using namespace sluice::explore;

extern "C" {

int __real_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
int __real_pthread_join(pthread_t, void**);
int __real_pthread_setname_np(pthread_t, const char*);
int __real_pthread_mutex_lock(pthread_mutex_t*);
int __real_pthread_mutex_unlock(pthread_mutex_t*);
int __real___cxa_guard_acquire(char*);
void __real___cxa_guard_release(char*);
int __real_clock_gettime(clockid_t, timespec*);
ssize_t __real_read(int, void*, std::size_t);
int __real_close(int);

int __wrap_pthread_create(pthread_t* made, const pthread_attr_t* how, void* (*life)(void*),
                          void* argument) {
  if (!in_schedule()) return __real_pthread_create(made, how, life, argument);
  if (limited_in == s.generation && left_to_start-- == 0) {
    left_to_start = 0;
    return EAGAIN;
  }
  if (held_in == s.generation) {
    *made = held_thread;
    return 0;
  }
  *made = start_strand(life, argument) + 1;
  return 0;
}

int __wrap_pthread_join(pthread_t thread, void** result) {
  if (!in_schedule()) return __real_pthread_join(thread, result);
  if (thread != held_thread) join_strand(static_cast<unsigned>(thread - 1));
  return 0;
}

int __wrap_pthread_setname_np(pthread_t thread, const char* name) {
  return in_schedule() ? 0 : __real_pthread_setname_np(thread, name);
}

/// Nobody forks.
int __real_pthread_atfork(void (*)(), void (*)(), void (*)());
int __wrap_pthread_atfork(void (*before)(), void (*in_parent)(), void (*in_child)()) {
  return in_schedule() ? 0 : __real_pthread_atfork(before, in_parent, in_child);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t* mutex) {
  if (!in_schedule()) return __real_pthread_mutex_lock(mutex);
  lock(mutex);
  return 0;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t* mutex) {
  if (!in_schedule()) return __real_pthread_mutex_unlock(mutex);
  unlock(mutex);
  return 0;
}

int __wrap_pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t,
                                  const timespec* until) {
  const std::int64_t at = until->tv_sec * 1'000'000'000 + until->tv_nsec;
  return sleep_without(mutex, condition, at) ? 0 : ETIMEDOUT;
}

/// std::condition_variable::notify_one, whose code lies in the library.
void __wrap__ZNSt18condition_variable10notify_oneEv(std::condition_variable* one) {
  before_operation(true);
  atomic_access(one, sizeof(std::condition_variable));
  if (s.tracing) note_event({.what = "notifies", .at = one});
  wake_those_on(one, 1);
  note_change();
}

// A static object that is made at its first use, in each schedule anew. The guard's first byte says
// that it is there; its upper half, in which schedule somebody began to make it.

int __wrap___cxa_guard_acquire(char* guard) {
  if (!in_schedule()) return __real___cxa_guard_acquire(guard);
  auto& maker = *reinterpret_cast<std::uint32_t*>(guard + sizeof(std::uint32_t));
  while (atomic_change(guard, 1, change::bits_or, 0, std::memory_order_acquire, place::current()) ==
         0) {
    if (maker != s.generation) {
      maker = s.generation;
      ++me().makes_static;
      return 1;
    }
    sluice::explore::pause();
  }
  return 0;
}

void __wrap___cxa_guard_release(char* guard) {
  if (!in_schedule()) return __real___cxa_guard_release(guard);
  --me().makes_static;
  atomic_store(guard, 1, 1, std::memory_order_release, place::current());
}

int __wrap_clock_gettime(clockid_t which, timespec* now) {
  if (!in_schedule()) return __real_clock_gettime(which, now);
  *now = {virtual_now() / 1'000'000'000, virtual_now() % 1'000'000'000};
  return 0;
}

// ---- the kernel's figures of this process: how many threads it has -------------------------------

int __real_open64(const char*, int, ...);

int __wrap_open64(const char* path, int how, ...) {
  if (in_schedule()) return figures;
  std::va_list more;
  va_start(more, how);
  const int mode = va_arg(more, int);
  va_end(more);
  return __real_open64(path, how, mode);
}

ssize_t __wrap_read(int file, void* to, std::size_t size) {
  if (file != figures) return __real_read(file, to, size);
  before_operation(true);
  return std::snprintf(static_cast<char*>(to), size,
                       "1 (explore) R 1 1 1 1 1 1 1 1 1 1 1 1 1 1 20 0 %u 0", strands_alive());
}

int __wrap_close(int file) { return file == figures ? 0 : __real_close(file); }

// ---- mappings ------------------------------------------------------------------------------------

void* __real_mmap64(void*, std::size_t, int, int, int, off64_t);
int __real_madvise(void*, std::size_t, int);

/// Two in a schedule, whose beginnings alone are there; see install_guard.
void* __wrap_mmap64(void* at, std::size_t size, int kind, int flags, int file, off64_t offset) {
  if (!in_schedule()) return __real_mmap64(at, size, kind, flags, file, offset);
  if (s.mappings == 2) return MAP_FAILED;
  return region + (s.mappings++ == 0 ? stacks_bytes + heap_bytes : second_mapping);
}

int __wrap_madvise(void* at, std::size_t size, int advice) {
  return offset_of(at) < region_bytes ? 0 : __real_madvise(at, size, advice);
}

}  // extern "C"
