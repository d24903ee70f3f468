// Rendezvous: two wait lists and a short lock, no queue.
//
//   put                                       get
//   lock; closed? a getter waits?             lock; closed? a putter waits?
//     win its claim, unlock, move the item      win its claim, unlock, move the item
//     to it, unpark it                          out of it, unpark it
//   else link the node, unlock, park          else link the node, unlock, park
//
// I1 the two lists never both have a waiter whose wait goes on: whoever comes looks and links under
//    one hold of the lock. So no second look is needed, and nobody counts.
//    Several cases of one wait may stand on both sides: they cannot meet each other.
// I2 the item moves after the unlock, from stack to stack; the partner cannot leave before its
//    unpark, which is the last touch.
#include <mutex>

#include "channel/park_in.hpp"
#include "channel/record.hpp"
#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/base/progress.hpp"
#include "sluice/detail/channel/core.hpp"
#include "sluice/detail/park/check.hpp"

namespace sluice::detail {

/// Tells of some at once: the count runs over. The lock is held.
[[gnu::always_inline]] inline void channel_core::count_meeting() noexcept {
  constexpr unsigned at_once = 16;
  met_ = static_cast<std::uint8_t>(met_ + 256 / at_once);
  if (met_ == 0) [[unlikely]]
    count_moved(at_once);
}

/// Ends the wait of the strand that has waited longest as completed. The lock is held.
inline wait_node* channel_core::win_front(wait_list& s) noexcept {
  while (wait_node* node = s.front()) {
    if (node->owner->try_claim(outcome::completed)) [[likely]] {
      s.remove(*node);
      count_meeting();
      return node;
    }
    pass_over(s, *node);
  }
  return nullptr;
}

/// I2.
inline void channel_core::hand_over(void* from, void* to, wait_node& partner) noexcept {
  edge_to(&partner);
  move_item(from, to);
  if (record_ != nullptr) [[unlikely]]
    record_->count_meeting();
  edge_from(&partner);
  partner.owner->strand().unpark();
}

/// The lock is held, and given up.
inline outcome channel_core::wait_for_partner(wait_list& mine, void* item, time_limit until,
                                              const char* operation) noexcept {
  waiter self(parker::current(), {operation, this});
  wait_node node(self, item);
  edge_from(&node);
  mine.push_back(node);
  if (record_ != nullptr) [[unlikely]]
    note_wait(mine);
  lock_.unlock();
  return park_in(mine, node, until);
}

outcome channel_core::meet_or_wait_to_put(void* item, time_limit until,
                                          const char* operation) noexcept {
  lock_.lock();
  if (seems_closed()) [[unlikely]] {
    lock_.unlock();
    return outcome::closed;
  }
  wait_node* getter = win_front(getters_);
  if (getter == nullptr) return wait_for_partner(putters_, item, until, operation);
  lock_.unlock();
  hand_over(item, getter->item, *getter);
  return outcome::completed;
}

// The whole operation in steps that end by going to the next one, so that each has only the stack
// frame that it needs: who waits has none for a meeting, who meets none for a wait.

[[gnu::noinline]] status channel_core::end_in_wait(wait_list& mine, void* item, time_limit until,
                                                   const char* operation) {
  return as_status(wait_for_partner(mine, item, until, operation));
}

/// Somebody is in the list of the other side.
template <side Which>
[[gnu::noinline]] status channel_core::meet_first(void* item, time_limit until,
                                                  const char* operation) {
  constexpr bool puts = Which == side::put;
  wait_node* partner = win_front(puts ? getters_ : putters_);
  if (partner == nullptr) {
    return end_in_wait(puts ? putters_ : getters_, item, until, operation);
  }
  lock_.unlock();
  puts ? hand_over(item, partner->item, *partner) : hand_over(partner->item, item, *partner);
  return status::ok;
}

/// The lock is held, and given up.
template <side Which>
inline status channel_core::meet_locked(void* item, time_limit until, const char* operation) {
  constexpr bool puts = Which == side::put;
  if (seems_closed()) [[unlikely]] {
    lock_.unlock();
    return status::closed;
  }
  if (!(puts ? getters_ : putters_).empty()) return meet_first<Which>(item, until, operation);
  return end_in_wait(puts ? putters_ : getters_, item, until, operation);
}

template <side Which>
[[gnu::noinline]] status channel_core::meet_slowly(void* item, time_limit until,
                                                   const char* operation) {
  check_strand(operation_kind::may_wait, operation, until);
  lock_.lock();
  return meet_locked<Which>(item, until, operation);
}

status channel_core::meet_to_put(void* item, time_limit until, const char* operation) {
  if (!nothing_to_attend() || !lock_.try_lock()) [[unlikely]]
    return meet_slowly<side::put>(item, until, operation);
  return meet_locked<side::put>(item, until, operation);
}

status channel_core::meet_to_get(void* room, time_limit until, const char* operation) {
  if (!nothing_to_attend() || !lock_.try_lock()) [[unlikely]]
    return meet_slowly<side::get>(room, until, operation);
  return meet_locked<side::get>(room, until, operation);
}

// ---- one case of several ------------------------------------------------------------------------

/// Ends both waits as completed: that of `self` and that of the one in the list that has waited
/// longest and is not `self`. nullptr: there is none, or `self` has ended. The lock is held.
wait_node* channel_core::win_both(wait_list& s, waiter& self) noexcept {
  wait_node* next = nullptr;
  for (wait_node* node = s.front(); node != nullptr; node = next) {
    next = node->next;
    waiter& other = *node->owner;
    if (&other == &self) continue;  // a wait never meets itself
    const reservation held = try_reserve_both(self, other);
    if (held == reservation::first_has_ended) return nullptr;
    if (held == reservation::second_has_ended) {
      // mutation: without, only slower: its strand unlinks it as it leaves
      pass_over(s, *node);
      continue;
    }
    self.conclude(outcome::completed);
    other.conclude(outcome::completed);
    pop(s, *node);
    count_meeting();
    return node;
  }
  return nullptr;
}

/// The look at the other side and R4 under one hold of the lock, as for all who come.
void channel_core::meet_or_enlist(side which, wait_node& node) noexcept {
  job_list jobs;
  edge_from(&node);
  lock_.lock();
  wait_list& mine = list_of(which);
  wait_node* partner = nullptr;
  if (seems_closed()) {
    mine.push_back(node);
    settle(jobs);
  } else {
    partner = win_both(list_of(which == side::put ? side::get : side::put), *node.owner);
    if (partner == nullptr) {
      mine.push_back(node);
      if (record_ != nullptr) note_wait(mine);
    }
  }
  lock_.unlock();
  perform(jobs);
  if (partner == nullptr) return;
  which == side::put ? hand_over(node.item, partner->item, *partner)
                     : hand_over(partner->item, node.item, *partner);
  node.owner->strand().unpark();  // itself, so that every wait ends by one unpark
}

// ---- without waiting ----------------------------------------------------------------------------

claim channel_core::meet_getter(void* item) noexcept {
  wait_node* getter = nullptr;
  {
    const std::lock_guard guard(lock_);
    if (seems_closed()) return claim::closed;
    getter = win_front(getters_);
  }
  if (getter == nullptr) return claim::none;
  hand_over(item, getter->item, *getter);
  return claim::ok;
}

claim channel_core::meet_putter(void* room) noexcept {
  wait_node* putter = nullptr;
  {
    const std::lock_guard guard(lock_);
    if (seems_closed()) return claim::closed;
    putter = win_front(putters_);
  }
  if (putter == nullptr) return claim::none;
  hand_over(putter->item, room, *putter);
  return claim::ok;
}

}  // namespace sluice::detail
