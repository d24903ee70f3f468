// go and task<R>: starting a fiber, waiting for its end, asking it to stop.
//
//   auto sum = sluice::go([] { return 1 + 2; });
//   sum.join();  // 3
//
// A task that is started costs one small object. It gets a stack when it first runs.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/go/call.hpp"
#include "sluice/detail/park/check.hpp"
#include "sluice/export.hpp"
#include "sluice/fiber_id.hpp"

namespace sluice {

/// What go takes before the function: `go({.name = "reader"}, f)`.
struct fiber_options {
  /// For dumps, messages and on_unhandled.
  std::string name = {};
  /// Bytes of stack at least; 0: as the runtime says.
  std::size_t stack_size = 0;
};

namespace detail {

[[noreturn]] SLUICE_API void throw_no_task(const char* operation);
[[noreturn]] SLUICE_API void throw_joined_twice();
[[noreturn]] SLUICE_API void throw_joins_itself();

/// Waits for the end of a task whose handle the caller holds: true, or false once it is late.
/// Throws `cancelled`, and std::logic_error in a forked child or if the task is the caller's own.
SLUICE_API bool join_task(task_core& task, deadline until);
/// Throws std::logic_error if the caller is a fiber of `where`, which a run would keep waiting.
SLUICE_API void refuse_own_fiber(const scheduler& where);
/// Waits for the end of a task of `where`. If the caller's stop is requested, stops the task and
/// goes on waiting.
SLUICE_API void wait_or_stop(scheduler& where, task_core& task) noexcept;

}  // namespace detail

/// The handle of a started fiber. Move-only. Dropping it lets the fiber run on; an exception
/// that nobody can join any more goes to runtime_options::on_unhandled. A moved-from handle can
/// be asked `valid()`, assigned and destroyed; everything else throws std::logic_error.
template <class R>
class task {
 public:
  /// What `join` returns.
  using value_type = R;

  /// No task, as if moved from.
  task() noexcept = default;
  /// `other` is no task then.
  task(task&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)), joined_(other.was_joined()) {}
  /// Drops the task that it was; `other` is none then.
  task& operator=(task&& other) noexcept {
    task old(std::move(*this));
    core_ = std::exchange(other.core_, nullptr);
    // order: relaxed, nobody else uses either handle meanwhile
    joined_.store(other.was_joined(), detail::memory_order_relaxed);
    return *this;
  }
  ~task() {
    if (core_ != nullptr) core_->drop();
  }

  /// Waits for the end; returns the value or rethrows what escaped the function. Throws
  /// `cancelled` if the caller's stop is requested: then the task can be joined again. Throws
  /// std::logic_error in a forked child, if the task is the caller's own, and the second time: of
  /// several that wait at once, one gets the value or the exception. Any strand.
  R join() {
    detail::task_result<R>& core = demand("join");
    if (was_joined()) detail::throw_joined_twice();
    detail::join_task(core, detail::no_deadline);
    // order: relaxed, decides only who of several takes the result; all have seen that it is there
    if (joined_.exchange(true, detail::memory_order_relaxed)) detail::throw_joined_twice();
    if (std::exception_ptr error = core.take_error()) std::rethrow_exception(std::move(error));
    return core.take();
  }

  /// Waits for the end at most `d`: was it reached? Does not take the value. Throws as join does,
  /// but a task that was joined before is just done. Any strand.
  template <class Rep, class Period>
  bool join_for(std::chrono::duration<Rep, Period> d) {
    return detail::join_task(demand("join_for"), detail::deadline_after(d));
  }

  /// Has the function returned or thrown? Never waits.
  [[nodiscard]] bool done() const { return demand("done").done(); }
  /// The fiber's number, as this_fiber::id and dumps say it. Never waits; any strand.
  [[nodiscard]] fiber_id id() const { return fiber_id(demand("id").id()); }
  /// Asks the fiber to stop: each of its further waits throws `cancelled`. True if this call made
  /// the request and the fiber was not done. Never waits; any strand.
  bool request_stop() { return demand("request_stop").request_stop(); }
  /// Does it hold a task? Not after it was moved from.
  [[nodiscard]] bool valid() const noexcept { return core_ != nullptr; }

