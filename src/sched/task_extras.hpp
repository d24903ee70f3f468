// What few tasks have: a token that others watch, and those who want to stop it later.
//
// Made at first need. Shared by the task and by whoever may outlive it, who finds `task` null then.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/sched/task_core.hpp"

namespace sluice::detail {

struct task_extras {
  task_extras(task_core& of, const std::string* named) : task(&of), name(named) {}

  void add_user() noexcept {
    // order: relaxed, whoever adds one is one
    users.fetch_add(1, memory_order_relaxed);
  }
  void drop_user() noexcept {
    // order: acq_rel, the last one sees what all others did
    if (users.fetch_sub(1, memory_order_acq_rel) == 1) delete this;
  }

  /// The task, and each who keeps this.
  atomic<std::uint32_t> users{1};
  /// Follows the stop of the fiber.
  std::stop_source source;
  /// Held while the task is asked to stop, so that it is there.
  std::mutex lock;
  task_core* task;
  /// The task's; may be null.
  std::unique_ptr<const std::string> name;
  /// Called once by the task's fiber when the function is over, before joiners hear of it.
  atomic<void (*)(task_extras&) noexcept> at_end{nullptr};
};

}  // namespace sluice::detail
