// What the running strand asks of the scheduler.
#include <cxxabi.h>

#include "sched/scheduler.hpp"
#include "sched/strand_end.hpp"
#include "sched/worker_switch.hpp"
#include "sluice/detail/base/backoff.hpp"
#include "sluice/detail/park/parker.hpp"
#include "sluice/detail/sched/task_core.hpp"

/// Which shared object, or program, this is: defined in each by the compiler.
extern "C" [[gnu::visibility("hidden")]] void* __dso_handle;

namespace sluice::detail {
namespace {

/// A thread's own. No object with a destructor: what the thread destroys later may still ask.
thread_local constinit strand_end* last_of_thread = nullptr;

void end_thread(void*) noexcept {
  last_of_thread->strand_ends();
  last_of_thread = nullptr;
}

}  // namespace

[[gnu::noinline]] strand_end* end_of_this_strand() noexcept {
  worker* here = worker::current();
  return here != nullptr ? here->running_fiber()->last() : last_of_thread;
}

[[gnu::noinline]] void keep_until_end(strand_end& last) noexcept {
  if (worker* here = worker::current()) {
    here->running_fiber()->last() = &last;
    return;
  }
  last_of_thread = &last;
  // What a thread_local's destructor would need, but as often as one is kept: also while the thread
  // destroys its others. Of the main thread not any more once objects with static storage go.
  abi::__cxa_thread_atexit(&end_thread, nullptr, &__dso_handle);
}

task_core* running_task() noexcept {
  worker* here = worker::current();
  return here != nullptr ? here->running_task() : nullptr;
}

void listen_for_end(end_listener& who) noexcept {
  worker::current()->running_fiber()->set_listener(who);
}

bool heard_by(const end_listener& who) noexcept {
  worker* here = worker::current();
  return here != nullptr && here->running_fiber()->listener() == &who;
}

bool runs_on(const scheduler& where) noexcept {
  worker* here = worker::current();
  return here != nullptr && &here->home() == &where;
}

bool stop_requested_here() noexcept { return parker::current().stop_requested(); }

std::stop_token stop_token_here() {
  task_core* task = running_task();
  return parker::current().stops()->token(task != nullptr ? task->stop_token() : std::stop_token());
}

[[gnu::noinline]] void yield_strand() noexcept {
  worker* here = worker_of_this_thread;
  if (here == nullptr) return yield_thread();
  here->yield(*here->running_fiber());
}

}  // namespace sluice::detail
