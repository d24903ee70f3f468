// The slow paths of channels: waiting, serving, closing. The argument stands in core.hpp.
#include "sluice/detail/channel/core.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "channel/habits.hpp"
#include "channel/park_in.hpp"
#include "channel/record.hpp"
#include "park/running_parker.hpp"
#include "sluice/detail/base/edges.hpp"

namespace sluice::detail {

channel_core::channel_core(channel_kind kind, std::string name, std::size_t capacity)
    : kind_(kind),
      unusual_(name.empty() ? 0 : named_bit),
      items_a_wait_(static_cast<std::uint8_t>(std::min<std::size_t>(capacity, 16))),
      getters_waiting_(name.empty() ? 0 : looker),
      record_(name.empty() ? nullptr : std::make_unique<channel_record>(*this, std::move(name))) {
  watch_for_fork();
}
channel_core::~channel_core() = default;

// ---- what a put and a get look at --------------------------------------------------------------

inline bool channel_core::getters_wait() const noexcept {
  // order: S3 seq_cst, after S1 in the one order with R4 and R5
  // mutation: acquire, after_put has looked so before; in perform as there
  return (getters_waiting_.load(memory_order_seq_cst) & ~looker) != 0;
}

/// S3 of those who found the count above 0.
void channel_core::look_after_put() noexcept {
  if (record_ == nullptr) [[likely]]
    return serve();
  note_fill();
  if (getters_wait()) serve();
}

// ---- the lists, under the lock ------------------------------------------------------------------

inline bool channel_core::is_counted(const wait_list& s) const noexcept {
  return &s == &joiners_ ? joiners_counted_ : kind_ != channel_kind::rendezvous;
}

inline atomic<std::uint32_t>& channel_core::count_of(const wait_list& s) noexcept {
  return &s == &getters_ ? getters_waiting_ : putters_waiting_;
}

inline claim channel_core::last_look(const wait_list& s) const noexcept {
  if (&s == &joiners_) return claim::none;
  return &s == &getters_ ? getters_look_ : putters_look_;
}

inline void channel_core::announce(wait_list& s, wait_node& node) noexcept {
  edge_from(&node);
  s.push_back(node);
  if (is_counted(s)) count_up(count_of(s));
  if (record_ != nullptr) [[unlikely]]
    note_wait(s);
}

/// R4 undone. The lock is held.
inline void channel_core::count_down(wait_list& s) noexcept {
  atomic<std::uint32_t>& count = count_of(s);
  // order: relaxed, written under the lock; who still reads the higher count settles once too often
  count.store(count.load(memory_order_relaxed) - 1, memory_order_relaxed);
}

void channel_core::pop(wait_list& s, wait_node& node) noexcept {
  s.remove(node);
  if (is_counted(s)) count_down(s);
}

/// The wait of that node has ended otherwise, and its strand is about to find it unlinked.
void channel_core::pass_over(wait_list& s, wait_node& node) noexcept {
  pop(s, node);
  node.passed = true;
}

/// Nothing can reach that node any more: takes it off its list. Its owner is reserved. One case of
/// several that leaves at a plain end ends the wait only if it is the last in play, and then
/// without having been chosen.
void channel_core::end_wait(wait_list& s, wait_node& node, job_list& jobs) noexcept {
  edge_from(&node);
  pop(s, node);
  waiter& owner = *node.owner;
  if (node.leaves_at_end && cause_ == nullptr) {
    node.passed = true;
    if (static_cast<shared_waiter&>(owner).drop_case()) return owner.unreserve();
  }
  owner.conclude(outcome::closed);
  __builtin_prefetch(&owner.strand(), 1);  // of a crowd it is in no cache
  jobs.push_back(node, job::none);
}

/// Of a crowd no wait is in a cache, and each step of ending one waits for the step before: fetches
/// those that stand first side by side.
void channel_core::fetch_waits(const wait_list& s, std::size_t n) noexcept {
  for (const wait_node* node = s.front(); node != nullptr && n > 0; node = node->next, --n) {
    __builtin_prefetch(node->owner, 1);
  }
}

/// Ends the waits of all in that list, or of a portion.
void channel_core::end_all(wait_list& s, job_list& jobs) noexcept {
  fetch_waits(s, jobs_at_once - jobs.count());
  while (wait_node* node = s.front()) {
    if (jobs.count() == jobs_at_once) return;
    node->owner->try_reserve() ? end_wait(s, *node, jobs) : pass_over(s, *node);
  }
}

// ---- settle -------------------------------------------------------------------------------------

void channel_core::serve_putters(job_list& jobs) noexcept {
  putters_look_ = claim::none;
  while (wait_node* node = putters_.front()) {
    if (jobs.count() == jobs_at_once) return;
    waiter& owner = *node->owner;
    if (!owner.try_reserve()) {
      pass_over(putters_, *node);
      continue;
    }
    putters_look_ = claim_for_put(*node);
    if (putters_look_ == claim::closed) {  // so it is for all the others
      end_wait(putters_, *node, jobs);
      return end_all(putters_, jobs);
    }
    if (putters_look_ != claim::ok) return owner.unreserve();
    owner.conclude(outcome::completed);
    pop(putters_, *node);
    jobs.push_back(*node, job::put);
  }
}

void channel_core::serve_getters(job_list& jobs) noexcept {
  getters_look_ = claim::none;
  while (wait_node* node = getters_.front()) {
    if (jobs.count() == jobs_at_once) return;
    waiter& owner = *node->owner;
    if (!owner.try_reserve()) {
      pass_over(getters_, *node);
      continue;
    }
    getters_look_ = claim_for_get(*node);
    if (getters_look_ == claim::closed) {  // so it is for all the others
      end_wait(getters_, *node, jobs);
      return end_all(getters_, jobs);
    }
    if (getters_look_ != claim::ok) return owner.unreserve();
    owner.conclude(outcome::completed);
    pop(getters_, *node);
    jobs.push_back(*node, job::get);
  }
}

/// Restores I4, as far as no busy place is in the way. Of a crowd it serves the first: the rest is
/// for the next turn of perform. The lock is held.
void channel_core::settle(job_list& jobs) noexcept {
  const unwatched nodes;
  if (kind_ == channel_kind::rendezvous) {
    // Who meets takes a waiter at once (meeting.cpp): the two lists never both have one.
    if (closed()) {
      end_all(putters_, jobs);
      end_all(getters_, jobs);
    }
  } else {
    // Once is enough: the room that getters make is there when their jobs are done, and perform
    // looks again.
    if (!putters_.empty()) serve_putters(jobs);
    if (!getters_.empty()) serve_getters(jobs);
  }
  if (!joiners_.empty() && drained()) end_all(joiners_, jobs);
}

/// What its strand would do itself.
inline void channel_core::finish_for(wait_node& node) noexcept {
  const errand for_it;
  edge_to(&node);
  finish(node);
  edge_from(&node);
}

/// Does what settle decided. The lock is not held: user moves run here, and strands wake up.
void channel_core::perform(job_list& jobs) noexcept {
  while (!jobs.empty()) {
    const bool crowd = jobs.count() == jobs_at_once;
    bool put = false;
    bool got = false;
    while (wait_node* node = jobs.pop_front()) {
      const job todo = node->todo;
      if (todo != job::none) finish_for(*node);
      put |= todo == job::put;
      got |= todo == job::get;
      node->owner->strand().unpark();  // the last touch: the node may be gone
    }
    // mutation: acquire, the lock shows who was counted before the settle; who comes later finds
    // the place busy until it is released, and looks again
    // order: G3 seq_cst, for the operations that were done for others, as S3 in getters_wait
    const bool again = crowd || (put && getters_wait()) ||
                       (got && putters_waiting_.load(memory_order_seq_cst) != 0);
    if (!again) return;
    lock_anew();
    settle(jobs);
    unlock_anew();
  }
}

inline claim channel_core::claim_for(wait_node& node, job todo) noexcept {
  const unwatched nodes;
  return todo == job::put ? claim_for_put(node) : claim_for_get(node);
}

/// Settle and perform for one that waits where nobody else does, as in a pipeline: without a list
/// of jobs, and without a second look, for whoever comes meanwhile finds a busy place, and looks
/// again. The lock is held, and given up.
template <side Which>
[[gnu::noinline]] void channel_core::serve_alone() noexcept {
  constexpr bool puts = Which == side::put;
  wait_list& s = list_of(Which);
  wait_node* const node = s.front();
  if (node == nullptr || node->next != nullptr || !joiners_.empty()) return serve_all();
  if (!node->owner->try_claim_locked(outcome::reserved)) return serve_all();
  if (claim_for(*node, puts ? job::put : job::get) != claim::ok) {
    node->owner->unreserve();
    return serve_all();
  }
  node->owner->conclude(outcome::completed);
  s.pop_front(*node);
  count_down(s);
  lock_.unlock();
  node->todo = puts ? job::put : job::get;
  finish_for(*node);
  node->owner->strand().unpark();
}

/// The lock is held, and given up.
[[gnu::noinline]] void channel_core::serve_all() noexcept {
  job_list jobs;
  settle(jobs);
  lock_.unlock();
  perform(jobs);
}

void channel_core::serve() noexcept {
  if (!lock_.try_lock()) [[unlikely]]
    return serve_in_turn();
  serve_locked();
}

[[gnu::noinline]] void channel_core::serve_in_turn() noexcept {
  lock_.lock();
  serve_locked();
}

/// The lock is held, and given up.
inline void channel_core::serve_locked() noexcept {
  if (getters_.empty()) return serve_alone<side::put>();
  putters_.empty() ? serve_alone<side::get>() : serve_all();
}

// ---- waiting ------------------------------------------------------------------------------------

bool channel_core::claim_for_stop(waiter& w) const noexcept {
  const std::lock_guard guard(const_cast<home_lock&>(lock_));
  return w.try_claim_locked(outcome::cancelled);
}

void channel_core::withdraw(wait_list& s, wait_node& node) noexcept {
  const std::lock_guard guard(lock_);
  if (node.linked) pop(s, node);
}

/// R5. Whoever finds a busy place looks again before he may park, and after a settle that had
/// enough jobs. The lock is held at the begin. `won`: what was claimed for the node; none: nothing.
[[gnu::noinline]] void channel_core::settle_own(wait_list& s, wait_node& node, job won) noexcept {
  job_list jobs;
  if (won != job::none) {
    node.owner->conclude(outcome::completed);
    pop(s, node);
    jobs.push_back(node, won);
  }
  backoff wait;
  for (;;) {
    settle(jobs);
    const bool has_looked = jobs.count() < jobs_at_once && last_look(s) != claim::busy;
    const bool park_now = !node.linked || has_looked;
    unlock_anew();
    perform(jobs);
    if (park_now) break;
    wait.pause();
    lock_anew();
    if (!node.linked) return unlock_anew();
  }
}

// The frames that stand on the stack while a strand waits are few and small: of a crowd that wakes
// each line of them comes from memory, and `cancelled` passes through each of them.

/// The strand is woken, but not because its operation was done. A wait that its strand must leave
/// stands in its list still, unless a server has passed it over.
[[gnu::noinline]] outcome channel_core::leave_unserved(lone_wait& wait,
                                                       wait_list channel_core::*mine) noexcept {
  const outcome how = wait.self.result();
  if (how == outcome::closed) {
    edge_to(&wait.node);
  } else {
    wait.where().withdraw(wait.where().*mine, wait.node);
  }
  return how;
}

/// R4, R5, R6. Looked at first for one that stands alone, as in a pipeline. Nobody else can end its
/// wait before it parks, so it need not be reserved.
template <side Which>
[[gnu::noinline]] status channel_core::wait_at(void* item, time_limit until, const char* operation,
                                               parker* fiber) {
  constexpr bool puts = Which == side::put;
  parker& strand = fiber != nullptr ? *fiber : parker::current();
  lone_wait wait(strand, operation, *this, decided_for(fiber, until), item);
  wait_node& node = wait.node;
  wait_list& s = list_of(Which);
  const wait_list& others = puts ? getters_ : putters_;
  lock_.lock();
  note_visit(items_a_wait_);
  announce(s, node);
  const bool alone = s.front() == &node && others.empty() && joiners_.empty();
  const claim found = alone ? claim_for(node, puts ? job::put : job::get) : claim::busy;
  if (found == claim::none) {
    lock_.unlock();
  } else {
    settle_own(s, node, found != claim::ok ? job::none : puts ? job::put : job::get);
  }
  return park_in(wait, strand, until, list_at(Which));
}

[[gnu::noinline]] status channel_core::wait_to_put(void* item, time_limit until,
                                                   const char* operation) {
  return wait_at<side::put>(item, until, operation, running_fiber());
}

[[gnu::noinline]] status channel_core::wait_to_get(void* room, time_limit until,
                                                   const char* operation) {
  return wait_at<side::get>(room, until, operation, running_fiber());
}

void channel_core::let_getters_run() noexcept { parker::current().offer_turn(); }

status channel_core::wait_until_drained(time_limit until) {
  parker& strand = parker::current();
  lone_wait wait(strand, "join", *this, decided::by_claim);
  lock_.lock();
  announce(joiners_, wait.node);
  settle_own(joiners_, wait.node, job::none);
  return park_in(wait, strand, until, &channel_core::joiners_);
}

// ---- one case of several ------------------------------------------------------------------------

void channel_core::enlist(side which, wait_node& node) noexcept {
  node.passed = false;
  kind_ == channel_kind::rendezvous ? meet_or_enlist(which, node) : enlist_for_settle(which, node);
}

[[gnu::noinline]] void channel_core::enlist_for_settle(side which, wait_node& node) noexcept {
  lock_.lock();
  announce(list_of(which), node);
  settle_own(list_of(which), node, job::none);
}

/// The lock is held, and given up.
inline bool channel_core::withdraw_case_locked(side which, wait_node& node) noexcept {
  const bool was_linked = node.linked;
  if (was_linked) {
    wait_list& mine = list_of(which);
    kind_ == channel_kind::rendezvous ? mine.remove(node) : pop(mine, node);
  }
  lock_.unlock();
  if (was_linked) return false;
  edge_to(&node);
  return !node.passed;
}

[[gnu::noinline]] bool channel_core::withdraw_case_slowly(side which, wait_node& node) noexcept {
  lock_.lock();
  return withdraw_case_locked(which, node);
}

bool channel_core::withdraw_case(side which, wait_node& node) noexcept {
  if (!lock_.try_lock()) [[unlikely]]
    return withdraw_case_slowly(which, node);
  return withdraw_case_locked(which, node);
}

}  // namespace sluice::detail