  /// Takes over a task that was spawned. For the library's own use.
  explicit task(detail::task_result<R>& core) noexcept : core_(&core) {}
  /// What it names. For the library's own use. Throws std::logic_error if there is none.
  [[nodiscard]] detail::task_core& core(const char* operation) const { return demand(operation); }

 private:
  [[nodiscard]] detail::task_result<R>& demand(const char* operation) const {
    if (core_ == nullptr) detail::throw_no_task(operation);
    return *core_;
  }
  [[nodiscard]] bool was_joined() const noexcept {
    // order: relaxed, a hint; join's exchange decides
    // mutation: never, no scenario moves a handle that was joined; tests/task_test.cpp does
    return joined_.load(detail::memory_order_relaxed);
  }

  detail::task_result<R>* core_ = nullptr;
  /// Has a join taken the result? Written by whoever joins; a waiting one has not taken it yet.
  detail::atomic<bool> joined_{false};
};

namespace detail {

template <class F, class... Args>
using call_result = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;

/// Is this a function with its arguments, and not the options before it?
template <class F, class... Args>
concept startable = !std::same_as<std::remove_cvref_t<F>, fiber_options> &&
                    (std::constructible_from<std::decay_t<Args>, Args> && ...) &&
                    std::invocable<std::decay_t<F>, std::decay_t<Args>...>;

// What calls spawn() is inlined, so that a dump can name the place in the user's code.

template <class F, class... Args>
[[gnu::always_inline]] inline task<call_result<F, Args...>> go_plain(
    scheduler* where, std::unique_ptr<const std::string> name, std::size_t stack_size, F&& f,
    Args&&... args) {
  using call = task_call<call_result<F, Args...>, std::decay_t<F>, std::decay_t<Args>...>;
  demand_callable(f);
  auto fresh =
      std::make_unique<call>(std::move(name), std::forward<F>(f), std::forward<Args>(args)...);
  spawn(where, *fresh, stack_size);
  return task<call_result<F, Args...>>(*fresh.release());
}

template <class F, class... Args>
[[gnu::always_inline]] inline auto go_with(scheduler* where, fiber_options&& options, F&& f,
                                           Args&&... args) {
  auto name =
      options.name.empty() ? nullptr : std::make_unique<const std::string>(std::move(options.name));
  return go_plain(where, std::move(name), options.stack_size, std::forward<F>(f),
                  std::forward<Args>(args)...);
}

/// What runtime::run does.
template <class F>
[[gnu::always_inline]] inline call_result<F> run_on(scheduler& where, F&& f) {
  using call = task_call<call_result<F>, std::decay_t<F>>;
  refuse_own_fiber(where);
  demand_callable(f);
  auto fresh = std::make_unique<call>(nullptr, std::forward<F>(f));
  spawn(&where, *fresh, 0);
  const auto drop = [](call* running) { running->drop(); };
  const std::unique_ptr<call, decltype(drop)> running(fresh.release(), drop);
  wait_or_stop(where, *running);
  if (std::exception_ptr error = running->take_error()) std::rethrow_exception(std::move(error));
  return running->take();
}

}  // namespace detail

/// Starts a fiber that runs `f(args...)`, copied or moved as for std::thread, on the runtime of the
/// running fiber, else on the default one. Never waits. Throws std::invalid_argument for a null or
/// empty function, std::length_error for an absurd stack size, std::bad_alloc, std::logic_error in
/// a forked child; then there is no fiber. Any strand.
template <class F, class... Args>
requires detail::startable<F, Args...>
[[gnu::always_inline]] inline auto go(fiber_options options, F&& f, Args&&... args) {
  return detail::go_with(nullptr, std::move(options), std::forward<F>(f),
                         std::forward<Args>(args)...);
}
template <class F, class... Args>
requires detail::startable<F, Args...>
[[gnu::always_inline]] inline auto go(F&& f, Args&&... args) {
  return detail::go_plain(nullptr, nullptr, 0, std::forward<F>(f), std::forward<Args>(args)...);
}

}  // namespace sluice
