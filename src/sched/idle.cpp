// How an idle worker looks for work and sleeps. The argument stands in idle.hpp.
#include "sched/idle.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "park/futex.hpp"
#include "sched/scheduler.hpp"
#include "sched/worker_switch.hpp"
#include "sluice/detail/base/backoff.hpp"
#include "sluice/detail/base/cpu.hpp"

namespace sluice::detail {

void idle_policy::begin() noexcept {
  // order: seq_cst, see the head of idle.hpp
  running_.fetch_add(1, memory_order_seq_cst);
}

runnable* idle_policy::rest(worker& me) noexcept {
  // order: relaxed, its own
  // mutation: never, only slower: it sleeps at once, and is woken
  const bool was_fine = me.idle.seated.load(memory_order_relaxed);
  leave_seat(me);
  // order: seq_cst, see the head of idle.hpp
  // mutation: acq_rel, only slower: what is read instead is a higher count, and somebody watches or
  // ticks once more
  running_.fetch_sub(1, memory_order_seq_cst);
  runnable* found = search(me);
  if (found == nullptr && was_fine) found = linger(me);
  while (found == nullptr && !home_.over()) {
    sleep(me);
    found = search(me);
    if (found == nullptr && spread_.awaits_others()) found = linger(me);
  }
  // order: seq_cst, before the first push; see the head of idle.hpp
  running_.fetch_add(1, memory_order_seq_cst);
  // order: relaxed, only I make myself stop being the watcher
  if (watcher_.load(memory_order_relaxed) == &me) pass_watch_on();
  const deadline now = clock::now();
  me.idle.races.begin(now, me.lost());
  me.idle.reconsidered = now;
  me.idle.done = me.done();
  me.idle.gave_up = false;
  me.count_start();
  me.keep_time();
  home_.note_running(me);
  return found;
}

// ---- looking -----------------------------------------------------------------------------------

runnable* idle_policy::search(worker& me) noexcept {
  home_.fire_timers();
  if (runnable* one = me.pick()) return one;
  runnable* stolen = steal(me);
  if (stolen != nullptr) me.count_steal();
  return stolen;
}

namespace {

/// Has the oldest task waited since the last look?
bool fresh_may_go(const worker& victim, sample& before) noexcept {
  const std::int64_t head = victim.fresh().head();
  const bool waits = victim.has_fresh();
  const bool waited = waits && before.fresh_waits && before.fresh_head == head;
  before.fresh_waits = waits;
  before.fresh_head = head;
  return waited;
}

/// Is something in the backlog that was there at the last look?
bool backlog_may_go(const worker& victim, sample& before) noexcept {
  const std::uint64_t taken = victim.overflow().taken();
  const bool waited = taken < before.backlog_mark;
  before.backlog_mark = taken + victim.overflow().size();
  return waited;
}

}  // namespace

void idle_policy::judge(worker& victim, sample& before, deadline now,
                        clock::duration since) noexcept {
  const work_done done = victim.done();
  const work_done did = done.since(std::exchange(before.done, done));
  const std::uint64_t lost = victim.lost();
  const std::uint64_t lately = lost - std::exchange(before.lost, lost);
  before.picks = victim.picks();
  before.may_part = std::cmp_less(did.turns, since / worth_a_trip);
  since = std::min(since, longest_look);
  if (lost_races::are_too_many(since, lately)) before.fought = now;
  before.slow = is_slow(did, since);
  before.coarse = is_coarse(did, since, now - before.fought);
  if (victim.seems_coarse() == before.coarse) return;
  // order: relaxed, a hint
  victim.idle.seems_coarse.store(before.coarse, memory_order_relaxed);
}

/// A look is worth something only some time after the last one. By then a worker that has had fewer
/// turns than fit into that time runs coarse fibers, or does not run. To watch one closely for a
/// moment instead would be wrong where both threads share a core: then its worker stands still
/// because it is watched.
runnable* idle_policy::steal(worker& me) noexcept {
  const deadline now = clock::now();
  const auto since = now - me.idle.looked;
  if (since < shortest_look) return steal_again(me);
  me.idle.looked = now;
  ++me.idle.calm_looks;
  const std::size_t n = home_.worker_count();
  me.idle.random = me.idle.random * 1664525U + 1013904223U;
  for (std::size_t i = 0; i < n; ++i) {
    worker& victim = home_.worker_at((i + (me.idle.random >> 16)) % n);
    if (&victim == &me) continue;
    sample& before = me.idle.samples[victim.index()];
    judge(victim, before, now, since);
    const bool fresh = fresh_may_go(victim, before);
    const bool backlog = backlog_may_go(victim, before);
    if (before.fresh_waits || (before.coarse && !victim.is_idle())) me.idle.calm_looks = 0;
    if (!victim.has_ready() && !victim.has_fresh()) continue;
    if (backlog && before.coarse) {
      if (runnable* one = me.steal_backlog(victim)) return one;
    }
    if (fresh) {
      if (runnable* one = me.steal_fresh(victim)) return one;
    }
    if (before.coarse) {
      if (runnable* one = steal_any(me, victim)) return one;
    }
  }
  if (spread_.is_due(now)) look_how_it_goes(now);
  return steal_fine(me);
}

/// What is ready, perhaps for a moment only, of fine fibers.
runnable* idle_policy::steal_fine(worker& me) noexcept {
  const std::size_t n = home_.worker_count();
  for (std::size_t i = 0; i < n; ++i) {
    worker& victim = home_.worker_at((i + (me.idle.random >> 16)) % n);
    if (&victim == &me) continue;
    const sample& before = me.idle.samples[victim.index()];
    const bool lone = before.slow || (before.may_part && victim.ready().empty());
    const bool ready = lone ? victim.has_ready() : !victim.ready().empty();
    if (!ready && victim.overflow().empty()) continue;
    // order: relaxed, a hint
    const int others = victim.idle.seated.load(memory_order_relaxed) ? 0 : 1;
    // mutation: never, policy: more workers than pay
    if (seats() + others >= spread_.limit()) {
      spread_.want();
      continue;
    }
    runnable* one = me.steal_backlog(victim);
    if (one == nullptr) one = lone ? me.steal_ready(victim) : me.steal_queued(victim);
    if (one == nullptr) continue;
    take_seat(victim);
    take_seat(me);
    return one;
  }
  return nullptr;
}

/// Fine fibers are ready for a moment only: a worker that ran some looks for more before it sleeps.
runnable* idle_policy::linger(worker& me) noexcept {
  const deadline until = clock::now() + linger_time;
  for (int look = 0; look < most_looks && seats() > 0 && !home_.over(); ++look) {
    if (runnable* one = steal_fine(me)) {
      me.count_steal();
      return one;
    }
    for (int i = 0; i < pauses_between_looks; ++i) cpu_pause();
    if (runnable* one = search(me)) return one;
    if (clock::now() >= until) break;
  }
  return nullptr;
}

/// Soon after a look: from those that are still in the turn for which they were found coarse.
runnable* idle_policy::steal_again(worker& me) noexcept {
  for (std::size_t i = 0; i < home_.worker_count(); ++i) {
    worker& victim = home_.worker_at(i);
    const sample& before = me.idle.samples[i];
    if (&victim == &me || !before.coarse || victim.picks() != before.picks) continue;
    if (runnable* one = steal_any(me, victim)) return one;
  }
  return nullptr;
}

runnable* idle_policy::steal_any(worker& me, worker& victim) noexcept {
  if (runnable* one = me.steal_ready(victim)) return one;
  return me.steal_fresh(victim);
}

// ---- sleeping ----------------------------------------------------------------------------------

/// For one that is listed: was it given something (W6), or does anything come from outside (W2)?
bool idle_policy::has_work(const worker& me) const noexcept {
  return !me.overflow().empty() || home_.incoming().any_counted();
}

void idle_policy::sleep(worker& me) noexcept {
  enlist(me);
  // Perhaps a thief has just given it a seat, or the ticker has ended a slice.
  leave_seat(me);
  me.forget_slice();
  if (has_work(me) || home_.over()) return delist(me);
  home_.tell_closer();
  home_.note_rest();
  const deadline until = choose_role(me);
  bool slept = false;
  bool woken = false;
  // order: W3 acquire, pairs with rouse
  // mutation: relaxed, the lock in delist tells of all that came before the waker took it
  while (!(woken = me.idle.word.load(memory_order_acquire) == 0)) {
    if (!slept) me.memory().give_back();
    me.count_sleep();
    slept = true;
    if (futex_wait(me.idle.word, 1, until) == futex_result::timed_out) break;
  }
  if (slept && woken) me.count_wake();
  if (woken) me.idle.calm_looks = 0;
  delist(me);
}

/// Until when this one sleeps: as the watcher, as the keeper of the earliest timer, or for ever.
deadline idle_policy::choose_role(worker& me) noexcept {
  const deadline earliest = home_.earliest_timer();
  for (;;) {
    const bool watch_is_on = anybody_runs();
    const std::lock_guard guard(lock_);
    // order: relaxed, written under the lock
    worker* watcher = watcher_.load(memory_order_relaxed);
    if (watch_is_on && (watcher == nullptr || watcher == &me)) {
      // order: relaxed, whoever does not see it yet elects one too many
      watcher_.store(&me, memory_order_relaxed);
      const bool calm = !spread_.awaits_others();
      const auto doublings = calm ? std::min(me.idle.calm_looks, most_doublings) : 0;
      return std::min(earliest, clock::now() + spread_delay * (1 << doublings));
    }
    if (watcher != &me) return keep_timer(me, earliest);
    // order: seq_cst, before the look that follows: who has begun to run in between may have taken
    // me for the watcher
    watcher_.store(nullptr, memory_order_seq_cst);
  }
}

/// Whoever finds no keeper, or one that sleeps too long, keeps the earliest timer. Under the lock.
deadline idle_policy::keep_timer(worker& me, deadline earliest) noexcept {
  if (earliest == no_deadline || (keeper_ != nullptr && keeper_until_ <= earliest)) {
    return no_deadline;
  }
  keeper_ = &me;
  keeper_until_ = earliest;
  return earliest;
}

void idle_policy::enlist(worker& me) noexcept {
  // order: relaxed, made visible by the lock
  me.idle.word.store(1, memory_order_relaxed);
  const std::lock_guard guard(lock_);
  me.idle.listed = true;
  me.idle.next = sleepers_;
  sleepers_ = &me;
  // order: W1 seq_cst, before W2 in the one order with W4 and W5
  idle_count_.fetch_add(1, memory_order_seq_cst);
}

void idle_policy::delist(worker& me) noexcept {
  // order: relaxed, a hint (is_idle); the next enlist sets it again
  me.idle.word.store(0, memory_order_relaxed);
  const std::lock_guard guard(lock_);
  if (keeper_ == &me) {
    keeper_ = nullptr;
    keeper_until_ = no_deadline;
  }
  if (me.idle.listed) take_off(me);  // else a waker has
}

/// The lock is held.
void idle_policy::take_off(worker& one) noexcept {
  worker** at = &sleepers_;
  while (*at != &one) at = &(*at)->idle.next;
  *at = one.idle.next;
  one.idle.listed = false;
  ++left_list_;
  // order: relaxed, whoever still reads the higher count finds the list without it
  idle_count_.fetch_sub(1, memory_order_relaxed);
}

bool idle_policy::everybody_is_listed() const noexcept {
  // order: seq_cst, after W1 or the entry into run, in the one order with the ticker's asleep
  const std::int32_t listed = idle_count_.load(memory_order_seq_cst);
  return static_cast<std::size_t>(listed) == home_.worker_count();
}

bool idle_policy::all_listed(std::uint64_t& left) noexcept {
  const std::lock_guard guard(lock_);
  left += left_list_;
  return everybody_is_listed();
}

// ---- waking ------------------------------------------------------------------------------------

/// The lock is held.
worker* idle_policy::pop_sleeper() noexcept {
  worker* one = sleepers_;
  if (one != nullptr) take_off(*one);
  return one;
}

void idle_policy::rouse(worker& one) noexcept {
  // order: release, pairs with W3: what we brought is seen
  // mutation: relaxed, as W3
  one.idle.word.store(0, memory_order_release);
  futex_wake(one.idle.word, 1);
}

bool idle_policy::wake_for_outside_work() noexcept {
  // order: W5 seq_cst, after W4 in the one order with W1 and W2
  // mutation: never, only slower: the list is found empty under the lock
  if (idle_count_.load(memory_order_seq_cst) == 0) return false;
  worker* one = nullptr;
  {
    const std::lock_guard guard(lock_);
    one = pop_sleeper();
  }
  if (one != nullptr) rouse(*one);
  return one != nullptr;
}

void idle_policy::call_watcher() noexcept {
  worker* one = nullptr;
  {
    const std::lock_guard guard(lock_);
    // order: relaxed, written under the lock
    one = watcher_.load(memory_order_relaxed);
    if (one == nullptr) {
      one = pop_sleeper();
      // order: relaxed, as in choose_role
      watcher_.store(one, memory_order_relaxed);
    } else if (one->idle.listed) {
      take_off(*one);
    } else {
      return;
    }
  }
  if (one != nullptr) rouse(*one);
}

void idle_policy::pass_watch_on() noexcept {
  worker* one = nullptr;
  {
    const std::lock_guard guard(lock_);
    one = pop_sleeper();
    // order: relaxed, as in choose_role
    watcher_.store(one, memory_order_relaxed);
  }
  if (one != nullptr) rouse(*one);
}

void idle_policy::wake_all() noexcept {
  for (;;) {
    worker* one = nullptr;
    {
      const std::lock_guard guard(lock_);
      one = pop_sleeper();
    }
    if (one == nullptr) return;
    rouse(*one);
  }
}

}  // namespace sluice::detail
