// When what runs looks up: its slice is over, or its worker should reconsider. And on how many
// workers fine fibers run: who has a seat, and who gives it up. The argument stands in spread.hpp
// and idle.hpp.
#include "sched/spread.hpp"

#include <mutex>
#include <utility>

#include "sched/idle.hpp"
#include "sched/scheduler.hpp"
#include "sched/worker_switch.hpp"
#include "sluice/detail/park/attention.hpp"

namespace sluice::detail {

// ---- time slices -------------------------------------------------------------------------------

void worker::tick(coarse_time time) noexcept {
  set_time(time);
  const std::uint64_t now = picks();
  if (now != std::exchange(picks_at_tick_, now) || is_idle()) return;
  const std::uint64_t races = lost();
  const bool fights =
      lost_races::are_too_many(ticker::tick, races - std::exchange(lost_at_tick_, races));
  if (!has_ready() && !has_fresh() && !home_.incoming().maybe_work() && !fights) return;
  end_slice();
}

/// The turn has ended by itself, with no operation since.
void worker::drop_old_slice() noexcept {
  // order: relaxed, it is seen at the next look
  // mutation: never, only slower: operations look up though there is nothing to see
  if (slice_over_.load(memory_order_relaxed)) [[unlikely]]
    drop_slice_flag();
}

void worker::drop_slice_flag() noexcept {
  // order: acq_rel, with ask_to_reconsider: what is lowered was raised before; and who asks after
  // a sleeper has looked here finds that it sleeps
  if (slice_over_.exchange(false, memory_order_acq_rel)) lower_attention();
}

void worker::forget_slice() noexcept { drop_slice_flag(); }

void worker::end_slice() noexcept {
  // order: relaxed, a hint: of which turn
  slice_of_.store(picks(), memory_order_relaxed);
  ask_to_reconsider();
}

/// Raises before it sets the flag: whoever takes that back at once would else lower what others
/// have raised, and a fiber that begins to wait just then would not see that it must stop. A worker
/// that sleeps runs nothing: it looks after it has said that it does, so that of the two one takes
/// the flag back. All operations of the process would look closer for as long as it sleeps.
void worker::ask_to_reconsider() noexcept {
  // order: relaxed, a hint
  // mutation: never, only slower: the exchange finds it set
  if (slice_over_.load(memory_order_relaxed)) return;
  raise_attention();
  // order: acq_rel, after the raise; with drop_slice_flag. A running fiber may see it late
  if (slice_over_.exchange(true, memory_order_acq_rel)) lower_attention();
  if (is_idle()) drop_slice_flag();
}

void worker::look_up() noexcept {
  if (std::exchange(picks_at_look_up_, picks()) == picks()) ask_to_reconsider();
}

// ---- seats -------------------------------------------------------------------------------------

work_done idle_policy::done_by_all() const noexcept {
  work_done sum;
  for (std::size_t i = 0; i < home_.worker_count(); ++i) {
    const work_done one = home_.worker_at(i).done();
    sum.turns += one.turns;
    sum.items += one.items;
  }
  return sum;
}

/// Of a sleeper and whoever gives it a seat one takes it back, as in ask_to_reconsider.
void idle_policy::take_seat(worker& one) noexcept {
  // order: relaxed, a hint
  // mutation: never, only slower: the exchange finds it taken
  if (one.idle.seated.load(memory_order_relaxed)) return;
  // order: acquire, pairs with leave_seat: who comes after a sleeper has left finds that it sleeps
  if (!one.idle.seated.exchange(true, memory_order_acquire)) {
    // order: relaxed, a count
    seats_.fetch_add(1, memory_order_relaxed);
  }
  if (one.is_idle()) leave_seat(one);
}

void idle_policy::leave_seat(worker& one) noexcept {
  // order: release, as in take_seat
  if (one.idle.seated.exchange(false, memory_order_release)) {
    // order: relaxed, a count
    seats_.fetch_sub(1, memory_order_relaxed);
  }
}

void idle_policy::look_how_it_goes(deadline now) noexcept {
  if (!lock_.try_lock()) return;  // another does
  const bool too_many = spread_.look(now, done_by_all(), seats());
  lock_.unlock();
  if (!too_many) return;
  for (std::size_t i = 0; i < home_.worker_count(); ++i) {
    worker& one = home_.worker_at(i);
    // order: relaxed, a hint
    if (one.idle.seated.load(memory_order_relaxed)) one.ask_to_reconsider();
  }
}

/// Takes a seat for what is fine here, or gives it up: for coarse fibers, or one too many.
bool idle_policy::reconsider(worker& me) noexcept {
  const deadline now = clock::now();
  const auto since = now - std::exchange(me.idle.reconsidered, now);
  const work_done done = me.done();
  const work_done did = done.since(std::exchange(me.idle.done, done));
  const bool fights =
      me.idle.races.are_many(me.lost()) && me.idle.races.are_too_many(now, me.lost());
  if (fights) me.idle.fought = now;
  if (is_coarse(did, since, now - me.idle.fought) || !me.fresh().empty()) {
    leave_seat(me);
    return false;
  }
  take_seat(me);
  me.idle.gave_up = false;
  if (fights) {
    const std::lock_guard guard(lock_);
    spread_.fear(now);
  }
  if (spread_.is_due(now)) look_how_it_goes(now);
  return seats() > spread_.limit() && leave_to_others(me) && give_up(me);
}

/// If there still are too many seats taken.
bool idle_policy::leave_to_others(worker& me) noexcept {
  const std::lock_guard guard(lock_);
  spread_.admit(seats());
  if (seats() <= spread_.limit()) return false;
  leave_seat(me);
  return true;
}

/// What is given is more than its host can run at once, as what is pushed onto an own queue. It was
/// pushed here, but who still looks for work does not count as running: nobody may have watched.
bool idle_policy::give_up(worker& me) noexcept {
  bool given = false;
  {
    const std::lock_guard guard(lock_);
    worker* host = host_for(me);
    if (host == nullptr) return false;
    me.idle.gave_up = true;
    given = me.give_ready(*host);
  }
  if (given) home_.note_surplus();
  return true;
}

void idle_policy::move(worker& me, fiber& one) noexcept {
  bool given = false;
  {
    const std::lock_guard guard(lock_);
    if (worker* host = host_for(me)) {
      host->accept(one);
      given = true;
    }
  }
  given ? home_.note_surplus() : me.push_ready(one);
}

/// One that has a seat and is not listed, so that it will look at its backlog before it sleeps.
/// Under the lock.
worker* idle_policy::host_for(const worker& me) noexcept {
  for (std::size_t i = 0; i < home_.worker_count(); ++i) {
    worker& host = home_.worker_at(i);
    // order: relaxed, a hint
    if (&host != &me && !host.idle.listed && host.idle.seated.load(memory_order_relaxed)) {
      return &host;
    }
  }
  return nullptr;
}

}  // namespace sluice::detail
