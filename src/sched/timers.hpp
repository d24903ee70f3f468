// The timers of one worker: waits that end at a deadline. Intrusive, so arming never allocates.
//
// The heap is a pairing heap: arming is O(1), taking out O(log n) amortised. A timer lies in its
// fiber's control block. When many are due their blocks are in no cache: each is looked at once and
// put into line, instead of again and again in the course of the heap's own removals. Timers that
// are armed by rising deadlines, or for the same moment, are siblings, the newest first: each knows
// where the eighth after it lies (soon.hpp), in the heap and later in the line.
//
// A wait that lasts a span at most is armed without reading the clock, and most end before anybody
// would have needed to. Its timer stands in a list until the worker looks at its timers: every 61
// turns, before it sleeps, or at the next tick, by the ticker. Only then the span becomes a moment.
//
// I1 whoever fires a timer claims its waiter under the lock; a fiber whose wait had a deadline
//    takes the lock before it leaves the wait, unless it was the timer that ended it, whose last
//    touch was the unpark. So a timer never touches a frame that is gone.
// I2 earliest_ is the deadline at the root, or no_deadline; it may be read without the lock.
//    New spans are none of its business: an idle worker would look at those of a busy one again and
//    again. Who arms a span looks before it sleeps, and the ticker ticks until then.
// I3 a line is a heap as well, in which each timer is the first child of the one before it: a timer
//    may be armed or taken out while a line is being fired.
// I4 a span becomes a moment by a reading of the clock that comes after its arming, under the lock:
//    none is early. A reading that whoever fires has brought along may be older.
//
// Source: Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap", 1986.
#pragma once

#include <mutex>
#include <utility>

#include "sched/soon.hpp"
#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/clock.hpp"
#include "sluice/detail/base/short_lock.hpp"
#include "sluice/detail/park/parker.hpp"

namespace sluice::detail {

class timer_shard;

struct timer {
  /// Of a new span: its length, from the clock's zero.
  deadline at = no_deadline;
  waiter* ends = nullptr;
  timer_shard* in = nullptr;  ///< where it was armed; written by its fiber
  // Under the shard's lock:
  bool armed = false;
  bool is_new = false;  ///< armed, but not in the heap: a span
  line_nearby soon;     ///< where a walk comes to some steps later
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
    insert(t);
    note_earliest();
  }

  /// The same, at the end of a span that begins now or a little later.
  void arm_span(timer& t, waiter& w, clock::duration span) noexcept {
    t.at = deadline(span);
    t.ends = &w;
    t.in = this;
    const std::lock_guard guard(lock_);
    t.armed = t.is_new = true;
    t.previous = nullptr;
    t.next = new_;
    if (new_ != nullptr) new_->previous = &t;
    new_ = &t;
    // order: relaxed, written under the lock; this worker must see it, the ticker in time
    if (!has_new_.load(memory_order_relaxed)) has_new_.store(true, memory_order_relaxed);
  }

  /// I1. The fiber leaves a wait for which it had armed `t` here. False: it was not armed, so it
  /// has fired, or is about to end its wait.
  bool disarm(timer& t) noexcept {
    const std::lock_guard guard(lock_);
    if (!t.armed) return false;
    t.armed = false;
    if (t.is_new) {
      remove_new(t);
      return true;
    }
    remove(t);
    note_earliest();
    return true;
  }

  [[nodiscard]] deadline earliest() const noexcept {
    // order: seq_cst, whoever goes to sleep looks after it has announced that; pairs with arm
    return earliest_.load(memory_order_seq_cst);
  }

  /// Is one armed here, perhaps? No is certain for the worker that arms here, and while it sleeps.
  [[nodiscard]] bool any() const noexcept { return has_new() || earliest() != no_deadline; }

  /// Ends every wait whose time has come.
  void fire(deadline now) noexcept {
    if (has_new()) begin_spans();
    while (earliest() <= now) {
      timer* won = claim_due(now);
      while (won != nullptr) {
        timer& t = *won;
        won = t.next;
        t.ends->strand().unpark();  // the last touch of that wait
      }
    }
  }

 private:
  /// I4.
  void begin_spans() noexcept {
    const std::lock_guard guard(lock_);
    if (new_ != nullptr) {
      const deadline now = clock::now();
      while (new_ != nullptr) {
        timer& t = *std::exchange(new_, new_->next);
        t.is_new = false;
        t.at = now + t.at.time_since_epoch();
        insert(t);
      }
      note_earliest();
    }
    // order: release, pairs with has_new: who finds no new span finds the earliest
    // mutation: relaxed, needed: in no schedule does a seq_cst load read an older store
    has_new_.store(false, memory_order_release);
  }

  /// Was a span armed since the last look?
  [[nodiscard]] bool has_new() const noexcept {
    // order: acquire, pairs with begin_spans
    // mutation: relaxed, needed: as there
    return has_new_.load(memory_order_acquire);
  }

