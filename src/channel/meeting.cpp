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

#include "channel/habits.hpp"
#include "channel/park_in.hpp"
#include "channel/record.hpp"
#include "park/running_parker.hpp"
#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/base/progress.hpp"
#include "sluice/detail/channel/core.hpp"
#include "sluice/detail/park/check.hpp"

namespace sluice::detail {

/// Some are told of at once.
constexpr unsigned meetings_at_once = 16;

/// True: it is time to tell of some, the count has run over. The lock is held.
inline bool channel_core::count_meeting() noexcept {
  met_ = static_cast<std::uint8_t>(met_ + 256 / meetings_at_once);
  return met_ == 0;
}

/// The lock is held; it may come home by that.
[[gnu::noinline]] void channel_core::tell_of_meetings() noexcept {
  count_moved(meetings_at_once);
  note_visit(meetings_at_once * visits_a_meeting);
}

/// Ends the wait of the strand that has waited longest as completed. The lock is held.
inline wait_node* channel_core::win_front(wait_list& s) noexcept {
  while (wait_node* node = s.front()) {
    waiter& owner = *node->owner;
    if (owner.try_claim_locked(outcome::completed) || owner.try_claim(outcome::completed)) {
      s.pop_front(*node);
      if (count_meeting()) [[unlikely]]
        tell_of_meetings();
      return node;
    }
    pass_over(s, *node);
  }
  return nullptr;
}

/// R4 of a rendezvous. The lock is held.
inline void channel_core::link_for_meeting(wait_list& s, wait_node& node) noexcept {
  s.push_back(node);
  ++linked_;
}

/// I2.
[[gnu::always_inline]] inline void channel_core::pass_item(void* from, void* to,
                                                           wait_node& partner) noexcept {
  edge_to(&partner);
  move_item(from, to);
  edge_from(&partner);
  partner.owner->strand().unpark();
}

template <side Which>
[[gnu::always_inline]] inline void channel_core::pass_item(void* item,
                                                           wait_node& partner) noexcept {
  Which == side::put ? pass_item(item, partner.item, partner)
                     : pass_item(partner.item, item, partner);
}

inline void channel_core::hand_over(void* from, void* to, wait_node& partner) noexcept {
  if (record_ != nullptr) [[unlikely]]
    record_->count_meeting();
  pass_item(from, to, partner);
}

// The whole operation in steps that end by going to the next one, so that each has only the stack
// frame that it needs: who waits has none for a meeting, who meets none for a wait.

/// The lock is held, and given up.
template <side Which>
[[gnu::noinline]] status channel_core::end_in_wait(void* item, time_limit until,
                                                   const char* operation) {
  parker* const fiber = running_fiber();
  if (fiber == nullptr) [[unlikely]]
    return end_in_slow_wait<Which>(item, until, operation);
  lone_wait wait(*fiber, operation, *this, decided_for(fiber, until), item);
  edge_from(&wait.node);
  link_for_meeting(list_of(Which), wait.node);
  lock_.unlock();
  return park_in(wait, *fiber, until, list_at(Which));
}

/// The same for whoever it may be, and where somebody counts.
template <side Which>
[[gnu::noinline]] status channel_core::end_in_slow_wait(void* item, time_limit until,
                                                        const char* operation) {
  parker& strand = parker::current();
  lone_wait wait(strand, operation, *this, decided::by_claim, item);
  edge_from(&wait.node);
  link_for_meeting(list_of(Which), wait.node);
  if (record_ != nullptr) note_wait(list_of(Which));
  lock_.unlock();
  return park_in(wait, strand, until, list_at(Which));
}

/// The same after a look that did not win at once.
template <side Which>
[[gnu::noinline]] status channel_core::meet_among(void* item, time_limit until,
                                                  const char* operation) {
  constexpr bool puts = Which == side::put;
  wait_node* partner = win_front(puts ? getters_ : putters_);
  if (partner == nullptr) return end_in_slow_wait<Which>(item, until, operation);
  lock_.unlock();
  puts ? hand_over(item, partner->item, *partner) : hand_over(partner->item, item, *partner);
  return status::ok;
}

/// The partner is won, and some meetings are to be told of.
template <side Which>
[[gnu::noinline]] status channel_core::meet_and_tell(void* item, wait_node& partner) {
  tell_of_meetings();
  lock_.unlock();
  pass_item<Which>(item, partner);
  return status::ok;
}

/// Somebody is in the list of the other side. What is rare goes on in functions of its own: few
/// registers must be kept here.
template <side Which>
[[gnu::noinline]] status channel_core::meet_first(void* item, time_limit until,
                                                  const char* operation) {
  wait_list& others = Which == side::put ? getters_ : putters_;
  wait_node& partner = *others.front();
  if (!partner.owner->try_claim_locked(outcome::completed)) [[unlikely]]
    return meet_among<Which>(item, until, operation);
  others.pop_front(partner);
  if (count_meeting()) [[unlikely]]
    return meet_and_tell<Which>(item, partner);
  lock_.unlock();
  pass_item<Which>(item, partner);
  return status::ok;
}

/// The channel is closed, or has a name.
template <side Which>
[[gnu::noinline]] status channel_core::meet_rarely(void* item, time_limit until,
                                                   const char* operation) {
  if (seems_closed()) {
    lock_.unlock();
    return status::closed;
  }
  return meet_among<Which>(item, until, operation);
}

/// The lock is held, and given up.
template <side Which>
inline status channel_core::meet_locked(void* item, time_limit until, const char* operation) {
  // order: relaxed, under the lock
  if (unusual_.load(memory_order_relaxed) != 0) [[unlikely]]
    return meet_rarely<Which>(item, until, operation);
  if (list_of(other_side(Which)).empty()) return end_in_wait<Which>(item, until, operation);
  return meet_first<Which>(item, until, operation);
}

template <side Which>
[[gnu::noinline]] status channel_core::meet_slowly(void* item, time_limit until,
                                                   const char* operation) {
  check_strand(operation_kind::may_wait, operation, until);
  return meet_in_turn<Which>(item, until, operation);
}

/// Apart, for in the check others may have had their turn: on which thread is asked here.
template <side Which>
[[gnu::noinline]] status channel_core::meet_in_turn(void* item, time_limit until,
                                                    const char* operation) {
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
    if (count_meeting()) tell_of_meetings();
    return node;
  }
  return nullptr;
}

