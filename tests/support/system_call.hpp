// What programs share that replace calls of the C library: the call behind the replaced one, and
// what `syscall` was asked for.
#pragma once

#include <dlfcn.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <ctime>

namespace test {

/// The call of that name which this program has replaced. Not kept in a static of its own first use:
/// who waits there for another thread calls the kernel, by the very call that is looked for.
template <class F>
F* replaced(std::atomic<void*>& known, const char* name) noexcept {
  void* found = known.load();
  if (found == nullptr) known.store(found = ::dlsym(RTLD_NEXT, name));
  return reinterpret_cast<F*>(found);
}

/// The six arguments that every system call may have; fewer were given to most.
class system_call {
 public:
  system_call(long number, std::va_list rest) noexcept : number_(number) {
    for (long& one : arguments_) one = va_arg(rest, long);
  }

  /// Does it wait on a futex?
  [[nodiscard]] bool sleeps() const noexcept {
    return number_ == SYS_futex && (arguments_[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
  }
  /// When such a wait ends, by CLOCK_MONOTONIC; null: without a limit.
  [[nodiscard]] const timespec* limit() const noexcept {
    return reinterpret_cast<const timespec*>(arguments_[3]);
  }
  void set_limit(const timespec& limit) noexcept { arguments_[3] = reinterpret_cast<long>(&limit); }

  /// The real one.
  long make() const noexcept {
    static constinit std::atomic<void*> known{nullptr};
    const auto& a = arguments_;
    return replaced<decltype(::syscall)>(known, "syscall")(number_, a[0], a[1], a[2], a[3], a[4],
                                                           a[5]);
  }

 private:
  long number_;
  long arguments_[6];
};

}  // namespace test
