// The strands that wait on one side of something, in order of arrival.
//
// Intrusive and doubly linked: waiting never allocates, leaving early costs O(1). Every function
// is called under the lock of the object that owns the list.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/park/waiter.hpp"

namespace sluice::detail {

/// What is still to be done for a waiter whose claim is won, once the lock is released.
enum class job : std::uint8_t {
  none,  ///< only the unpark
  put,   ///< move its item into the slot of its ticket, publish
  get,   ///< move the item out of the slot of its ticket, release
};

/// One place of a waiter in one list; on the waiting strand's stack. A wait for one of several
/// things has a node for each, which share their owner.
struct wait_node {
  wait_node() noexcept : linked(false), leaves_at_end(false), item(nullptr), owner(nullptr) {}
  /// Nothing is set: most of them never stand in a list. Whoever enlists it sets what follows.
  enum unset_t : std::uint8_t { unset };
  explicit wait_node(unset_t) noexcept {}
  explicit wait_node(waiter& w, void* place_of_item = nullptr) noexcept
      : linked(false), leaves_at_end(false), item(place_of_item), owner(&w) {}

  // Written by whoever serves it: left unset here, because most of making a node was zeroing it.
  std::uint64_t ticket;  ///< the slot claimed for it; set together with `todo`
  void* place;           ///< where that slot is: a segment
  job todo;
  // Written by the lists.
  bool linked;
  /// The owner is a shared_waiter, and the end of what this case waits for does not end the wait
  /// but takes the case out of play. Written before the node is linked.
  bool leaves_at_end;
  /// Of several cases: a server took it off its list, but this is not the case that ended the wait.
  /// Written under the lock; left unset here, because a node that stands alone has no use for it.
  bool passed;
  wait_node* next;  ///< in a wait list, later in a job list
  wait_node* prev;

  void* item;  ///< put: the item to take; get: raw storage to fill
  waiter* owner;
};

class wait_list {
 public:
  [[nodiscard]] wait_node* front() const noexcept {
    // order: relaxed, under the lock; without it only a hint
    return front_.load(memory_order_relaxed);
  }
  /// Without the lock a hint.
  [[nodiscard]] bool empty() const noexcept { return front() == nullptr; }

  void push_back(wait_node& node) noexcept {
    wait_node* const last = tail_;
    node.next = nullptr;
    node.prev = last;
    tail_ = &node;
    node.linked = true;
    if (last == nullptr) [[likely]]
      return set_front(&node);
    last->next = &node;
  }

  /// For one that was there before and comes back.
  void push_front(wait_node& node) noexcept {
    wait_node* const first = front();
    node.prev = nullptr;
    node.next = first;
    (first != nullptr ? first->prev : tail_) = &node;
    set_front(&node);
    node.linked = true;
  }

  /// Removes the first, which is `first`, for good.
  void pop_front(wait_node& first) noexcept {
    assert(&first == front() && first.linked);
    wait_node* const next = first.next;
    first.linked = false;
    set_front(next);
    if (next == nullptr) [[likely]] {
      tail_ = nullptr;
    } else {
      next->prev = nullptr;
    }
  }

  void remove(wait_node& node) noexcept {
    assert(node.linked);
    node.prev != nullptr ? void(node.prev->next = node.next) : set_front(node.next);
    (node.next != nullptr ? node.next->prev : tail_) = node.prev;
    node.next = node.prev = nullptr;
    node.linked = false;
  }

 private:
  void set_front(wait_node* node) noexcept {
    // order: relaxed, under the lock
    front_.store(node, memory_order_relaxed);
  }

  atomic<wait_node*> front_{nullptr};
  wait_node* tail_ = nullptr;
};

/// The same in one pointer, for where few wait: a ring whose first knows the last. Always under the
/// lock.
class wait_ring {
 public:
  [[nodiscard]] wait_node* front() const noexcept { return first_; }

  void push_back(wait_node& node) noexcept {
    wait_node* const first = first_ != nullptr ? first_ : &node;
    wait_node* const last = first_ != nullptr ? first->prev : &node;
    node.next = first;
    node.prev = last;
    last->next = first->prev = &node;
    first_ = first;
    node.linked = true;
  }

  void remove(wait_node& node) noexcept {
    assert(node.linked);
    wait_node* const next = node.next != &node ? node.next : nullptr;
    node.prev->next = node.next;
    node.next->prev = node.prev;
    if (first_ == &node) first_ = next;
    node.next = node.prev = nullptr;
    node.linked = false;
  }

 private:
  wait_node* first_ = nullptr;
};

/// Waiters whose claim is won and who are still to be unparked, in that order.
class job_list {
 public:
  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
  /// How many were put here since it was empty.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

  void push_back(wait_node& node, job todo) noexcept {
    node.todo = todo;
    node.next = nullptr;
    (tail_ != nullptr ? tail_->next : head_) = &node;
    tail_ = &node;
    ++count_;
  }

  wait_node* pop_front() noexcept {
    wait_node* node = head_;
    if (node != nullptr) head_ = node->next;
    if (head_ == nullptr) {
      tail_ = nullptr;
      count_ = 0;
    }
    return node;
  }

 private:
  wait_node* head_ = nullptr;
  wait_node* tail_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace sluice::detail
