// When a fiber that waits stays with its worker, which has nothing else, for a moment.
//
// Whoever makes a fiber ready takes it to his own worker: the line that it waits at is in the cache
// there. For two fibers that compute for microseconds between their hand-overs that is wrong: the
// one then waits until the other waits, each on the core of the other in turn, and a second core is
// of no use. So a fiber that must wait does not leave at once where others run too. Its worker
// looks at its word, and if the wait ends meanwhile it goes on where it was: to its unparker it is
// a fiber that has not yet announced itself (P3 finds `empty`). Otherwise it leaves as ever.
#include "sched/idle.hpp"
#include "sched/scheduler.hpp"
#include "sched/worker_switch.hpp"
#include "sluice/detail/base/cpu.hpp"

namespace sluice::detail {

context* worker::nothing_is_ready(const fiber& self) noexcept {
  if (alone_ || !stays_while_waiting(self)) return &own_context();
  bump(lone_yields_);  // that was a turn
  return nullptr;
}

/// One that has given up its seat goes to another worker.
[[gnu::noinline]] bool worker::stays_while_waiting(const fiber& self) noexcept {
  if (idle.gave_up || !home_.idle().is_worth_staying()) return false;
  const deadline until = clock::now() + stay_time;
  for (deadline look = until - stay_time + undisturbed; !self.was_notified(); cpu_pause()) {
    const deadline now = clock::now();
    if (now < look) continue;
    if (now >= until || home_.idle().anybody_has_work()) return false;
    look = now + undisturbed;
  }
  return true;
}

/// Who ends the wait must be running now; and where workers are more than CPUs, to stay would keep
/// him from it.
bool idle_policy::is_worth_staying() const noexcept {
  // order: relaxed, a hint
  const int running = running_.load(memory_order_relaxed);
  return running > 1 && running <= spread_.most();
}

bool idle_policy::anybody_has_work() const noexcept {
  for (std::size_t i = 0; i < home_.worker_count(); ++i) {
    const worker& one = home_.worker_at(i);
    if (!one.ready().empty() || one.has_fresh()) return true;
  }
  return home_.incoming().maybe_work();
}

}  // namespace sluice::detail
