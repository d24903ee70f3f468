// What others take from a worker, and what it gives them.
#include <algorithm>

#include "sched/scheduler.hpp"
#include "sched/worker.hpp"

namespace sluice::detail {

runnable* worker::steal_queued(worker& victim) noexcept {
  if (victim.ready_.empty()) return nullptr;
  const gate::guest inside(victim.gate_);
  return inside ? adopt(victim.ready_.take_half()) : nullptr;
}

runnable* worker::steal_ready(worker& victim) noexcept {
  if (runnable* one = steal_queued(victim)) return one;
  // order: relaxed, a hint
  // mutation: never, only slower: the exchange finds nothing, perhaps after a barrier
  if (victim.next_.load(memory_order_relaxed) == nullptr) return nullptr;
  const gate::guest inside(victim.gate_);
  // order: acquire, pairs with push_woken
  return inside ? victim.next_.exchange(nullptr, memory_order_acquire) : nullptr;
}

runnable* worker::steal_backlog(worker& victim) noexcept {
  const std::uint64_t share = victim.backlog_.size() / 2 + 1;
  return adopt(victim.backlog_.take(std::min<std::uint64_t>(share, batch)));
}

bool worker::give_ready(worker& host) noexcept {
  chain gift = backlog_.take(crowd);
  for (;;) {
    const chain some = ready_.take_half();
    if (some.count == 0) break;
    gift.append(some);
  }
  // order: acquire, a thief may empty it meanwhile; pairs with push_woken
  // mutation: relaxed, as in exchange_next
  if (fiber* one = next_.exchange(nullptr, memory_order_acquire)) gift.push_back(*one);
  if (gift.count == 0) return false;
  host.backlog_.push(gift);
  return true;
}

/// A slice is over, and the next turn may take as long: whoever waits here would fall behind those
/// that are with a worker that has few, or wait for any. So they go there, in front of the one
/// whose slice it was.
void worker::share_few() noexcept {
  if (ready_.size() + backlog_.size() > few) return;
  chain some = backlog_.take(few);
  while (runnable* one = ready_.pop()) some.push_back(*one);
  if (some.count != 0) home_.make_ready_for_all(some);
}

runnable* worker::steal_fresh(worker& victim) noexcept {
  if (victim.fresh_.empty()) return nullptr;
  const gate::guest inside(victim.gate_);
  return inside ? victim.fresh_.take_oldest() : nullptr;
}

}  // namespace sluice::detail