/// Somebody is in the list of the other side, or the channel is closed. The lock is held, and given
/// up.
[[gnu::noinline]] void channel_core::meet_first_or_enlist(side which, wait_node& node) noexcept {
  job_list jobs;
  wait_list& mine = list_of(which);
  wait_node* partner = nullptr;
  if (seems_closed()) {
    link_for_meeting(mine, node);
    settle(jobs);
  } else {
    partner = win_both(list_of(other_side(which)), *node.owner);
    if (partner == nullptr) {
      link_for_meeting(mine, node);
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

/// The lock is held, and given up.
inline void channel_core::meet_or_enlist_locked(side which, wait_node& node) noexcept {
  if (seems_closed() || seems_awaited(other_side(which))) [[unlikely]] {
    return meet_first_or_enlist(which, node);
  }
  wait_list& mine = list_of(which);
  link_for_meeting(mine, node);
  if (record_ != nullptr) [[unlikely]]
    note_wait(mine);
  lock_.unlock();
}

[[gnu::noinline]] void channel_core::meet_or_enlist_slowly(side which, wait_node& node) noexcept {
  lock_.lock();
  meet_or_enlist_locked(which, node);
}

/// The look at the other side and R4 under one hold of the lock, as for all who come.
void channel_core::meet_or_enlist(side which, wait_node& node) noexcept {
  edge_from(&node);
  if (!lock_.try_lock()) [[unlikely]]
    return meet_or_enlist_slowly(which, node);
  meet_or_enlist_locked(which, node);
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

std::uint64_t channel_core::mark_if_alone(side which) noexcept {
  const std::lock_guard guard(lock_);
  if (seems_closed() || seems_awaited(other_side(which))) return 0;
  return std::uint64_t{linked_} + 1;
}

}  // namespace sluice::detail
