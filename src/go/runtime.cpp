// The public face of a scheduler.
#include "sluice/runtime.hpp"

#include <cstdio>
#include <utility>

#include "park/named.hpp"
#include "sched/scheduler.hpp"
#include "sluice/detail/park/attention.hpp"

namespace sluice {

runtime::runtime(runtime_options options)
    : inside_(new detail::scheduler({options.workers, options.stack_size,
                                     std::move(options.on_unhandled),
                                     std::move(options.on_deadlock)})) {}

runtime::~runtime() {
  if (detail::in_forked_child()) return;  // the threads are not here; nothing can be waited for
  if (detail::runs_on(*inside_)) {
    std::fputs("sluice: ~runtime called by one of its own fibers, which it would wait for\n",
               stderr);
    std::terminate();
  }
  inside_->close();
  delete inside_;
}

runtime_stats runtime::stats() const {
  const detail::scheduler_counts all = inside_->count();
  return {.workers = all.workers,
          .fibers = all.fibers,
          .spawned = all.spawned,
          .switches = all.turns,
          .parks = all.parks,
          .steals = all.steals,
          .injected = all.injected,
          .sleeps = all.sleeps,
          .wakes = all.wakes,
          .stacks = all.stacks.carved,
          .unguarded_stacks = all.stacks.unguarded};
}

void runtime::dump(std::ostream& out) const {
  inside_->dump(out);
  detail::write_named(out);
  out.flush();
}

}  // namespace sluice
