// What every worker and fiber does, in words for people.
#include <algorithm>
#include <sstream>
#include <string>

#include "sched/scheduler.hpp"

namespace sluice::detail {
namespace {

std::string describe(const task_core& task) {
  std::ostringstream text;
  text << "fiber " << task.id();
  if (!task.name().empty()) text << " \"" << task.name() << '"';
  return text.str();
}

std::string describe(const waiter* wait) {
  if (wait == nullptr) return ": parked";
  std::ostringstream text;
  text << ": waits in " << wait->site().operation;
  if (wait->site().object != nullptr) {
    text << " of ";
    wait->site().object->describe(text);
  }
  return text.str();
}

/// The line of the fiber on that stack; nothing if there is none of `home`.
std::string describe(stack_slot& slot, const scheduler& home,
                     bool (*belongs)(const task_core&, const scheduler&)) {
  auto* task = static_cast<task_core*>(slot.pin());
  if (task == nullptr) return {};
  std::string line;
  try {
    if (belongs(*task, home)) {
      line = "  " + describe(*task);
      fiber& here = fiber::on(slot);
      if (here.hold()) {
        try {
          line += describe(here.waits_for());
        } catch (...) {
          here.let_go();
          throw;
        }
        here.let_go();
      } else {
        line += ": runs or is ready";
      }
      if (task->stop_requested()) line += ", stop requested";
      line += '\n';
    }
  } catch (...) {
    slot.unpin();
    throw;
  }
  slot.unpin();
  return line;
}

}  // namespace

void scheduler::dump(std::ostream& out) {
  const scheduler_counts all = count();
  out << "sluice: " << all.workers << " workers, " << all.fibers << " fibers, " << all.spawned
      << " spawned, " << all.switches << " switches, " << all.steals << " steals\n";
  for (const auto& each : workers_) {
    const worker::counts one = each->count();
    out << "  worker " << each->index() << ": " << one.picks << " turns, " << one.steals
        << " steals, " << one.sleeps << " sleeps, " << each->ready().size() << " ready, "
        << each->fresh().size() + each->overflow().size() << " not begun\n";
  }
  const auto belongs = [](const task_core& task, const scheduler& home) {
    return task.home_ == &home;
  };
  if (in_forked_child()) return;  // a look of another thread may be under way for ever
  for (stack_slab* slab = stack_pool::all_slabs(); slab != nullptr; slab = slab->older_of_all) {
    for (std::size_t i = 0; i < slab->count; ++i) {
      out << describe(slab->slots[i], *this, belongs);
    }
  }
}

}  // namespace sluice::detail
