// How a fiber waits and how its wait is ended. The argument stands in fiber.hpp.
#include "sched/fiber.hpp"

#include <cassert>

#include "sched/worker_switch.hpp"
#include "sluice/detail/base/backoff.hpp"
#include "sluice/detail/base/edges.hpp"

namespace sluice::detail {

fiber& fiber::build(stack_slot& slot, std::uint8_t size_class) noexcept {
  slot.unpoison();
  const stack_slot::span all = slot.memory();
  std::byte* const end = all.top - sizeof(fiber);
  if (slot.fresh()) ::new (static_cast<void*>(end)) fiber(slot, size_class);
  fiber& self = *std::launder(reinterpret_cast<fiber*>(end));
  make_context(self, all.bottom, end, &worker::run_tasks);
  return self;
}

/// All waits leave the worker from here, with a time or without: what goes on afterwards returns
/// through the frames of another fiber, as far as the CPU's predictions go, and these look alike.
[[gnu::noinline]] void fiber::wait(waiter& w, time_limit until) noexcept {
  waiting_ = &w;
  if (!until.is_none()) [[unlikely]]
    arm_timer(w, until);
  if (!was_notified()) worker_->park(*this);
  assert(w.has_ended());
  if (timed_) [[unlikely]]
    disarm_timer();
  if (precise_races && waiting_->result() == outcome::cancelled) note_stop();
  // order: P2 relaxed, the one unpark of this wait has been seen; a holder finds no `parked` here
  word_.store(empty, memory_order_relaxed);
}

[[gnu::noinline]] void fiber::arm_timer(waiter& w, time_limit until) noexcept {
  worker_->arm(timer_, w, until);
  timed_ = true;
}

/// I1 of timers.hpp. In a crowd the timer's line is in no cache.
[[gnu::noinline]] void fiber::disarm_timer() noexcept {
  timed_ = false;
  if (waiting_->result() != outcome::timed_out) timer_.in->disarm(timer_);
}

verdict fiber::check(operation_kind kind) noexcept {
  if (in_forked_child()) return verdict::forked;
  worker_->end_slice_if_over(*this);
  const bool stops =
      kind == operation_kind::may_wait && stop_requested() && !unwinding() && stops_.shields == 0;
  return stops ? verdict::stop : verdict::proceed;
}

void fiber::offer_turn() noexcept { worker_->yield(*this); }

inline bool fiber::must_stop() const noexcept {
  return task_->stop_requested() || worker_->home().closing() || stops_.requested();
}

bool fiber::stop_requested() const noexcept {
  if (!must_stop()) return false;
  note_stop();
  return true;
}

/// What came before the requests that it obeys happens before what it does now.
inline void fiber::note_stop() const noexcept {
  if (!precise_races) return;
  edge_to(&task_->fiber_);           // pairs with mark_stopped
  edge_to(&worker_->home().idle());  // pairs with close
  stops_.note_stop();
}

bool fiber::unwinding() const noexcept { return worker_->anchor().exceptions->uncaught != 0; }

/// P1 comes after the plain stores of bind and set_owner, too: no P5 before them.
void fiber::announce(worker& by) noexcept {
  since_ = by.time();
  std::uint32_t seen = empty;
  // order: P1 seq_cst, before P5 in the one order with a canceller's raise and P4; hands the saved
  // context to whoever wakes the fiber; acquire on failure pairs P3
  // mutation: acq_rel, needed: in no schedule does a compare-and-swap fail that could succeed
  if (!word_.compare_exchange_strong(seen, parked, memory_order_seq_cst, memory_order_acquire)) {
    assert(seen == notified);  // never announced twice
    by.push_woken(*this);
    return;
  }
  // order: P5 seq_cst, after P1: either this sees the raise, or the canceller's P4 sees `parked`
  if (attention.load(memory_order_seq_cst) != 0) cancel_wait();
}

/// May a stop end the wait? Not while an exception unwinds the stack, nor under a shield. The fiber
/// is held, so its exception state lies in its context.
bool fiber::is_stoppable() const noexcept {
  return waiting_->stop_mode() == on_stop::end_wait && exceptions.uncaught == 0 &&
         stops_.shields == 0;
}

bool fiber::hold() noexcept {
  backoff pause;
  for (;;) {
    std::uint32_t seen = parked;
    // order: P4 seq_cst, after the raise and the flag; pairs P1
    // mutation: acq_rel, one that succeeds has found the fiber; the order is for one that fails
    if (word_.compare_exchange_strong(seen, held, memory_order_seq_cst, memory_order_seq_cst)) {
      return true;
    }
    if (seen != held) return false;
    pause.pause();  // another holder may have looked before our flag was set
  }
}

void fiber::let_go() noexcept {
  std::uint32_t seen = held;
  // order: release, gives the fiber back; if P3 came first nothing but the word is touched any more
  if (!word_.compare_exchange_strong(seen, parked, memory_order_release, memory_order_relaxed)) {
    // order: P6 release, what was done while it was held comes before what its unparker does next
    word_.store(released, memory_order_release);
  }
}

void fiber::wake_when_let_go() noexcept {
  // order: acquire, pairs with P6
  for (backoff pause; word_.load(memory_order_acquire) != released;) pause.pause();
  wake();
}

void fiber::cancel_wait() noexcept {
  if (!hold()) return;
  if (!is_stoppable() || !must_stop() || !waiting_->try_claim_for_stop()) {
    return let_go();
  }
  // order: release, as P3; the claim is ours, so nobody else unparks or waits for P6
  // mutation: relaxed, the queue hands the fiber on, and who finds `notified` looks at nothing
  word_.store(notified, memory_order_release);
  wake();
}

[[gnu::noinline]] void fiber::wake() noexcept {
  worker* here = worker_of_this_thread;
  if (here == worker_) [[likely]]
    return here->push_woken(*this);
  wake_from(here);
}

/// Another worker, or none, ran it last.
[[gnu::noinline]] void fiber::wake_from(worker* here) noexcept {
  scheduler& home = worker_->home();
  if (here != nullptr && &here->home() == &home) [[likely]]
    return here->push_woken(*this);
  home.make_ready_from_outside(*this);
}

}  // namespace sluice::detail
