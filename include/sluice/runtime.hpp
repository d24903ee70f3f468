// runtime: the workers that run fibers. Most programs need none: a bare `go` uses a default one.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <ostream>
#include <string_view>
#include <type_traits>
#include <utility>

#include "sluice/export.hpp"
#include "sluice/task.hpp"

namespace sluice {

/// What a runtime is to be like; `{}` is meant to do for most.
struct runtime_options {
  /// Threads that run fibers. 0: one for each CPU that the process may use (affinity and cgroup
  /// quota included), or what the environment variable SLUICE_WORKERS says.
  int workers = 0;
  /// Bytes of stack for each fiber whose options name none; 0: 128 KiB.
  std::size_t stack_size = 0;
  /// Called with a fiber's name and an exception that nobody can join any more, by that fiber or by
  /// the strand that drops the task's handle: perhaps by several at once, perhaps when the runtime
  /// has ended. May wait. Must not throw. Default: a report on stderr, then std::terminate.
  std::function<void(std::string_view fiber, std::exception_ptr error)> on_unhandled = {};
  /// Called when everyone is asleep: a plain thread waits in `run` of this runtime, and no strand
  /// of the process will ever run again. `report`, which is there during the call, says what every
  /// fiber waits for. The handler may close channels, request stops or start fibers to resolve
  /// that; if it does not, it is not called again before something has run. Called by a thread of
  /// the library, which gives no time slices meanwhile. Should not wait; must not throw, nor end a
  /// runtime. Default: the report on stderr, then std::abort; if `run` of several runtimes waits,
  /// the handlers of those that have one are called instead.
  ///
  /// It speaks only where it is certain: no runtime has a fiber that is ready or a timer, none is
  /// about to end, no `blocking` job runs, no task watches for a signal, and the process has no
  /// thread but the library's own and those in `run` that are not within with_stop. It looks when a
  /// runtime has been idle for 10 to 20 ms; if threads or signals speak against it, some times more
  /// during the next ten seconds, then not until something has run. Not in a forked child.
  std::function<void(std::string_view report)> on_deadlock = {};
};

/// Counts since the start of the runtime, as of some moment during the call.
struct runtime_stats {
  /// Threads that run fibers.
  std::size_t workers = 0;
  /// Fibers that have not ended, started or not.
  std::size_t fibers = 0;
  /// Fibers that were ever started by `go` and its like.
  std::uint64_t spawned = 0;
  std::uint64_t switches = 0;  ///< fibers that a worker began or went on with
  std::uint64_t parks = 0;     ///< times that a fiber had to wait
  std::uint64_t steals = 0;    ///< times that a worker took work from another
  /// Fibers and tasks that came from outside the workers, and fibers whose time slice was over.
  std::uint64_t injected = 0;
  std::uint64_t sleeps = 0;          ///< times that a worker slept in the kernel
  std::uint64_t wakes = 0;           ///< times that a worker was woken there
  std::size_t stacks = 0;            ///< stacks that exist, used or kept for the next fibers
  std::size_t unguarded_stacks = 0;  ///< those that this system could give no guard
};

/// Owns its workers and fibers. Several runtimes can exist at once and share channels.
class SLUICE_API runtime {
 public:
  /// Starts the workers. Throws std::invalid_argument for negative or absurd numbers,
  /// std::length_error for an absurd stack size, std::system_error if no thread can be started,
  /// std::logic_error in a forked child.
  explicit runtime(runtime_options options = {});
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;
  /// Requests the stop of all fibers and waits for them; after 5 s it says on stderr for whom.
  ~runtime();

  /// Runs `f()` as a fiber, waits and returns its value or rethrows its error. Throws
  /// std::logic_error when called by one of its own fibers, and in a forked child. If the caller
  /// is a fiber whose stop is requested, f is stopped first.
  template <std::invocable F>
  [[gnu::always_inline]] std::invoke_result_t<std::decay_t<F>> run(F&& f) {
    return detail::run_on(*inside_, std::forward<F>(f));
  }

  /// As sluice::go, on this runtime. Never waits; any strand, also a fiber of another runtime.
  template <class F, class... Args>
  requires detail::startable<F, Args...>
  [[gnu::always_inline]] auto go(fiber_options options, F&& f, Args&&... args) {
    return detail::go_with(inside_, std::move(options), std::forward<F>(f),
                           std::forward<Args>(args)...);
  }
  /// As go above, without options.
  template <class F, class... Args>
  requires detail::startable<F, Args...>
  [[gnu::always_inline]] auto go(F&& f, Args&&... args) {
    return detail::go_plain(inside_, nullptr, 0, std::forward<F>(f), std::forward<Args>(args)...);
  }

  /// Counts for people and tests. Never waits; any strand.
  [[nodiscard]] runtime_stats stats() const;
  /// Writes a line for each worker, each fiber that has begun, and each channel of the process that
  /// has a name; docs/scheduler.md explains them. For people: they are not of one moment. Any
  /// strand, also while everything moves; waits for `out` alone. In a forked child: workers only.
  void dump(std::ostream& out) const;

 private:
  detail::scheduler* inside_;
};

/// Runs `f()` as a fiber of the default runtime, waits and returns its value; see runtime::run.
template <std::invocable F>
[[gnu::always_inline]] inline std::invoke_result_t<std::decay_t<F>> run(F&& f) {
  return detail::run_on(detail::default_scheduler(), std::forward<F>(f));
}

}  // namespace sluice
