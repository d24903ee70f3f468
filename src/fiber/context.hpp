// A flow of control that can be left and resumed, on any thread: the only door to Boost.Context.
//
// A context carries with it what the platform keeps per thread but a fiber must own: the C++
// runtime's exception state, errno, and what the sanitizers know of its stack. It is resumed by
// one strand at a time; whoever resumes it hands over one pointer.
#pragma once

#include "fiber/stack.hpp"

namespace sluice::detail {

struct context {
  void* sp = nullptr;                        ///< where to resume; meaningless while it runs
  void* exceptions[2] = {nullptr, nullptr};  ///< __cxa_eh_globals: caught list, uncaught count
  int saved_errno = 0;
  const void* stack_bottom = nullptr;  ///< for AddressSanitizer
  std::size_t stack_size = 0;
  void* fake_stack = nullptr;
  void* tsan_fiber = nullptr;  ///< for ThreadSanitizer
};

/// What a new context runs. `message` is what its first resumer handed over. It never returns:
/// it ends with leave_context.
using context_entry = void (*)(void* argument, void* message);

/// Makes the calling thread's own flow a context, so that fibers can switch back to it.
void adopt_thread(context& self) noexcept;
/// Undoes adopt_thread at the end of the thread.
void release_thread(context& self) noexcept;

/// A context on `where`, whose first resumption calls `entry(argument, message)`. `reserved`
/// bytes at the top of the stack are left to the caller (its control block).
void make_context(context& fresh, const stack& where, std::size_t reserved, context_entry entry,
                  void* argument) noexcept;

/// Leaves `self`, which runs, for `to`. Returns, perhaps on another thread, what the strand that
/// resumes `self` hands over. Never inlined, so that no caller caches a thread_local address.
void* switch_context(context& self, context& to, void* message) noexcept;

/// As switch_context, but `self` never runs again: its stack may be reused by `to` at once.
[[noreturn]] void leave_context(context& self, context& to, void* message) noexcept;

}  // namespace sluice::detail
