// Switching contexts. The argument stands in context.hpp.
#include "fiber/context.hpp"

#include <cxxabi.h>

#include <boost/context/detail/fcontext.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "sluice/detail/base/edges.hpp"

namespace sluice::detail {
namespace {

namespace bc = boost::context::detail;

/// The thread's exception state and errno become those of `to`. As bytes, the state is moved whole,
/// not member by member.
inline void exchange_thread_state(const thread_anchor& here, context& self,
                                  const context& to) noexcept {
  std::byte mine[sizeof(exception_state)];
  std::byte next[sizeof(exception_state)];
  std::memcpy(mine, here.exceptions, sizeof mine);
  std::memcpy(next, &to.exceptions, sizeof next);
  std::memcpy(here.exceptions, next, sizeof next);
  std::memcpy(&self.exceptions, mine, sizeof mine);
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
#if SLUICE_PRECISE
  // It may be on an errand.
  if (leaving == fate::comes_back) self.tsan_fiber = __tsan_get_current_fiber();
  become_strand(to.tsan_fiber);
#elif SLUICE_TSAN
  __tsan_switch_to_fiber(to.tsan_fiber, 0);
#endif
}

/// The first thing in `self` after a jump: notes where to resume the context that was left, which
/// is all that crosses the jump.
[[gnu::always_inline]] inline context& arrive(bc::transfer_t jumped,
                                              [[maybe_unused]] context& self) noexcept {
  context& from = *static_cast<context*>(jumped.data);
  from.sp = jumped.fctx;
#if SLUICE_ASAN
  __sanitizer_finish_switch_fiber(self.fake_stack, &from.stack_bottom, &from.stack_size);
#endif
  return from;
}

/// What a function may use below its stack pointer. The library is compiled without it where the
/// compiler can: a parked fiber would have two lines more.
#if defined(SLUICE_NO_RED_ZONE)
constexpr int red_zone = 0;
#else
constexpr int red_zone = 128;
#endif

/// jump_fcontext leaves by a jump and not by a return. Entered by a call, it would leave one entry
/// too many on the processor's stack of return addresses, and the returns that follow each switch
/// would be predicted wrongly, which costs more than the switch. So it is entered by a jump too.
[[gnu::always_inline]] inline bc::transfer_t jump(void* to, context& from) noexcept {
#if defined(__x86_64__)
  bc::transfer_t came;
  void* data = &from;
  asm volatile(
      "subq %[room], %%rsp\n\t"
      "leaq 1f(%%rip), %%rax\n\t"
      "pushq %%rax\n\t"
      "jmp *jump_fcontext@GOTPCREL(%%rip)\n"
      "1:\n\t"
      "addq %[room], %%rsp"
      : "=a"(came.fctx), "=d"(came.data), "+D"(to), "+S"(data)
      : [room] "i"(red_zone + 8)  // 8 keep the stack aligned as after a call
      : "rcx", "r8", "r9", "r10", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
        "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#if defined(__AVX512F__)
        ,
        "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5",
        "k6", "k7"
#endif
  );
  return came;
#else
  return bc::jump_fcontext(to, &from);
#endif
}

void trampoline(bc::transfer_t came) {
  context& self = *static_cast<context*>(came.data)->gone_to;
  context& left = arrive(came, self);
  self.begin(self, left);
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
#if SLUICE_ASAN || SLUICE_PRECISE
  fresh.stack_bottom = bottom;
  fresh.stack_size = size;
#endif
#if SLUICE_ASAN
  fresh.fake_stack = nullptr;
#endif
#if SLUICE_PRECISE
  forget_accesses(bottom, size);
  fresh.tsan_fiber = new_strand();
#elif SLUICE_TSAN
  fresh.tsan_fiber = __tsan_create_fiber(0);
#endif
}

#if SLUICE_PRECISE
void renew_context(context& self) noexcept {
  void* const before = self.tsan_fiber;
  forget_accesses(self.stack_bottom, self.stack_size);
  self.tsan_fiber = new_strand();
  become_strand(self.tsan_fiber);
  __tsan_destroy_fiber(before);
}
#endif

void destroy_context([[maybe_unused]] context& gone) noexcept {
#if SLUICE_TSAN
  __tsan_destroy_fiber(gone.tsan_fiber);
  gone.tsan_fiber = nullptr;
#endif
}

[[gnu::noinline]] context& switch_context(const thread_anchor& here, context& self,
                                          context& to) noexcept {
  exchange_thread_state(here, self, to);
  self.gone_to = &to;
  announce_jump(self, to, fate::comes_back);
  return arrive(jump(to.sp, self), self);
}

[[gnu::noinline]] void leave_context(const thread_anchor& here, context& self,
                                     context& to) noexcept {
  exchange_thread_state(here, self, to);
  self.gone_to = &to;
  announce_jump(self, to, fate::never_again);
  jump(to.sp, self);
  std::abort();  // nobody resumes it
}

}  // namespace sluice::detail
