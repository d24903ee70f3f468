// The ready fibers of one worker, oldest first: a fixed ring that thieves can halve.
//
// I1 only the owner moves tail and writes slots; head is moved by compare-and-swap, by anybody.
// I2 head <= tail <= head + capacity, so a slot is written again only after head has passed it:
//    a thief whose compare-and-swap succeeds has read what was there.
// Positions are 64 bits and never wrap. The scheme is that of Go's and tokio's local run queues.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sched/queue_capacity.hpp"
#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/sched/task_core.hpp"

namespace sluice::detail {

/// Runnables linked by `link`, the last to nullptr.
struct chain {
  runnable* first = nullptr;
  runnable* last = nullptr;
  std::uint64_t count = 0;

  void push_front(runnable& one) noexcept {
    one.link = first;
    first = &one;
    if (last == nullptr) last = &one;
    ++count;
  }
  void push_back(runnable& one) noexcept {
    one.link = nullptr;
    (last != nullptr ? last->link : first) = &one;
    last = &one;
    ++count;
  }
  void append(const chain& some) noexcept {
    if (some.first == nullptr) return;
    (last != nullptr ? last->link : first) = some.first;
    last = some.last;
    count += some.count;
  }
};

class run_queue {
 public:
  static constexpr std::uint64_t capacity = run_queue_capacity;

  /// Owner: false if it is full.
  bool push(runnable& one) noexcept {
    // order: relaxed, the owner's own
    const std::uint64_t tail = tail_.load(memory_order_relaxed);
    // order: acquire, a thief has read what lies before head
    // mutation: relaxed, needed: in no schedule does a thief's load read a store that comes later
    if (tail - head_.load(memory_order_acquire) == capacity) return false;
    // order: relaxed, published by the store of tail
    slots_[tail % capacity].store(&one, memory_order_relaxed);
    // order: release, pairs with the acquire in pop and take_half
    tail_.store(tail + 1, memory_order_release);
    return true;
  }

  /// The oldest; anybody. Null: it was empty at some moment.
  runnable* pop() noexcept {
    // order: acquire, pairs with the compare-and-swap of others
    std::uint64_t head = head_.load(memory_order_acquire);
    for (;;) {
      // order: acquire, pairs with push: the slot is written
      if (head == tail_.load(memory_order_acquire)) return nullptr;
      // order: relaxed, I2: the compare-and-swap proves that it is the right one
      runnable* one = slots_[head % capacity].load(memory_order_relaxed);
      // order: acq_rel, the slot was read before the owner may write it again (I2)
      // mutation: release, head was acquired when it was read, and no position comes twice
      if (head_.compare_exchange_weak(head, head + 1, memory_order_acq_rel, memory_order_acquire)) {
        return one;
      }
    }
  }

  /// The oldest; the owner, where there are no thieves.
  runnable* pop_alone() noexcept {
    // order: relaxed, the owner's own
    const std::uint64_t head = head_.load(memory_order_relaxed);
    // order: relaxed, as above
    if (head == tail_.load(memory_order_relaxed)) return nullptr;
    // order: relaxed, as above
    head_.store(head + 1, memory_order_relaxed);
    // order: relaxed, as above
    return slots_[head % capacity].load(memory_order_relaxed);
  }

  /// Who stands first and another, picked by a random number of 16 bits, change places; the owner,
  /// where there are no thieves.
  void exchange_first_alone(std::uint32_t random) noexcept {
    // order: relaxed, the owner's own
    const std::uint64_t head = head_.load(memory_order_relaxed);
    const std::uint64_t at = head + (random * size() >> 16);
    atomic<runnable*>& first = slots_[head % capacity];
    atomic<runnable*>& other = slots_[at % capacity];
    // order: relaxed, as above
    runnable* const one = first.load(memory_order_relaxed);
    // order: relaxed, as above
    first.store(other.load(memory_order_relaxed), memory_order_relaxed);
    // order: relaxed, as above
    other.store(one, memory_order_relaxed);
  }

  /// What will be popped `ahead` pops from now, as of now; null: nothing. Owner.
  [[nodiscard]] runnable* peek(std::uint64_t ahead) const noexcept {
    const std::uint64_t at = head() + ahead;
    // order: relaxed, a hint: it is looked at by nobody before it is popped
    return at < tail() ? slots_[at % capacity].load(memory_order_relaxed) : nullptr;
  }

  /// Owner, when it is full: gives up the older half. Empty: a thief came first.
  chain shed_half() noexcept {
    constexpr std::uint64_t count = capacity / 2;
    chain shed;
    // order: relaxed, a guess that the compare-and-swap verifies
    std::uint64_t head = head_.load(memory_order_relaxed);
    // order: relaxed, the owner's own
    if (tail_.load(memory_order_relaxed) - head < count) return shed;
    // order: release, a thief that finds head there finds no older tail
    if (!head_.compare_exchange_strong(head, head + count, memory_order_release,
                                       memory_order_relaxed)) {
      return shed;
    }
    // The owner alone writes slots, so it may read them after the claim.
    for (std::uint64_t i = count; i-- > 0;) {
      // order: relaxed, the owner wrote it
      shed.push_front(*slots_[(head + i) % capacity].load(memory_order_relaxed));
    }
    return shed;
  }

  /// A thief, on a stack with room: the older half.
  chain take_half() noexcept {
    runnable* taken[capacity];
    std::uint64_t count = 0;
    // order: acquire, pairs with the compare-and-swap of others: what they found is found here
    // mutation: relaxed, only slower: if tail is an older one, nothing is taken
    std::uint64_t head = head_.load(memory_order_acquire);
    do {
      // order: acquire, pairs with push: the slots are written
      const std::uint64_t length = tail_.load(memory_order_acquire) - head;
      count = length > capacity ? 0 : length - length / 2;  // they are not of one moment
      for (std::uint64_t i = 0; i < count; ++i) {
        // order: relaxed, I2
        taken[i] = slots_[(head + i) % capacity].load(memory_order_relaxed);
      }
      // order: acq_rel, as in pop
      // mutation: release, as in pop
      // mutation: failure relaxed, as the first look
    } while (!head_.compare_exchange_weak(head, head + count, memory_order_acq_rel,
                                          memory_order_acquire));
    chain all;
    while (count > 0) all.push_front(*taken[--count]);
    return all;
  }

  /// Anybody; as of some moment.
  [[nodiscard]] std::uint64_t size() const noexcept {
    const std::uint64_t from = head();  // first: tail only grows, so the difference is not negative
    return tail() - from;
  }
  [[nodiscard]] bool empty() const noexcept { return head() == tail(); }
  [[nodiscard]] std::uint64_t head() const noexcept {
    // order: relaxed, a hint
    return head_.load(memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t tail() const noexcept {
    // order: relaxed, a hint
    return tail_.load(memory_order_relaxed);
  }

 private:
  /// Written by whoever takes.
  alignas(cache_line) atomic<std::uint64_t> head_{0};
  /// Written by the owner.
  alignas(cache_line) atomic<std::uint64_t> tail_{0};
  atomic<runnable*> slots_[capacity]{};
};

}  // namespace sluice::detail
