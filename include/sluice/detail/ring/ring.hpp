// The bounded ring: exactly `capacity` slots, many putters, many getters, never blocks.
//
// A position counts laps and slots: the low bits are the index of a slot, the bits above them
// count laps of `lap_`, a power of two above the capacity. Each slot has a stamp with two values
// a lap, so that "published" never equals "free for the next lap", also at capacity 1:
//
//   stamp == lap        free for the put of that lap     --S1 claim, S2 publish-->
//   stamp == lap + 1    holds the item of that lap       --G1 claim, G2 release-->  lap + lap_
//
// I1 a position is claimed by one compare-and-swap on tail (put) or head (get), at home by a plain
//    store of the owner (base/home_lock.hpp), and only when the slot's stamp says that the slot is
//    ready: a claim never waits for another strand.
// I2 items leave in the order of their claims; tail - head <= capacity at every moment.
// I3 closed is the top bit of tail: a put's claim after the close fails by itself, and drained
//    (closed and head == tail) is derived, so it can never be contradicted by a later put.
// The window between a claim and its publish or release is the one place where a strand that
// was preempted delays others: they find the slot `busy`. Otherwise the ring is lock-free.
//
// Any strand may call anything. Waiting is not done here. The scheme of stamps is Dmitry
// Vyukov's bounded MPMC queue, with laps as in crossbeam's array channel.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/backoff.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/base/no_memory.hpp"
#include "sluice/detail/base/progress.hpp"
#include "sluice/detail/ring/claim.hpp"
#include "sluice/detail/ring/positions.hpp"

namespace sluice::detail {

template <class T>
class ring : public ring_positions {
  struct slot;

 public:
  /// A place that was claimed at once: its slot, and the stamp that says that its holder is done;
  /// kept, so that the compiler does not compute it anew. Of a run `number` says each.
  struct place {
    slot* where;
    std::uint64_t after;
    [[nodiscard]] place number(std::size_t i) const noexcept { return {where + i, after}; }
  };

  /// Throws std::length_error if that many slots cannot be represented, std::bad_alloc if there
  /// is no memory for them. Slots start as zero bytes, so memory is touched only when used.
  explicit ring(std::size_t capacity) : ring_positions(capacity, sizeof(slot)) { allocate(); }

  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;

  /// Destroys the items that are left. No strand uses the ring any more.
  ~ring() {
    position at = 0;
    share();
    while (claim_get(at) == claim::ok) take(at)->~T();
    std::free(memory_);
  }

  // ---- the putter's side --------------------------------------------------------------------

  /// S1, if that takes no second look: the fast path. False says nothing.
  [[nodiscard, gnu::always_inline]] bool claim_put_at_once(place& at) noexcept {
    // order: relaxed, a guess that S1 verifies
    position tail = tail_.load(memory_order_relaxed);
    const position index = index_of(tail);
    const position lap = tail - index;  // with the closed bit it is no slot's stamp
    at = {&slots_[index], lap + 1};
    position then = tail + 1;
    if (index == last_) [[unlikely]] {
      if (is_told(lap)) return false;  // to claim_put
      then = lap + lap_;
    }
    // order: acquire, pairs G2: the getter has left the slot
    if (at.where->stamp.load(memory_order_acquire) != lap) return false;
    // order: S1 seq_cst, before S3 in the one order with R4 and R5
    if (tail_.compare_exchange_strong(tail, then, memory_order_seq_cst, memory_order_relaxed))
        [[likely]] {
      return true;
    }
    stand_back();
    return false;
  }

  /// The same for the owner of a channel that is at home, while it claims alone.
  [[nodiscard, gnu::always_inline]] bool claim_put_at_home(place& at) noexcept {
    // order: relaxed, its own
    const position tail = tail_.load(memory_order_relaxed);
    const position index = index_of(tail);
    const position lap = bare(tail - index);
    at = {&slots_[index], lap + 1};
    position then = tail + 1;
    if (index == last_) [[unlikely]] {
      if (is_told(lap)) return false;  // to claim_put
      then = tail - index + lap_;
    }
    // order: acquire, pairs G2: the getter has left the slot
    if (at.where->stamp.load(memory_order_acquire) != lap) return false;
    // order: S1 release, whoever sees it sees head as far: for size. Who comes next sees it by L5
    tail_.store(then, memory_order_release);
    return true;
  }

