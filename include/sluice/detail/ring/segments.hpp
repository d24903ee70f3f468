// The unbounded queue of items: linked segments of slots, many putters, many getters.
//
// An index counts places; of each `span` places the last is no slot but the moment in which the
// queue moves on to the next segment. Putters claim indices on tail, getters on head:
//
//   slot: empty --S1 claim, S2 publish--> published --G1 claim, take, D2--> left
//
// I1 an index is claimed by one compare-and-swap that also proves that the segment read with it
//    is the right one and alive (indices are never used twice); at home by the owner, plainly.
// I2 items leave in the order of their claims. A getter that has claimed an item which is not
//    published yet waits for that one putter (spin limit, then sched_yield).
// I3 the segment after the next is allocated before the last slot of a segment is claimed, so a
//    put that finds no memory has changed nothing.
// I4 a segment is recycled once, when all its getters have left it: segment_store.hpp.
// I5 closed is the top bit of tail, drained is derived, as in ring.hpp.
// I6 what is got at once is in no last slot of a segment and has an item behind it. So who got it
//    moves head on to no segment, and has not drained the queue.
//
// Any strand may call anything. The scheme of indices is that of crossbeam's list channel.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/backoff.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/base/progress.hpp"
#include "sluice/detail/ring/claim.hpp"
#include "sluice/detail/ring/ends.hpp"
#include "sluice/detail/ring/segment_store.hpp"

namespace sluice::detail {

template <class T>
class segments : public queue_ends {
  using segment = detail::segment<T>;
  using slot = typename segment::slot;

 public:
  /// A claimed slot; one that was claimed at once is no last one of a segment (I6).
  struct place {
    slot* where;
  };
  /// A claimed place.
  struct position {
    segment* in = nullptr;
    std::size_t slot = 0;
    /// From what a waiter's node remembers.
    static position of(void* place, std::size_t slot) noexcept {
      return {static_cast<segment*>(place), slot};
    }
  };

  /// Throws std::bad_alloc.
  segments() {
    segment* first = segment_store<T>::make().release();
    // order: relaxed, nobody else knows the queue yet
    head_.in.store(first, memory_order_relaxed);
    // order: relaxed, as above
    tail_.in.store(first, memory_order_relaxed);
  }

  segments(const segments&) = delete;
  segments& operator=(const segments&) = delete;
  /// Destroys the items that are left. No strand uses the queue any more. Waits for nobody: in a
  /// forked child a strand that no longer exists may have stopped in the middle of an operation.
  ~segments() {
    // order: relaxed, the last strand
    std::size_t i = head_.index.load(memory_order_relaxed) % span;
    for (segment* in = head_.in.load(memory_order_relaxed); in != nullptr; i = 0) {
      for (; i < slots; ++i) {
        // order: relaxed, the last strand
        if (in->all[i].state.load(memory_order_relaxed) == stage::published) {
          item_of({&in->all[i]})->~T();
        }
      }
      // order: relaxed, the last strand
      delete std::exchange(in, in->next.load(memory_order_relaxed));
    }
  }

  /// S1 within a segment: the fast path. False says nothing.
  [[nodiscard, gnu::always_inline]] bool claim_put_at_once(place& at) noexcept {
    // order: acquire, pairs with M2: the segment read next is at least that of this index
    std::uint64_t tail = tail_.index.load(memory_order_acquire);
    // order: relaxed, M1 came with M2; S1 fails if it is another index's
    segment* in = tail_.in.load(memory_order_relaxed);
    const std::uint64_t offset = tail & (closed_bit | home_bit | (span - 1));  // so, no slot
    if (offset >= slots - 1) [[unlikely]]
      return false;
    // order: S1 seq_cst, before S3 in the one order with R4 and R5
    if (tail_.index.compare_exchange_strong(tail, tail + 1, memory_order_seq_cst,
                                            memory_order_relaxed)) [[likely]] {
      at = {&in->all[offset]};
      return true;
    }
    stand_back();
    return false;
  }

  /// The same for the owner of a channel that is at home, while it claims alone.
  [[nodiscard, gnu::always_inline]] bool claim_put_at_home(place& at) noexcept {
    // order: acquire, as in claim_put_at_once, of the last who moved tail on before it came home
    // mutation: relaxed, needed for that; in no scenario another has
    const std::uint64_t tail = tail_.index.load(memory_order_acquire);
    // order: relaxed, as in claim_put_at_once
    segment* in = tail_.in.load(memory_order_relaxed);
    const std::uint64_t offset = tail & (closed_bit | (span - 1));
    if (offset >= slots - 1) return false;
    // order: S1 release, as in ring.hpp
    tail_.index.store(tail + 1, memory_order_release);
    at = {&in->all[offset]};
    return true;
  }

