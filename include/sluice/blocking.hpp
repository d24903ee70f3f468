// blocking: a system call, or another piece of code that holds its thread, without a worker.
//
//   const ssize_t n = sluice::blocking([&] { return ::read(fd, buffer, size); });
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include "sluice/detail/go/blocking_job.hpp"
#include "sluice/detail/park/check.hpp"
#include "sluice/detail/sched/task_core.hpp"

namespace sluice {

/// Helper threads of the process, at most. More calls than that wait for their turn, in the order
/// in which they came: so functions that wait for each other, or for what a later one does, may
/// wait for ever. Such waits belong into fibers.
inline constexpr int most_blocking_helpers = 512;

/// Runs `f()` on a helper thread while the fiber is parked, and returns its value or rethrows what
/// escapes it. Helpers are started as they are needed, up to most_blocking_helpers, and end after
/// some idle seconds; they do not keep the process from ending.
///
/// If a stop was requested before, it throws `cancelled`, as any wait, and `f` is not called: what
/// must happen, such as closing a file, goes into a `shield`. A stop that comes later does not cut
/// `f` short: it is thrown by the next wait. Within `f` this_fiber describes a plain thread,
/// and neither the fiber's stop nor its with_stop is obeyed. `errno` is the helper's: read it in
/// `f`. Throws std::system_error if there is no helper and none can be started, std::logic_error in
/// a forked child. On a plain thread it just calls `f()` there.
template <class F>
std::invoke_result_t<F&&> blocking(F&& f) {
  detail::check_strand(detail::operation_kind::may_wait, "blocking");
  if (detail::running_task() == nullptr) return std::invoke(std::forward<F>(f));
  detail::blocking_call<F> job(std::forward<F>(f));
  detail::run_on_helper(job);
  return job.take();
}

}  // namespace sluice
