// What the running strand asks of the scheduler.
#include "sched/scheduler.hpp"
#include "sched/worker_switch.hpp"
#include "sluice/detail/base/backoff.hpp"
#include "sluice/detail/sched/task_core.hpp"

namespace sluice::detail {

task_core* running_task() noexcept {
  worker* here = worker::current();
  return here != nullptr ? here->running_task() : nullptr;
}

bool runs_on(const scheduler& where) noexcept {
  worker* here = worker::current();
  return here != nullptr && &here->home() == &where;
}

bool stop_requested_here() noexcept {
  worker* here = worker::current();
  return here != nullptr && here->running_fiber()->stop_requested();
}

void yield_strand() noexcept {
  worker* here = worker::current();
  if (here == nullptr) return yield_thread();
  here->yield(*here->running_fiber());
}

}  // namespace sluice::detail
