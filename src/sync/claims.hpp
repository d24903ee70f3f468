// Taking waiters from a list: win their claims under the lock, unpark them after it.
//
// How an object may go away while a waker is still at work (rule of all primitives of this room):
// I1 a waker changes the word by which others see that they may go on either as its very last touch
//    of the object, with no lock held, or under the lock beside a linked waiter. That one cannot
//    leave, and so the object stays, before the unlock: it returns when it is unparked, which is
//    the waker's last step, or, timed out or cancelled, when it has had the lock itself.
#pragma once

#include "sluice/detail/park/attention.hpp"
#include "sluice/detail/park/check.hpp"
#include "sluice/detail/park/parker.hpp"
#include "sluice/detail/park/wait_list.hpp"

namespace sluice::detail {

/// Before a strand waits, and before it takes a lock that a forked child may find held for ever.
inline void begin_to_wait(const char* operation) {
  watch_for_fork();
  if (in_forked_child()) throw_forked(operation);
}

/// Ends the wait of the strand that has waited longest; null: nobody waits. The lock is held.
/// Those that are leaving are unlinked, as they will find under the lock.
[[nodiscard]] inline wait_node* win_front(wait_list& list) noexcept {
  while (wait_node* node = list.front()) {
    const bool won = node->owner->try_claim(outcome::completed);
    list.remove(*node);
    if (won) return node;
  }
  return nullptr;
}

/// Ends the waits of all. The lock is held.
inline void win_all(wait_list& list, job_list& won) noexcept {
  while (wait_node* node = win_front(list)) won.push_back(*node, job::none);
}

/// The lock is not held. The last touch of each waiter.
inline void unpark_all(job_list& won) noexcept {
  while (wait_node* node = won.pop_front()) node->owner->strand().unpark();
}

/// Leaves the list if nobody has unlinked it. The lock is held.
inline void unlink(wait_list& list, wait_node& node) noexcept {
  if (node.linked) list.remove(node);
}

}  // namespace sluice::detail