  /// S1. Claims the next place: `ok` or `closed`. Throws std::bad_alloc before any effect.
  template <class Home = never_at_home>
  claim claim_put(position& at, const Home& home = {}) {
    std::unique_ptr<segment> fresh;
    backoff wait;
    for (;;) {
      // order: acquire, pairs with M2: the segment read next is at least that of this index
      std::uint64_t tail = tail_.index.load(memory_order_acquire);
      // order: relaxed, M1 came with M2; S1 fails if it is another index's
      segment* in = tail_.in.load(memory_order_relaxed);
      if (tail & closed_bit) return claim::closed;
      const std::size_t offset = tail % span;
      if (offset == slots) {  // another putter is moving tail on (M1, M2)
        wait.pause();
        continue;
      }
      if (offset + 1 == slots && !fresh) fresh = store_.obtain();
      // order: S1 seq_cst, before S3 in the one order with R4 and R5
      if (!advance(tail_.index, tail, tail + 1, home)) {
        stand_back();
        continue;
      }
      if (offset + 1 == slots) move_tail_on(in, fresh.release());
      if (fresh) store_.recycle(fresh.release());
      at = {in, offset};
      return claim::ok;
    }
  }

  /// Is that the last place of a segment? A moment for what is to happen now and then.
  [[nodiscard]] static bool is_last(position at) noexcept { return at.slot + 1 == slots; }

  /// S2. Moves the item into the claimed slot and shows it to getters.
  static void publish(place at, T&& item) noexcept {
    ::new (static_cast<void*>(at.where->item)) T(std::move(item));
    // order: S2 release, pairs with the acquire in take
    at.where->state.store(stage::published, memory_order_release);
  }
  static void publish(position at, T&& item) noexcept { publish(place_of(at), std::move(item)); }

  /// G1 within a segment, with another item behind: the fast path. False says nothing.
  [[nodiscard, gnu::always_inline]] bool claim_get_at_once(place& at) noexcept {
    // order: acquire, pairs with M4
    std::uint64_t head = head_.index.load(memory_order_acquire);
    // order: relaxed, M3 came with M4; G1 fails if it is another index's
    segment* in = head_.in.load(memory_order_relaxed);
    // order: acquire, pairs with allow_at_once: from here on no look at tail is older than that one
    // mutation: relaxed, needed: the one order is the schedule there, and no look is older
    if (head >= at_once_.load(memory_order_acquire)) [[unlikely]]
      return false;
    // order: G1 seq_cst, items leave in this order; before every look that says drained
    // mutation: acq_rel, only the getter of the last item decides what such a look says (I6)
    if (head_.index.compare_exchange_strong(head, head + 1, memory_order_seq_cst,
                                            memory_order_relaxed)) [[likely]] {
      at = {&in->all[head % span]};
      return true;
    }
    stand_back();
    return false;
  }

  /// The same for the owner of a channel that is at home, while it claims alone.
  [[nodiscard, gnu::always_inline]] bool claim_get_at_home(place& at) noexcept {
    // order: acquire, as in claim_get_at_once, and as above
    // mutation: relaxed, as above
    const std::uint64_t head = head_.index.load(memory_order_acquire);
    // order: relaxed, as in claim_get_at_once
    segment* in = head_.in.load(memory_order_relaxed);
    // order: acquire, as there
    // mutation: relaxed, as there
    if (bare(head) >= at_once_.load(memory_order_acquire) || head % span >= slots - 1) return false;
    // order: G1 release, as in ring.hpp
    // mutation: relaxed, who has allowed it has looked at a tail behind it, by a seq_cst load
    head_.index.store(head + 1, memory_order_release);
    at = {&in->all[head % span]};
    return true;
  }

