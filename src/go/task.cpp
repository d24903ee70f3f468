// Joining, and the errors of misuse: each names the call and what to do.
#include "sluice/task.hpp"

#include <optional>
#include <stdexcept>

#include "sched/census.hpp"
#include "sluice/detail/park/attention.hpp"
#include "sluice/detail/park/check.hpp"
#include "sluice/detail/park/parker.hpp"

namespace sluice::detail {

namespace {

[[gnu::noinline]] bool join_unfinished(task_core& task, deadline until) {
  if (running_task() == &task) throw_joins_itself();
  check_strand(operation_kind::may_wait, "join");
  if (task.done()) return true;
  const outcome how = task.wait_until_done(until, on_stop::end_wait);
  if (how == outcome::cancelled) throw_cancelled();
  return how == outcome::completed;
}

}  // namespace

bool join_task(task_core& task, deadline until) {
  if (!task.done()) return join_unfinished(task, until);
  check_strand(operation_kind::may_wait, "join");
  return true;
}

void wait_or_stop(scheduler& where, task_core& task) noexcept {
  if (look_up(operation_kind::may_wait) == verdict::proceed) {
    if (task.done()) return;
    // A thread within with_stop may be woken by its token too: then it counts as one that may act.
    std::optional<run_caller> waits;
    if (parker::current().stops()->innermost == nullptr) waits.emplace(where, task);
    if (task.wait_until_done(no_deadline, on_stop::end_wait) == outcome::completed) return;
  }
  task.request_stop();
  const run_caller waits(where, task);
  static_cast<void>(task.wait_until_done(no_deadline, on_stop::keep_waiting));
}

void refuse_own_fiber(const scheduler& where) {
  if (!runs_on(where)) return;
  throw std::logic_error(
      "sluice: run called by a fiber of the same runtime, whose worker it would hold up; "
      "use go and join");
}

void throw_no_task(const char* operation) {
  throw std::logic_error(std::string("sluice: ") + operation +
                         " on a task handle that holds none (it was moved from, or never set)");
}

void throw_joined_twice() {
  throw std::logic_error("sluice: second join of a task; its value was taken by the first");
}

void throw_joins_itself() {
  throw std::logic_error(
      "sluice: join of a task by its own fiber, which would wait for ever; "
      "let another strand join it");
}

void throw_nothing_to_run() {
  throw std::invalid_argument(
      "sluice: go, gather or run was given an empty function or a null pointer; "
      "give it what can be called");
}

}  // namespace sluice::detail
