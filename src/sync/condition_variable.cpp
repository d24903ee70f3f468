// Waiting for a notification, and notifying.
//
// A waiter links itself while it holds the mutex, unlocks that and parks. Whoever changes what it
// waits for does so under the mutex, earlier or later; if later, it sees the waiter linked.
//
// Who touches last: a notifier claims waiters under lock_, unlocks it, and unparks them. A
// condition may be destroyed when all have been notified, so a waiter that was notified touches it
// no more. One that was not, because its time was over or it was stopped, must unlink itself; and
// yet, if it was about to, a notifier may come, find it leaving and return, and the condition may
// be gone before the waiter is there. So such a waiter and its notifiers agree by the node's own
// lock, the gate, which is on the waiter's stack:
//
//   a waiter that leaves              a notifier that finds it leaving, under lock_
//   lock gate                         try to lock gate; held: unlock lock_, and look again: the
//   still linked?                       waiter is a few instructions before its unlinking
//     lock lock_, unlink, unlock      unlink
//   unlock gate                       unlock gate, its last touch of the waiter
//
// And if it was there first, it holds lock_ until its last touch: a notifier goes past lock_, or
// sees that nobody waits and lock_ is free.
#include "sluice/condition_variable.hpp"

#include <mutex>

#include "sync/claims.hpp"

namespace sluice {

using namespace detail;

namespace {

struct gated_node : wait_node {
  using wait_node::wait_node;
  short_lock gate;
};

}  // namespace

void condition_variable::note_waited() noexcept {
  // order: release, pairs with the acquire in somebody_waits
  waited_.store(!waiters_.empty(), memory_order_release);
}

bool condition_variable::wait_before(std::unique_lock<mutex>& lock, deadline until,
                                     const char* operation) {
  if (!lock.owns_lock()) throw_misused(operation, "the lock does not hold its mutex");
  check(operation);
  begin_to_wait(operation);
  waiter self(parker::current(), {operation});
  gated_node node(self);
  {
    const std::lock_guard guard(lock_);
    waiters_.push_back(node);
    note_waited();
  }
  mutex& outer = *lock.mutex();
  outer.unlock();
  const outcome how = park(self, until);
  if (how != outcome::completed) {
    const std::lock_guard gate(node.gate);
    if (node.linked) {
      const std::lock_guard guard(lock_);
      waiters_.remove(node);
      note_waited();
    }
  }
  outer.lock();
  return completed_or_throw(how);
}

wait_node* condition_variable::win_front() noexcept {
  backoff pause;
  while (wait_node* node = waiters_.front()) {
    if (node->owner->try_claim(outcome::completed)) {
      waiters_.remove(*node);
      return node;
    }
    short_lock& gate = static_cast<gated_node*>(node)->gate;
    if (gate.try_lock()) {
      waiters_.remove(*node);
      gate.unlock();
      continue;
    }
    lock_.unlock();
    pause.pause();
    lock_.lock();
  }
  return nullptr;
}

void condition_variable::wake_one() noexcept {
  if (in_forked_child()) return;
  wait_node* node = nullptr;
  {
    const std::lock_guard guard(lock_);
    node = win_front();
    note_waited();
  }
  if (node != nullptr) node->owner->strand().unpark();
}

void condition_variable::wake_all() noexcept {
  if (in_forked_child()) return;
  job_list won;
  {
    const std::lock_guard guard(lock_);
    while (wait_node* node = win_front()) won.push_back(*node, job::none);
    note_waited();
  }
  unpark_all(won);
}

}  // namespace sluice
