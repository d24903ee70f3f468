// What the running strand asks of the scheduler.
#include "sched/scheduler.hpp"
#include "sched/strand_end.hpp"
#include "sched/worker_switch.hpp"
#include "sluice/detail/base/backoff.hpp"
#include "sluice/detail/park/parker.hpp"
#include "sluice/detail/sched/task_core.hpp"

namespace sluice::detail {
namespace {

/// A thread's own. Its end comes before that of the thread's parker, which it may still need.
struct thread_end {
  thread_end() noexcept { static_cast<void>(parker::current()); }
  thread_end(const thread_end&) = delete;
  thread_end& operator=(const thread_end&) = delete;
  ~thread_end() {
    if (last != nullptr) last->strand_ends();
    last = nullptr;
  }
  strand_end* last = nullptr;
};

}  // namespace

[[gnu::noinline]] strand_end*& end_of_this_strand() noexcept {
  worker* here = worker::current();
  if (here != nullptr) return here->running_fiber()->last();
  thread_local thread_end own;
  return own.last;
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