  /// S1. Claims the next place for one item.
  template <class Home = never_at_home>
  claim claim_put(position& at, const Home& home = {}) noexcept {
    // order: acquire, a guess that S1 verifies; a closed bit is final, and C1 happens before it
    position tail = tail_.load(memory_order_acquire);
    for (;;) {
      if (tail & closed_bit) return claim::closed;
      // order: acquire, pairs G2: the getter has left the slot
      if (slot_at(tail).stamp.load(memory_order_acquire) == lap_of(tail)) [[likely]] {
        // order: S1 seq_cst, before S3 in the one order with R4 and R5
        if (advance(tail_, tail, next(tail), home)) [[likely]] {
          at = bare(tail);
          if (index_of(tail) == last_ && is_told(lap_of(tail))) [[unlikely]]
            count_moved(items_told());
          return claim::ok;
        }
        stand_back();
        // order: acquire, as the first one
        tail = tail_.load(memory_order_acquire);
        continue;
      }
      // order: seq_cst, R5: the putter's second look must see every G1 before its R4. Equality
      // says that tail was current too, so the ring was full and open when tail was read.
      const position head = head_.load(memory_order_seq_cst);
      if (bare(head) + lap_ == bare(tail)) {
        return is_certain({head, tail}, home) ? claim::none : claim::busy;
      }
      // order: seq_cst, as R5
      // mutation: acquire, an older tail says `busy`, as of a getter inside, which looks at G3
      const position again = tail_.load(memory_order_seq_cst);
      // mutation: never, asks until that getter has released; tests/ring_test.cpp keeps it inside
      if (again == tail) return claim::busy;
      tail = again;
    }
  }

  /// S1 for a run: claims up to `most` (>= 1) places in a row, of one lap, with one operation.
  template <class Home = never_at_home>
  claim claim_put_run(place& at, std::size_t most, std::size_t& got,
                      const Home& home = {}) noexcept {
    for (;;) {
      // order: relaxed, as in claim_put
      position tail = tail_.load(memory_order_relaxed);
      const std::size_t n = tail & closed_bit ? 0 : ready_run(tail, most, 0);
      if (n <= 1) {
        const claim found = claim_put(tail, home);
        at = to_put(tail);
        got = 1;
        return found;
      }
      // order: S1 seq_cst, as in claim_put
      if (advance(tail_, tail, behind_run(tail, n), home)) {
        at = to_put(tail);
        got = n;
        if (index_of(tail) + n == capacity_ && is_told(lap_of(tail))) count_moved(items_told());
        return claim::ok;
      }
      stand_back();
    }
  }

  /// S2. Moves the item into the claimed slot and shows it to getters.
  void publish(const place& at, T&& item) noexcept {
    ::new (static_cast<void*>(at.where->item)) T(std::move(item));
    // order: S2 release, pairs with the acquire in claim_get
    at.where->stamp.store(at.after, memory_order_release);
  }
  void publish(position at, T&& item) noexcept { publish(to_put(at), std::move(item)); }

  // ---- the getter's side --------------------------------------------------------------------

  /// G1, if that takes no second look: the fast path. False says nothing.
  [[nodiscard, gnu::always_inline]] bool claim_get_at_once(place& at) noexcept {
    // order: relaxed, a guess that G1 verifies
    position head = head_.load(memory_order_relaxed);
    const position index = index_of(head);
    position then = head + 1;
    const position published = then - index;
    at = {&slots_[index], published + mask_};
    if (index == last_) [[unlikely]] {
      then = at.after;
      asm("" : "+r"(then));  // stays a branch: the claim is not to wait for a choice
    }
    // order: acquire, pairs S2: the item is whole
    if (at.where->stamp.load(memory_order_acquire) != published) return false;
    // order: G1 seq_cst, before G3 in the one order with R4 and R5
    if (head_.compare_exchange_strong(head, then, memory_order_seq_cst, memory_order_relaxed))
        [[likely]] {
      return true;
    }
    stand_back();
    return false;
  }

