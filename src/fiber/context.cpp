// Switching contexts. The argument stands in context.hpp.
#include "fiber/context.hpp"

#include <cxxabi.h>

#include <boost/context/detail/fcontext.hpp>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace sluice::detail {
namespace {

namespace bc = boost::context::detail;

/// What crosses a jump. Lies on the stack that is left; read at once by the side that arrives.
struct packet {
  context* from;
  context* to;
  void* message;
};

/// The thread's exception state and errno become those of `to`.
void exchange_thread_state(const thread_anchor& here, context& self, const context& to) noexcept {
  self.exceptions = std::exchange(*here.exceptions, to.exceptions);
  self.saved_errno = std::exchange(*here.error_number, to.saved_errno);
}

enum class fate { comes_back, never_again };

[[gnu::always_inline]] inline void announce_jump([[maybe_unused]] context& self,
                                                 [[maybe_unused]] context& to,
                                                 [[maybe_unused]] fate leaving) noexcept {
#if SLUICE_ASAN
  // A null slot tells it that the stack which is left has ended.
  __sanitizer_start_switch_fiber(leaving == fate::comes_back ? &self.fake_stack : nullptr,
                                 to.stack_bottom, to.stack_size);
#endif
#if SLUICE_TSAN
  __tsan_switch_to_fiber(to.tsan_fiber, 0);
#endif
}

/// The first thing after a jump: notes where to resume the context that was left.
[[gnu::always_inline]] inline void* arrive(bc::transfer_t jump) noexcept {
  const packet& came = *static_cast<packet*>(jump.data);
  context& from = *came.from;
  from.sp = jump.fctx;
#if SLUICE_ASAN
  __sanitizer_finish_switch_fiber(came.to->fake_stack, &from.stack_bottom, &from.stack_size);
#endif
  return came.message;
}

void trampoline(bc::transfer_t jump) {
  context& self = *static_cast<packet*>(jump.data)->to;
  void* message = arrive(jump);
  self.begin(self, message);
  std::abort();  // entries end with leave_context
}

}  // namespace

[[gnu::noinline]] thread_anchor thread_anchor::of_this_thread() noexcept {
  // __cxa_get_globals is declared const: the clobber keeps its result from being reused.
  asm volatile("" ::: "memory");
  thread_anchor here;
  here.exceptions = reinterpret_cast<exception_state*>(__cxxabiv1::__cxa_get_globals());
  here.error_number = &errno;
  asm volatile("" ::: "memory");
  return here;
}

void adopt_thread([[maybe_unused]] context& self) noexcept {
#if SLUICE_TSAN
  self.tsan_fiber = __tsan_get_current_fiber();
#endif
}

void make_context(context& fresh, std::byte* bottom, std::byte* top,
                  context::entry begin) noexcept {
  const auto size = static_cast<std::size_t>(top - bottom);
  fresh.sp = bc::make_fcontext(top, size, trampoline);
  fresh.begin = begin;
  fresh.exceptions = {};
  fresh.saved_errno = 0;
#if SLUICE_ASAN
  fresh.stack_bottom = bottom;
  fresh.stack_size = size;
  fresh.fake_stack = nullptr;
#endif
#if SLUICE_TSAN
  fresh.tsan_fiber = __tsan_create_fiber(0);
#endif
}

void destroy_context([[maybe_unused]] context& gone) noexcept {
#if SLUICE_TSAN
  __tsan_destroy_fiber(gone.tsan_fiber);
  gone.tsan_fiber = nullptr;
#endif
}

[[gnu::noinline]] void* switch_context(const thread_anchor& here, context& self, context& to,
                                       void* message) noexcept {
  exchange_thread_state(here, self, to);
  packet going{&self, &to, message};
  announce_jump(self, to, fate::comes_back);
  return arrive(bc::jump_fcontext(to.sp, &going));
}

[[gnu::noinline]] void leave_context(const thread_anchor& here, context& self, context& to,
                                     void* message) noexcept {
  exchange_thread_state(here, self, to);
  packet going{&self, &to, message};
  announce_jump(self, to, fate::never_again);
  bc::jump_fcontext(to.sp, &going);
  std::abort();  // nobody resumes it
}

}  // namespace sluice::detail
