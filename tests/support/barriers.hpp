// The calls of membarrier that the program makes: counted, and refused if a test says so. For one
// source of a program: it defines `syscall`, before the C library's.
#pragma once

#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>

#include "support/system_call.hpp"

namespace test {

inline std::atomic<int> barrier_calls{0};
inline std::atomic<bool> barriers_are_refused{false};

}  // namespace test

extern "C" long syscall(long number, ...) noexcept {
  std::va_list rest;
  va_start(rest, number);
  const test::system_call call(number, rest);
  va_end(rest);
  if (number != SYS_membarrier) return call.make();
  ++test::barrier_calls;
  if (!test::barriers_are_refused) return call.make();
  errno = EPERM;
  return -1;
}
