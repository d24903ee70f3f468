// What every worker and fiber does, in words for people.
//
// A fiber is looked at in two steps. While its task is pinned, it is alive; while the fiber is held
// too, it stays in its wait, and with it what it waits for. What takes longer, looking up names and
// the stream, comes after both.
#include <chrono>
#include <iomanip>
#include <sstream>
#include <string>

#include "sched/places.hpp"
#include "sched/scheduler.hpp"

namespace sluice::detail {
namespace {

/// Undone at the end of the scope, also by an exception.
struct pin_guard {
  stack_slot& slot;
  ~pin_guard() { slot.unpin(); }
};
struct hold_guard {
  fiber& held;
  ~hold_guard() { held.let_go(); }
};

void describe_wait(std::ostream& text, const fiber& held) {
  const wait_site& site = held.waits_for()->site();
  text << ": waits in " << site.operation;
  if (site.object != nullptr) {
    text << " of ";
    site.object->describe(text);
  }
  const std::chrono::duration<double> since = coarse_duration(coarse_now() - held.waits_since());
  text << " for " << std::fixed << std::setprecision(2) << since.count() << " s";
}

}  // namespace

bool worker::runs(const fiber& one) const noexcept {
  // order: acquire, pairs with enter
  // mutation: relaxed, the place is zero from its thread's start on, and is only compared
  const atomic<parker*>* slot = running_slot_.load(memory_order_acquire);
  // order: relaxed, compared only
  return slot != nullptr && slot->load(memory_order_relaxed) == &one;
}

worker::counts worker::count() const noexcept {
  // order: acquire, pairs with finish_task; before spawned, so that live ones are never negative
  const std::uint64_t gone = gone_.load(memory_order_acquire);
  // order: acquire, as above
  const std::uint64_t finished = finished_.load(memory_order_acquire);
  // order: relaxed, counts
  const auto read = [](const auto& one) { return one.load(memory_order_relaxed); };
  const std::uint64_t steals = read(steals_);
  const std::uint64_t empty = read(empty_picks_);
  return {.spawned = read(spawned_),
          .finished = finished,
          .gone = gone,
          .turns = picks() + steals - empty,
          .parks = read(parks_),
          .steals = steals,
          .sleeps = read(sleeps_),
          .wakes = read(wakes_),
          .injected = read(injected_)};
}

void scheduler::describe_state(std::ostream& text, fiber& one) const {
  if (one.hold()) {
    const hold_guard guard{one};
    return describe_wait(text, one);
  }
  for (const auto& each : workers_) {
    if (!each->runs(one)) continue;
    text << ": runs on worker " << each->index();
    return;
  }
  text << ": is ready";
}

/// What is said of the fiber on that stack, and where it was spawned; null: there is none of this
/// runtime.
const void* scheduler::describe(std::ostream& text, stack_slot& slot) const {
  const auto* task = static_cast<const task_core*>(slot.pin());
  if (task == nullptr) return nullptr;
  const pin_guard guard{slot};
  if (task->from_.home != this) return nullptr;
  text << "  fiber " << task->id();
  if (!task->name().empty()) text << " \"" << task->name() << '"';
  describe_state(text, fiber::on(slot));
  if (task->stop_requested()) text << ", stop requested";
  return task->from_.spawned_by;
}

void scheduler::dump(std::ostream& out) const {
  const scheduler_counts all = count();
  out << "sluice: " << all.workers << " workers, " << all.fibers << " fibers, " << all.spawned
      << " spawned, " << all.turns << " switches, " << all.steals << " steals\n";
  for (const auto& each : workers_) {
    const worker::counts one = each->count();
    out << "  worker " << each->index() << ": " << one.turns << " turns, " << one.parks
        << " parks, " << one.steals << " steals, " << one.sleeps << " sleeps, " << one.wakes
        << " wakes, " << one.injected << " from outside, " << each->ready().size() << " ready, "
        << each->fresh().size() + each->overflow().size() << " not begun\n";
  }
  if (const std::size_t waiting = incoming_.size(); waiting != 0) {
    out << "  inbox: " << waiting << " wait for any worker\n";
  }
  if (in_forked_child()) return;  // a look of another thread may be under way for ever
  places known;
  for (stack_slab* slab = stack_pool::all_slabs(); slab != nullptr; slab = slab->older_of_all) {
    const std::size_t used = slab->used();
    for (std::size_t i = 0; i < used; ++i) {
      std::ostringstream line;
      const void* spawned_by = describe(line, slab->slot(i));
      if (spawned_by == nullptr) continue;
      out << line.view() << "; spawned by " << known.name_of(spawned_by) << '\n';
    }
  }
}

}  // namespace sluice::detail
