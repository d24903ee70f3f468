// The shipped workers, and what of their room needs a kernel: guards of stacks and the handler of
// faults on them.
//
// The source is included, so that the engine can find which worker's thread a strand is.
#include "sched/worker.cpp"

#include <cstring>

#include "channel/home_policy.hpp"
#include "engine/driver.hpp"
#include "engine/state.hpp"
#include "explore.hpp"
#include "fiber/guard.hpp"
#include "fiber/overflow.hpp"
#include "sched/census.hpp"

namespace sluice::explore {

void** const worker_slot = reinterpret_cast<void**>(&detail::worker_of_this_thread);

/// A schedule that fails leaves its runtimes in the census.
void reset_statics() noexcept {
  detail::refuses_process_barrier = false;
  detail::least_waits_to_move_in = 2048;
  detail::census& one = detail::census::all();
  static char initial[sizeof(one)];
  static bool known = false;
  std::memcpy(known ? static_cast<void*>(&one) : initial,
              known ? initial : static_cast<void*>(&one), sizeof(one));
  known = true;
}

}  // namespace sluice::explore

namespace sluice::detail {

/// Called when a stack is used for the first time: its memory must be there, and reads as zeros.
guard_kind install_guard(std::byte* at, std::size_t size) noexcept {
  explore::prepare_mapped(at, size + stack_pool::smallest + page_size());
  return guard_kind::madvise;
}
const char* to_string(guard_kind) noexcept { return "none"; }
void limit_guards(guard_kind) noexcept {}
std::size_t page_size() noexcept { return 4096; }

void watch_for_overflow(name_writer) noexcept {}
signal_stack::signal_stack() noexcept = default;
signal_stack::~signal_stack() = default;

}  // namespace sluice::detail