  /// Those that have ended since are not told of: has_new_ may stay, and the next look clears it.
  void remove_new(timer& t) noexcept {
    t.is_new = false;
    (t.previous != nullptr ? t.previous->next : new_) = t.next;
    if (t.next != nullptr) t.next->previous = t.previous;
  }

  void insert(timer& t) noexcept {
    t.child = t.next = t.previous = nullptr;
    t.soon.note(came_.pass(&t));
    root_ = root_ == nullptr ? &t : merge(root_, &t);
  }

  /// Waits that are claimed under one hold of the lock: those whose blocks are then in the cache,
  /// for their unparks; and whoever wants to disarm waits for no more than that.
  static constexpr int claims_at_once = 64;

  /// Claims the first waits whose time has come, and gives those that were won, linked by `next`.
  timer* claim_due(deadline now) noexcept {
    timer* won = nullptr;
    timer** last = &won;
    const std::lock_guard guard(lock_);
    if (root_ != nullptr && root_->at <= now && root_->at > lined_up_) line_up(now);
    fetch_waits(now);
    for (int i = 0; i < claims_at_once && root_ != nullptr && root_->at <= now; ++i) {
      timer& t = *root_;
      t.armed = false;
      remove(t);
      if (!t.ends->try_claim(outcome::timed_out)) continue;  // somebody else ends that wait
      __builtin_prefetch(&t.ends->strand(), 1);
      *last = &t;
      last = &t.next;
      t.next = nullptr;
    }
    note_earliest();
    return won;
  }

  /// Of a crowd that stands in line the waits are in no cache: fetches those that are claimed next
  /// side by side.
  void fetch_waits(deadline now) const noexcept {
    const timer* soon = root_;
    for (int i = 0; i < claims_at_once && soon != nullptr && soon->at <= now; ++i) {
      __builtin_prefetch(soon->soon.address(), 1);
      __builtin_prefetch(soon->ends, 1);
      soon = soon->child;
    }
  }

  /// Lists that are built from the back and sorted: a merge sort from the bottom up, which has
  /// nothing to do where timers come in the reverse order of their deadlines. Linked by `child`.
  class sorter {
   public:
    void add(timer& t) noexcept {
      if (run_ != nullptr && run_->at < t.at) end_run();
      t.soon.note(added_.pass(&t));
      t.next = nullptr;
      t.child = run_;
      if (run_ != nullptr) run_->previous = &t;
      run_ = &t;
    }

    /// The whole; something was added.
    timer* finish() noexcept {
      timer* all = run_;
      for (timer* list : of_size_) {
        if (list != nullptr) all = merge_lists(list, all);
      }
      all->previous = nullptr;
      return all;
    }

   private:
    void end_run() noexcept {
      timer* list = std::exchange(run_, nullptr);
      timer** place = of_size_;
      for (; *place != nullptr; ++place) list = merge_lists(std::exchange(*place, nullptr), list);
      *place = list;
    }

    /// Of equals those of `a` come first.
    static timer* merge_lists(timer* a, timer* b) noexcept {
      timer* all = nullptr;
      timer* before = nullptr;
      timer** end = &all;
      while (a != nullptr && b != nullptr) {
        timer*& from = b->at < a->at ? b : a;
        timer& t = *std::exchange(from, from->child);
        t.previous = before;
        before = &t;
        *end = &t;
        end = &t.child;
      }
      *end = a != nullptr ? a : b;
      (*end)->previous = before;
      return all;
    }

    came_last added_;
    timer* run_ = nullptr;
    timer* of_size_[64]{};  ///< lists made of 1, 2, 4 ... runs, or none
  };

  /// I3. Puts all that is due into line; the rest becomes the second child of the root.
  void line_up(deadline now) noexcept {
    lined_up_ = now;
    sorter due;
    timer* later = nullptr;
    timer* lists = root_;  // of siblings; the first one's `previous` is the next list
    while (lists != nullptr) {
      timer& t = *lists;
      __builtin_prefetch(t.soon.address(), 1);
      lists = t.next != nullptr ? t.next : t.previous;
      if (t.next != nullptr) t.next->previous = t.previous;
      if (t.at > now) {
        t.next = later;
        later = &t;
        continue;
      }
      if (t.child != nullptr) {
        t.child->previous = lists;
        lists = t.child;
      }
      due.add(t);
    }
    root_ = due.finish();
    later = merge_all(later);
    if (later == nullptr) return;
    if (root_->child == nullptr) {
      root_->child = later;
      later->previous = root_;
    } else {
      root_->child->next = later;
      later->previous = root_->child;
    }
  }

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
  deadline lined_up_ = deadline::min();  ///< what was due then stands in line
  timer* new_ = nullptr;                 ///< spans, the newest first
  came_last came_;                       ///< into the heap
  /// Written under the lock; read by all.
  atomic<deadline> earliest_{no_deadline};
  /// The same. Cleared only when the spans stand in the heap and earliest_ tells of them.
  atomic<bool> has_new_{false};
};

}  // namespace sluice::detail
