// The shipped parker of threads, one for each strand, and what else a process has once.
//
// The source is included, so that its class, which has no name outside of it, can be made here. A
// strand is announced to it as a worker announces the fiber that it runs. One turn of its spin is
// enough: what comes between two turns can as well come between the turn and the announcement.
#include <atomic>
#include <exception>
#include <mutex>

#include "engine/driver.hpp"
#include "explore.hpp"
#include "park/futex.hpp"
#include "select/random.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/base/short_lock.hpp"
#include "sluice/detail/park/parker.hpp"

#define cpu_pause() return false
#include "park/thread_parker.cpp"
#undef cpu_pause

#include "base/home_lock.cpp"
#include "base/no_memory.cpp"
#include "base/progress.cpp"
#include "base/short_lock.cpp"

namespace sluice::detail {

extern thread_local constinit owner* owner_of_thread;
namespace {
owner owners[explore::most_strands];
}

}  // namespace sluice::detail

namespace sluice::explore {

void** const parker_slot = reinterpret_cast<void**>(detail::parker::current_slot());
void** const owner_slot = reinterpret_cast<void**>(&detail::owner_of_thread);

/// Every strand can be an owner.
void* owner_of(unsigned strand) noexcept {
  detail::owner& one = detail::owners[strand];
  one.number = detail::first_owner + strand;
  return &one;
}
void** const progress_slot = reinterpret_cast<void**>(&detail::of_this_thread);

void run_as_thread(void (*body)(void* parker) noexcept) noexcept {
  detail::thread_parker own;
  *parker_slot = &own;
  body(static_cast<detail::parker*>(&own));
}

}  // namespace sluice::explore

namespace sluice::detail {

thread_local constinit owner* owner_of_thread = nullptr;
owner& owner_with(std::uint32_t number) noexcept { return owners[number - first_owner]; }
ownership::ownership() noexcept = default;
ownership::~ownership() = default;

/// Spinning: until another changes something. Standing back after a lost compare-and-swap is not.
void yield_thread() noexcept { explore::pause(); }
void stand_back() noexcept {}

/// A schedule must happen again: the same order of trials each time.
std::uint64_t draw_seed() noexcept { return 1; }

}  // namespace sluice::detail