  /// G1. Claims the oldest item, which may still be on its way into its slot.
  template <class Home = never_at_home>
  claim claim_get(position& at, const Home& home = {}) noexcept {
    backoff wait;
    for (;;) {
      // order: acquire, pairs with M4
      std::uint64_t head = head_.index.load(memory_order_acquire);
      // order: relaxed, M3 came with M4; G1 fails if it is another index's
      segment* in = head_.in.load(memory_order_relaxed);
      const std::size_t offset = head % span;
      if (offset == slots) {  // another getter is moving head on (M3, M4)
        wait.pause();
        continue;
      }
      // order: seq_cst, R5: the second look must see every S1 before its R4
      const std::uint64_t tail = tail_.index.load(memory_order_seq_cst);
      const std::uint64_t open_tail = whole(plain(tail));
      if (open_tail == bare(head)) {
        store_.look_at_retired();
        if ((tail & closed_bit) != 0) return claim::closed;
        if (is_certain({head, tail}, home)) return claim::none;
        continue;
      }
      // order: G1 seq_cst, items leave in this order; before every look that says drained
      if (!advance(head_.index, head, head + 1, home)) {
        stand_back();
        continue;
      }
      if (offset + 1 == slots) move_head_on(in);
      allow_at_once(whole(bare(head) + 1), open_tail);
      at = {in, offset};
      return claim::ok;
    }
  }

  /// Has the putter of a claimed slot published its item? Then take does not wait.
  [[nodiscard]] static bool is_published(place at) noexcept {
    // order: acquire, pairs S2: the item is whole
    return at.where->state.load(memory_order_acquire) == stage::published;
  }

  /// The item in a claimed slot, as soon as it is published. Its getter moves it out and releases.
  [[nodiscard]] static T* take(place at) noexcept {
    for (backoff wait; !is_published(at); wait.pause()) {
    }
    return item_of(at);
  }
  [[nodiscard]] static T* take(position at) noexcept { return take(place_of(at)); }
  /// The same where is_published said so.
  [[nodiscard]] static T* item_of(place at) noexcept {
    return std::launder(reinterpret_cast<T*>(at.where->item));
  }

  /// G2. The slot will not be touched any more; the getter of a segment's last slot retires it.
  static void release(place at) noexcept {
    // order: D2 release, pairs with D1: the getter is done with its slot
    at.where->state.store(stage::left, memory_order_release);
  }
  void release(position at) noexcept {
    release(place_of(at));
    if (is_last(at)) store_.retire(at.in);
  }

  void bring_home() noexcept { queue_ends::bring_home(tail_.index, head_.index); }
  void share() noexcept { queue_ends::share(tail_.index, head_.index); }
  /// Hints, for puts and for gets.
  [[nodiscard]] bool puts_at_home() const noexcept { return is_at_home(tail_.index); }
  [[nodiscard]] bool gets_at_home() const noexcept { return is_at_home(head_.index); }

  /// C1. From here on no put can claim. True for the call that closed.
  bool close() noexcept {
    // order: C1 seq_cst, before the look at the waiting counts
    // mutation: acq_rel, whoever waits has had the lock of the close, or will have it
    return (tail_.index.fetch_or(closed_bit, memory_order_seq_cst) & closed_bit) == 0;
  }

  [[nodiscard]] bool closed() const noexcept {
    // order: seq_cst, a close happens before every answer that says closed
    // mutation: acquire, `not yet` is an answer as of some moment; who waits looks under the lock
    return (tail_.index.load(memory_order_seq_cst) & closed_bit) != 0;
  }

  [[nodiscard]] bool drained() const noexcept {
    // order: seq_cst, tail is frozen by the closed bit, but for the step over a segment's end
    // mutation: acquire, as in closed
    const std::uint64_t tail = tail_.index.load(memory_order_seq_cst);
    // order: seq_cst, as above
    const std::uint64_t head = head_.index.load(memory_order_seq_cst);
    return (tail & closed_bit) && whole(bare(head)) == whole(plain(tail));
  }

  /// Would claim_get be `ok`? A hint.
  [[nodiscard]] bool seems_filled() const noexcept {
    // order: relaxed, a hint, as the others here
    const std::uint64_t head = head_.index.load(memory_order_relaxed);
    return head < at_once_.load(memory_order_relaxed) ||
           whole(bare(head)) < whole(plain(tail_.index.load(memory_order_relaxed)));
  }

