// A group of tasks that one strand waits for together: what scope and gather are made of.
//
// Each task of the group obeys the group's token (stops.hpp), so stopping all of them takes no list
// of tasks, and one that ends leaves nothing behind.
//
// I1 live_ counts the tasks from before they can run until their fibers are through with them. The
//    last touch of the group by a task is the unlock after its count went down; whoever finds 0
//    under the lock may destroy the group.
// I2 the first error that counts is kept until join rethrows it. Later ones are dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "sluice/detail/base/short_lock.hpp"
#include "sluice/detail/go/call.hpp"
#include "sluice/detail/park/attention.hpp"
#include "sluice/detail/park/stops.hpp"
#include "sluice/detail/park/wait_list.hpp"
#include "sluice/detail/sched/task_core.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

/// Which errors of a task stop the others, and are rethrown by join.
enum class heeds : std::uint8_t {
  nothing,
  all_but_stops,  ///< not `cancelled`
  all,
};

class SLUICE_API scope_core final : public end_listener {
 public:
  /// Throws std::bad_alloc.
  explicit scope_core(heeds which);
  scope_core(const scope_core&) = delete;
  scope_core& operator=(const scope_core&) = delete;
  /// Stops the tasks and waits for them. An error that no join has rethrown is reported, unless an
  /// exception is on its way already.
  ~scope_core();

  /// A task is about to be started. Throws std::logic_error in a forked child.
  void add_task();
  /// The task, which runs here, is over but for being told.
  void note_error(orphan_error&& error) noexcept;
  [[nodiscard]] bool counts(bool is_stop) const noexcept {
    return heeds_ == heeds::all || (heeds_ == heeds::all_but_stops && !is_stop);
  }
  /// Its fiber is through with it; or it was not started.
  void task_ended() noexcept override;

  [[nodiscard]] std::stop_token token() const noexcept { return stops_.get_token(); }
  bool request_stop() noexcept;

  /// Waits until no task is alive, then rethrows the first error. If the caller's stop is
  /// requested: stops the tasks, waits, throws `cancelled`. std::logic_error in a forked child,
  /// and if a task of the group asks.
  void join();

 private:
  /// Under the lock, because the last task may still be at its unlock (I1).
  [[nodiscard]] bool empty() noexcept;
  [[nodiscard]] outcome wait_until_empty(on_stop stop) noexcept;

  const heeds heeds_;
  const int unwinding_at_start_;
  std::stop_source stops_;
  short_lock lock_;
  // Under the lock.
  std::size_t live_ = 0;
  wait_list joiners_;
  orphan_error first_error_;
};

/// A task of a group.
template <class R, class F, class... Args>
class scoped_call final : public task_call<R, F, Args...> {
 public:
  template <class G, class... Brgs>
  scoped_call(scope_core& in, std::unique_ptr<const std::string> name, G&& f, Brgs&&... args)
      : task_call<R, F, Args...>(std::move(name), std::forward<G>(f), std::forward<Brgs>(args)...),
        in_(in) {}

  void invoke() noexcept override {
    listen_for_end(in_);
    {
      const obeyed_stop guard(in_.token());
      task_call<R, F, Args...>::invoke();
    }
    if (!this->failed() || in_forked_child()) return;
    const bool counts = in_.counts(this->ended_by_stop());
    orphan_error error = this->give_error_away();
    if (counts) in_.note_error(std::move(error));
  }

 private:
  scope_core& in_;
};

struct drop_task {
  void operator()(task_core* one) const noexcept { one->drop(); }
};
/// The only handle of a task, for those who know that it is over before they take its value.
template <class R>
using owned_task = std::unique_ptr<task_result<R>, drop_task>;

/// As go; the task belongs to the group.
template <class F, class... Args>
[[gnu::always_inline]] inline auto start_in(scope_core& in, std::unique_ptr<const std::string> name,
                                            std::size_t stack_size, F&& f, Args&&... args) {
  using result = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;
  using call = scoped_call<result, std::decay_t<F>, std::decay_t<Args>...>;
  demand_callable(f);
  auto fresh =
      std::make_unique<call>(in, std::move(name), std::forward<F>(f), std::forward<Args>(args)...);
  in.add_task();
  try {
    spawn(nullptr, *fresh, stack_size);
  } catch (...) {
    in.task_ended();
    throw;
  }
  return owned_task<result>(fresh.release());
}

}  // namespace sluice::detail
