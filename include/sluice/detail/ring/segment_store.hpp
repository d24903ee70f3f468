// The segments of an unbounded queue, and what becomes of those that it has done with.
//
// I4 a segment is recycled once, when all its getters have left it (D2). The getter of its last
//    slot retires it: it looks at the slots (D1) and, if somebody is still inside, leaves the
//    segment among the retired (D3). Whoever retires the next one, or finds the queue empty, looks
//    at those again. So leaving is a plain store, and each retired segment has a getter inside
//    or waits for the next such moment.
//
// One recycled segment is kept as a spare; all others go back to the allocator at once.
// Any strand may call anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/no_memory.hpp"

namespace sluice::detail {

template <class T>
struct segment {
  enum class stage : std::uint8_t { empty, published, left };

  struct slot {
    union {  // begun by the segment, for all of its slots
      /// Written by the putter (S2), then by the getter (D2).
      atomic<stage> state;
    };
    alignas(T) std::byte item[sizeof(T)];

    slot() noexcept {}  // NOLINT(modernize-use-equals-default): begins nothing
    ~slot() { std::destroy_at(std::addressof(state)); }
    slot(const slot&) = delete;
    slot& operator=(const slot&) = delete;
  };

  static constexpr std::size_t slots = 63;

  atomic<segment*> next{nullptr};  ///< in the queue; later among the retired
  slot all[slots];

  // Each item pays for a step of each walk over all slots: so nine steps at a time. Without this
  // make_unique would write all of it first.
  segment() noexcept {
#pragma GCC unroll 9
    for (slot& s : all) ::new (static_cast<void*>(&s.state)) atomic<stage>(stage::empty);
  }
  segment(const segment&) = delete;
  segment& operator=(const segment&) = delete;
};

template <class T>
class segment_store {
  using segment = detail::segment<T>;
  using stage = typename segment::stage;
  using slot = typename segment::slot;

 public:
  segment_store() = default;
  segment_store(const segment_store&) = delete;
  segment_store& operator=(const segment_store&) = delete;

  /// No strand uses it any more.
  ~segment_store() {
    // order: relaxed, the last strand
    for (segment* in = retired_.load(memory_order_relaxed); in != nullptr;) {
      // order: relaxed, the last strand
      delete std::exchange(in, in->next.load(memory_order_relaxed));
    }
    // order: relaxed, the last strand
    delete spare_.load(memory_order_relaxed);
  }

  /// One that is empty. Throws std::bad_alloc.
  std::unique_ptr<segment> obtain() {
    // order: acquire, pairs with recycle
    std::unique_ptr<segment> kept(spare_.exchange(nullptr, memory_order_acquire));
    return kept ? std::move(kept) : make();
  }
  /// A new one. Throws std::bad_alloc.
  [[nodiscard, gnu::noinline]] static std::unique_ptr<segment> make() {
    try {
      return std::make_unique<segment>();
    } catch (const std::bad_alloc&) {
      throw_no_memory("sluice: unbounded channel: no memory for more items; a capacity bounds it");
    }
  }

  /// Takes back one that nobody is in, nor will come to.
  void recycle(segment* used) noexcept {
    // order: relaxed, only a hint
    // mutation: never, only slower: the exchange gives the other one back
    if (spare_.load(memory_order_relaxed) != nullptr) {
      delete used;
      return;
    }
    // order: relaxed, nobody else holds the segment; made visible by the exchange
    used->next.store(nullptr, memory_order_relaxed);
#pragma GCC unroll 9
    for (slot& s : used->all) {
      // order: relaxed, as above
      s.state.store(stage::empty, memory_order_relaxed);
    }
    // order: acq_rel, gives our segment away and takes one that came between
    delete spare_.exchange(used, memory_order_acq_rel);
  }

  /// Recycles the segment, or leaves it among the retired; looks at those that were there.
  void retire(segment* in) noexcept {
    look_at_retired();
    is_left(in) ? recycle(in) : keep_retired(in);
  }

  /// Takes all the retired, recycles those that are left by now and puts the others back.
  void look_at_retired() noexcept {
    // order: relaxed, a hint; whoever is missed here is found the next time
    // mutation: never, only slower: the exchange finds nothing
    if (retired_.load(memory_order_relaxed) == nullptr) [[likely]]
      return;
    // order: acquire, pairs with D3; nobody else has those segments from here on
    segment* in = retired_.exchange(nullptr, memory_order_acquire);
    while (in != nullptr) {
      // order: relaxed, came with the exchange
      segment* next = in->next.load(memory_order_relaxed);
      is_left(in) ? recycle(in) : keep_retired(in);
      in = next;
    }
  }

 private:
  /// D1. Has every getter left? All of them are looked at: nearly always they have, and adding up
  /// needs no branch.
  static bool is_left(const segment* in) noexcept {
    constexpr auto left = static_cast<unsigned>(stage::left);
    static_assert((left & static_cast<unsigned>(stage::published)) == 0);
    unsigned all = left;
#pragma GCC unroll 9
    for (const slot& s : in->all) {
      // order: D1 acquire, pairs with D2: what the getter did in the slot is over
      all &= static_cast<unsigned>(s.state.load(memory_order_acquire));
    }
    return all == left;
  }

  /// D3. Links it to the retired.
  void keep_retired(segment* in) noexcept {
    // order: relaxed, the exchange tells
    segment* first = retired_.load(memory_order_relaxed);
    do {
      // order: relaxed, published by the exchange
      in->next.store(first, memory_order_relaxed);
      // order: D3 release, pairs with look_at_retired: the links
    } while (
        !retired_.compare_exchange_weak(first, in, memory_order_release, memory_order_relaxed));
  }

  /// One segment that is ready for use, or null.
  atomic<segment*> spare_{nullptr};
  /// Segments that are out of the queue, but had a getter inside at the last look.
  atomic<segment*> retired_{nullptr};
};

}  // namespace sluice::detail