  /// How many items wait, at one moment during the call.
  [[nodiscard]] std::size_t size() const noexcept {
    for (;;) {
      // order: seq_cst, head did not move between two looks: the tail between them belongs to it
      // mutation: acquire, needed, lest tail be behind head: the one order is the schedule there
      const std::uint64_t head = head_.index.load(memory_order_seq_cst);
      // order: seq_cst, as above
      // mutation: acquire, as above
      const std::uint64_t tail = plain(tail_.index.load(memory_order_seq_cst));
      // order: seq_cst, as above
      // mutation: acquire, as above
      if (head_.index.load(memory_order_seq_cst) != head) continue;
      return count(whole(tail)) - count(whole(bare(head)));
    }
  }

  [[nodiscard]] ends look() const noexcept {
    // order: seq_cst, in the one order with S1, G1 and C1 of all channels of a select
    // mutation: acquire, needed for changes that only time orders; no scenario asks for that
    const std::uint64_t head = head_.index.load(memory_order_seq_cst);
    // order: seq_cst, as above
    // mutation: acquire, as above
    return {head, tail_.index.load(memory_order_seq_cst)};
  }
  /// 0, or at that look it was empty and open: the same at two looks says that it was all the time.
  [[nodiscard]] static std::uint64_t empty_mark(const ends& at) noexcept {
    const std::uint64_t head = whole(bare(at.head));
    return head == whole(bare(at.tail)) ? head + 1 : 0;
  }

  /// For people: both are exact, but not of one moment.
  [[nodiscard]] claimed total() const noexcept {
    // order: acquire, before the load of tail, which has been further at all times
    const std::uint64_t head = bare(head_.index.load(memory_order_acquire));
    // order: relaxed, as above
    const std::uint64_t tail = plain(tail_.index.load(memory_order_relaxed));
    return {count(whole(tail)), count(whole(head))};
  }

 private:
  static constexpr std::size_t slots = segment::slots;
  static constexpr std::size_t span = slots + 1;
  static_assert((span & (span - 1)) == 0);
  using stage = typename segment::stage;

  struct end {
    claim_word<std::uint64_t> index{0};
    atomic<segment*> in{nullptr};
  };

  [[nodiscard]] static place place_of(position at) noexcept { return {&at.in->all[at.slot]}; }

  /// The index after a step over a segment's end that is still under way.
  static std::uint64_t whole(std::uint64_t index) noexcept {
    return index % span == slots ? index + 1 : index;
  }
  static std::size_t count(std::uint64_t index) noexcept {
    return index / span * slots + index % span;
  }

  void move_tail_on(segment* from, segment* fresh) noexcept {
    // order: M1 relaxed, M2 publishes it
    tail_.in.store(fresh, memory_order_relaxed);
    // order: M2 release, the segment before its index; an add because a close may set its bit
    tail_.index.fetch_add(1, memory_order_release);
    // order: release, pairs with move_head_on: the fresh slots
    // mutation: relaxed, whoever comes there has acquired S1 of the last slot, which comes later
    from->next.store(fresh, memory_order_release);
    count_moved(slots);
  }

  void move_head_on(segment* from) noexcept {
    backoff wait;
    segment* next = nullptr;
    // order: acquire, pairs with move_tail_on; its putter has claimed already
    // mutation: relaxed, as there
    while ((next = from->next.load(memory_order_acquire)) == nullptr) wait.pause();
    // order: M3 relaxed, M4 publishes it
    head_.in.store(next, memory_order_relaxed);
    // order: M4 release, as M2; only this getter moves head while it stands at the end
    head_.index.fetch_add(1, memory_order_release);
    count_moved(slots);
  }

  /// I6. Head has come to `head` at least, and tail to `open_tail`: says what may be got at once. A
  /// head that is below it and in an older segment has been left, so G1 fails.
  void allow_at_once(std::uint64_t head, std::uint64_t open_tail) noexcept {
    const std::uint64_t last_slot = (head | (span - 1)) - 1;
    // order: release, pairs with claim_get_at_once: whoever relies on it has that tail, or a later
    // mutation: relaxed, needed, as there
    at_once_.store(std::min(open_tail - 1, last_slot), memory_order_release);
  }

  alignas(cache_line) end tail_;
  alignas(cache_line) end head_;
  /// A head below this is no last slot of a segment, and has an item, and one behind it. Written by
  /// who has looked at tail, which others need not do then; read by getters. Beside head.
  claim_word<std::uint64_t> at_once_{0};
  /// Segments that are ready for use, or that some getter has not left yet.
  alignas(cache_line) segment_store<T> store_;
};

}  // namespace sluice::detail