  /// The same for the owner of a channel that is at home, while it claims alone.
  [[nodiscard, gnu::always_inline]] bool claim_get_at_home(place& at) noexcept {
    // order: relaxed, its own
    const position head = head_.load(memory_order_relaxed);
    const position index = index_of(head);
    const position lap = bare(head - index);
    at = {&slots_[index], lap + lap_};
    // order: acquire, pairs S2: the item is whole
    if (at.where->stamp.load(memory_order_acquire) != lap + 1) return false;
    // order: G1 release, whoever sees it sees tail as far: for size and look
    head_.store(index == last_ ? head - index + lap_ : head + 1, memory_order_release);
    return true;
  }

  /// G1. Claims the oldest item.
  template <class Home = never_at_home>
  claim claim_get(position& at, const Home& home = {}) noexcept {
    // order: acquire, a guess that G1 verifies; for `none` it must come before the load of tail
    // mutation: relaxed, needed for `none`: no schedule exchanges this load and that of tail
    position head = head_.load(memory_order_acquire);
    for (;;) {
      // order: acquire, pairs S2: the item is whole
      if (slot_at(head).stamp.load(memory_order_acquire) == lap_of(head) + 1) [[likely]] {
        // order: G1 seq_cst, before G3 in the one order with R4 and R5
        if (advance(head_, head, next(head), home)) [[likely]] {
          at = bare(head);
          return claim::ok;
        }
        stand_back();
        // order: acquire, as the first one
        // mutation: relaxed, as the first one
        head = head_.load(memory_order_acquire);
        continue;
      }
      // order: seq_cst, R5: the getter's second look must see every S1 before its R4. Equality
      // says that head was current too, so the ring was empty when tail was read.
      const position tail = tail_.load(memory_order_seq_cst);
      if (plain(tail) == bare(head)) {
        if ((tail & closed_bit) != 0) return claim::closed;
        return is_certain({head, tail}, home) ? claim::none : claim::busy;
      }
      // order: seq_cst, as R5
      // mutation: acquire, an older head says `busy`, as of a putter inside, which looks at S3
      const position again = head_.load(memory_order_seq_cst);
      if (again == head) return claim::busy;
      head = again;
    }
  }

  /// G1 for a run: claims up to `most` (>= 1) items in a row, of one lap, with one operation.
  template <class Home = never_at_home>
  claim claim_get_run(place& at, std::size_t most, std::size_t& got,
                      const Home& home = {}) noexcept {
    for (;;) {
      // order: relaxed, as in claim_get
      position head = head_.load(memory_order_relaxed);
      const std::size_t n = ready_run(head, most, 1);
      if (n <= 1) {
        const claim found = claim_get(head, home);
        at = to_get(head);
        got = 1;
        return found;
      }
      // order: G1 seq_cst, as in claim_get
      if (advance(head_, head, behind_run(head, n), home)) {
        at = to_get(head);
        got = n;
        return claim::ok;
      }
      stand_back();
    }
  }

  /// The item in a claimed slot. The getter moves it out, destroys it and calls release.
  [[nodiscard]] T* take(const place& at) noexcept {
    return std::launder(reinterpret_cast<T*>(at.where->item));
  }
  [[nodiscard]] T* take(position at) noexcept { return take(to_get(at)); }

  /// G2. The slot is empty again: free for the put of the next lap.
  void release(const place& at) noexcept {
    // order: G2 release, pairs with the acquire in claim_put
    at.where->stamp.store(at.after, memory_order_release);
  }
  void release(position at) noexcept { release(to_get(at)); }

  void bring_home() noexcept { queue_ends::bring_home(tail_, head_); }
  void share() noexcept { queue_ends::share(tail_, head_); }
  /// Hints, for puts and for gets.
  [[nodiscard]] bool puts_at_home() const noexcept { return is_at_home(tail_); }
  [[nodiscard]] bool gets_at_home() const noexcept { return is_at_home(head_); }

  /// C1. From here on no put can claim. True for the call that closed.
  bool close() noexcept {
    // order: C1 seq_cst, before the look at the waiting counts
    // mutation: acq_rel, whoever waits has had the lock of the close, or will have it
    return (tail_.fetch_or(closed_bit, memory_order_seq_cst) & closed_bit) == 0;
  }

