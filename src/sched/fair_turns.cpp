// Turns for those who would starve beside a worker's own queues, and for others in another order.
#include <utility>

#include "sched/scheduler.hpp"
#include "sched/worker.hpp"

namespace sluice::detail {

/// Those who would starve while the own queues are never empty.
runnable* worker::pick_fairly() noexcept {
  if (timers_.any()) timers_.fire(clock::now());
  if (!alone_) {
    reconsider_if_due();
    gate_.close_if_unused(picks());
  }
  drop_old_slice();
  progress_.look_in = has_fresh() && !ready_.empty() ? fair_beside_tasks : fair_every;
  shuffle();
  // Each of the four gets the first look in turn: none may keep another waiting for ever.
  for (int i = 0; i < 4; ++i) {
    fair_turn_ = (fair_turn_ + 1) % 4;
    runnable* one = fair_turn_ == 0   ? home_.incoming().pop()
                    : fair_turn_ == 1 ? backlog_.take(1).first
                    : fair_turn_ == 2 ? home_.incoming().pop_task()
                                      : fresh_.take_oldest();
    if (one == nullptr) continue;
    if (fair_turn_ % 2 == 0) bump(injected_);
    return one;
  }
  return nullptr;
}

/// A look at the clock: not at each of those that come soon for the sake of tasks.
inline void worker::reconsider_if_due() noexcept {
  // order: relaxed, it is seen at the next look
  // mutation: never, policy: it looks at the clock later
  const bool asked = slice_over_.load(memory_order_relaxed);
  // mutation: never, policy: it looks at the clock more often
  if (!asked && picks() - picks_at_reconsider_ < fair_every && !idle.races.are_many(lost())) return;
  picks_at_reconsider_ = picks();
  home_.idle().reconsider(*this);
}

/// Where all wait for each other alone turns would repeat in one order. So now and then, by
/// chance, who stands first gets another place. Where turns are long a lost one weighs more.
inline void worker::shuffle() noexcept {
  idle.random = idle.random * 1664525U + 1013904223U;
  const std::uint32_t random = idle.random >> 16;
  if (random % looks_to_shuffle != 0) return;
  const work_done now = done();
  const work_done did = now.since(std::exchange(shuffled_, now));
  if (did.turns < fair_every || did.items > did.turns * few_items) return;
  if (alone_) return ready_.exchange_first_alone(random);
  // Beside thieves only the first and the last place can be had.
  if (runnable* one = ready_.pop()) push_ready(static_cast<fiber&>(*one));
}

}  // namespace sluice::detail
