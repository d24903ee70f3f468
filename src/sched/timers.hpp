// The timers of one worker: waits that end at a deadline. Intrusive, so arming never allocates.
//
// The heap is a pairing heap: arming is O(1), taking out O(log n) amortised. A timer lies in its
// fiber's control block.
//
// I1 whoever fires a timer claims its waiter under the lock; a fiber whose wait had a deadline
//    takes the lock before it leaves the wait. So a timer never touches a frame that is gone.
// I2 earliest_ is the deadline at the root, or no_deadline; it may be read without the lock.
//
// Source: Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap", 1986.
#pragma once

#include <mutex>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/clock.hpp"
#include "sluice/detail/base/short_lock.hpp"
#include "sluice/detail/park/parker.hpp"

namespace sluice::detail {

class timer_shard;

struct timer {
  deadline at = no_deadline;
  waiter* ends = nullptr;
  timer_shard* in = nullptr;  ///< where it was armed; written by its fiber
  bool armed = false;         ///< under the shard's lock
  timer* child = nullptr;
  timer* next = nullptr;      ///< the next sibling
  timer* previous = nullptr;  ///< the sibling before, or the parent
};

class timer_shard {
 public:
  /// The fiber arms its own timer before it parks.
  void arm(timer& t, waiter& w, deadline at) noexcept {
    t.at = at;
    t.ends = &w;
    t.in = this;
    const std::lock_guard guard(lock_);
    t.armed = true;
    t.child = t.next = t.previous = nullptr;
    root_ = root_ == nullptr ? &t : merge(root_, &t);
    note_earliest();
  }

  /// I1. The fiber leaves a wait for which it had armed `t` here. False: it was not armed, so it
  /// has fired, or is about to end its wait.
  bool disarm(timer& t) noexcept {
    const std::lock_guard guard(lock_);
    if (!t.armed) return false;
    t.armed = false;
    remove(t);
    note_earliest();
    return true;
  }

  [[nodiscard]] deadline earliest() const noexcept {
    // order: seq_cst, whoever goes to sleep looks after it has announced that; pairs with arm
    return earliest_.load(memory_order_seq_cst);
  }

  /// Ends every wait whose time has come.
  void fire(deadline now) noexcept {
    if (earliest() > now) return;
    timer* won = nullptr;
    {
      const std::lock_guard guard(lock_);
      timer** last = &won;
      while (root_ != nullptr && root_->at <= now) {
        timer& t = *root_;
        t.armed = false;
        remove(t);
        if (!t.ends->try_claim(outcome::timed_out)) continue;  // somebody else ends that wait
        *last = &t;
        last = &t.next;
        t.next = nullptr;
      }
      note_earliest();
    }
    while (won != nullptr) {
      timer& t = *won;
      won = t.next;
      t.ends->strand().unpark();  // the last touch of that wait
    }
  }

 private:
  static timer* merge(timer* a, timer* b) noexcept {
    if (b->at < a->at) std::swap(a, b);
    b->next = a->child;
    if (b->next != nullptr) b->next->previous = b;
    b->previous = a;
    a->child = b;
    a->next = a->previous = nullptr;
    return a;
  }

  /// Merges siblings in pairs from the left, then all from the right.
  static timer* merge_all(timer* first) noexcept {
    timer* pairs = nullptr;
    while (first != nullptr) {
      timer* a = first;
      timer* b = a->next;
      first = b != nullptr ? b->next : nullptr;
      a->next = a->previous = nullptr;
      if (b != nullptr) {
        b->next = b->previous = nullptr;
        a = merge(a, b);
      }
      a->next = pairs;
      pairs = a;
    }
    timer* root = nullptr;
    while (pairs != nullptr) {
      timer* each = pairs;
      pairs = each->next;
      each->next = nullptr;
      root = root == nullptr ? each : merge(root, each);
    }
    return root;
  }

  void remove(timer& t) noexcept {
    timer* below = merge_all(t.child);
    t.child = nullptr;
    if (&t == root_) {
      root_ = below;
      return;
    }
    if (t.previous->child == &t) {
      t.previous->child = t.next;
    } else {
      t.previous->next = t.next;
    }
    if (t.next != nullptr) t.next->previous = t.previous;
    t.next = t.previous = nullptr;
    if (below != nullptr) root_ = merge(root_, below);
  }

  void note_earliest() noexcept {
    const deadline first = root_ != nullptr ? root_->at : no_deadline;
    // order: seq_cst, see earliest()
    if (first != earliest_.load(memory_order_relaxed)) {
      // order: seq_cst, see earliest()
      earliest_.store(first, memory_order_seq_cst);
    }
  }

  short_lock lock_;
  timer* root_ = nullptr;
  /// Written under the lock; read by all.
  atomic<deadline> earliest_{no_deadline};
};

}  // namespace sluice::detail