  [[nodiscard]] bool closed() const noexcept {
    // order: seq_cst, a close happens before every answer that says closed
    // mutation: acquire, `not yet` is an answer as of some moment; who waits looks under the lock
    return (tail_.load(memory_order_seq_cst) & closed_bit) != 0;
  }

  [[nodiscard]] bool drained() const noexcept {
    // order: seq_cst, closed is sticky and head only grows towards a tail that is frozen
    // mutation: acquire, as in closed
    const position tail = tail_.load(memory_order_seq_cst);
    // order: seq_cst, as above
    return (tail & closed_bit) && bare(head_.load(memory_order_seq_cst)) == plain(tail);
  }

  /// Would claim_put (claim_get) be `ok`, unless it is closed? A hint.
  [[nodiscard]] bool seems_free() const noexcept {
    // order: relaxed, a hint
    const position tail = bare(tail_.load(memory_order_relaxed));
    const position index = index_of(tail);
    // order: relaxed, a hint
    return slots_[index].stamp.load(memory_order_relaxed) == tail - index;
  }
  [[nodiscard]] bool seems_filled() const noexcept {
    // order: relaxed, a hint
    const position head = bare(head_.load(memory_order_relaxed));
    const position index = index_of(head);
    // order: relaxed, a hint
    return slots_[index].stamp.load(memory_order_relaxed) == head - index + 1;
  }

  /// How many items wait, at one moment during the call.
  [[nodiscard]] std::size_t size() const noexcept {
    for (;;) {
      // order: seq_cst, head did not move between two looks: the tail between them belongs to it
      // mutation: acquire, then it is of a moment that happens-before allows; it decides nothing
      const position head = head_.load(memory_order_seq_cst);
      // order: seq_cst, as above
      // mutation: acquire, as above
      const position tail = tail_.load(memory_order_seq_cst);
      // order: seq_cst, as above
      // mutation: acquire, as above
      if (head_.load(memory_order_seq_cst) != head) continue;
      return count_to(tail) - count_to(head);
    }
  }

  [[nodiscard]] ends look() const noexcept {
    // order: seq_cst, in the one order with S1, G1 and C1 of all channels of a select
    // mutation: acquire, needed for changes that only time orders; no scenario asks for that
    const position head = head_.load(memory_order_seq_cst);
    // order: seq_cst, as above
    // mutation: acquire, as above
    return {head, tail_.load(memory_order_seq_cst)};
  }

 private:
  struct slot {
    /// Written by the strand that claimed the slot; read by those who want to claim it.
    atomic<std::uint64_t> stamp;
    alignas(T) std::byte item[sizeof(T)];
  };

  void allocate() {
    const std::size_t slack = alignof(slot) > alignof(std::max_align_t) ? alignof(slot) : 0;
    std::size_t bytes = capacity_ * sizeof(slot) + slack;
    memory_ = std::calloc(1, bytes);
    if (memory_ == nullptr) throw_no_memory("sluice: channel: no memory for so many; take less");
    void* first = memory_;
    if (slack != 0) first = std::align(slack, bytes - slack, first, bytes);
    slots_ = static_cast<slot*>(first);
  }

  [[nodiscard]] place to_put(position at) const noexcept { return {&slot_at(at), lap_of(at) + 1}; }
  [[nodiscard]] place to_get(position at) const noexcept {
    return {&slot_at(at), lap_of(at) + lap_};
  }
  [[nodiscard]] slot& slot_at(position at) const noexcept { return slots_[index_of(at)]; }
  /// How many slots from `at` to the end of its lap are ready: free (offset 0), published (1).
  std::size_t ready_run(position at, std::size_t most, position offset) const noexcept {
    const slot* const first = &slot_at(at);
    const position ready = lap_of(at) + offset;
    if (most > capacity_ - index_of(at)) most = capacity_ - index_of(at);
    std::size_t n = 0;
    // order: acquire, pairs S2 and G2
    while (n < most && first[n].stamp.load(memory_order_acquire) == ready) ++n;
    return n;
  }

  slot* slots_ = nullptr;
  void* memory_ = nullptr;
  /// Written by putters (S1) and close (C1); read by all.
  alignas(cache_line) word tail_{0};
  /// Written by getters (G1); read by all.
  alignas(cache_line) word head_{0};
};

}  // namespace sluice::detail
