// The running fiber, or the thread where there is none.
#include "sluice/this_fiber.hpp"

#include "sluice/detail/park/check.hpp"
#include "sluice/detail/park/parker.hpp"
#include "sluice/detail/sched/task_core.hpp"

namespace sluice {

void detail::sleep_strand(deadline until) {
  check_strand(operation_kind::may_wait, "sleep");
  waiter self(parker::current(), {"sleep"});
  if (park(self, until) == outcome::cancelled) throw_cancelled();
}

namespace this_fiber {

void yield() {
  detail::check_strand(detail::operation_kind::may_wait, "yield");
  detail::yield_strand();
}

fiber_id id() noexcept { return fiber_id(detail::parker::current().strand_id()); }

std::string_view name() noexcept {
  const detail::task_core* task = detail::running_task();
  return task != nullptr ? task->name() : std::string_view();
}

bool stop_requested() noexcept { return detail::stop_requested_here(); }

std::stop_token stop_token() { return detail::stop_token_here(); }

}  // namespace this_fiber
}  // namespace sluice
