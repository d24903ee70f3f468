// A flow of control that can be left and resumed, on any thread: the only door to Boost.Context.
//
// A context carries with it what the platform keeps per thread but a fiber must own: the C++
// runtime's exception state, errno, and what the sanitizers know of its stack. It is resumed by
// one strand at a time.
//
// I1 a context runs on one thread at a time; it is entered only after the jump that left it has
//    stored where to resume.
// I2 what belongs to the thread is exchanged before the jump, through addresses that the thread
//    looked up once (thread_anchor): nothing thread-local is looked up on the way, so no compiler
//    can keep a stale address across a switch.
#pragma once

#include <cstddef>

#include "fiber/sanitizers.hpp"

namespace sluice::detail {

/// The C++ runtime's exception state: the stack of caught exceptions, and how many are in flight.
struct exception_state {
  void* caught = nullptr;
  unsigned int uncaught = 0;
};

/// Where this thread keeps what travels with a fiber.
struct thread_anchor {
  exception_state* exceptions = nullptr;
  int* error_number = nullptr;

  /// Never inlined: the compiler takes both addresses for constants of the thread.
  [[nodiscard]] static thread_anchor of_this_thread() noexcept;
};

struct context {
  /// What a new context runs, and which one was left for it. It never returns: it ends with
  /// leave_context.
  using entry = void (*)(context& self, context& left);

  void* sp = nullptr;  ///< where to resume; meaningless while it runs
  exception_state exceptions;
  int saved_errno = 0;
  union {
    entry begin = nullptr;  ///< until it has begun
    context* gone_to;       ///< once it has been left: for whom
  };
#if SLUICE_ASAN || SLUICE_PRECISE
  const void* stack_bottom = nullptr;
  std::size_t stack_size = 0;
#endif
#if SLUICE_ASAN
  void* fake_stack = nullptr;
#endif
#if SLUICE_TSAN
  void* tsan_fiber = nullptr;
#endif
};

/// Makes the calling thread's own flow a context, so that fibers can switch back to it.
void adopt_thread(context& self) noexcept;

/// A context on the stack [bottom, top), whose first resumption calls `begin`.
void make_context(context& fresh, std::byte* bottom, std::byte* top, context::entry begin) noexcept;
/// Its end: it was left by leave_context and nobody will resume it.
void destroy_context(context& gone) noexcept;

/// What runs on `self` next has nothing to do with what ran before; called by `self`.
#if SLUICE_PRECISE
void renew_context(context& self) noexcept;
#else
inline void renew_context(context&) noexcept {}
#endif

/// Leaves `self`, which runs on the thread of `here`, for `to`. Returns when `self` is resumed,
/// perhaps on another thread; then it says which context was left for it. Never inlined.
context& switch_context(const thread_anchor& here, context& self, context& to) noexcept;

/// As switch_context, but `self` never runs again: its stack may be reused by `to` at once.
[[noreturn]] void leave_context(const thread_anchor& here, context& self, context& to) noexcept;

}  // namespace sluice::detail
