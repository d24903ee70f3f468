// The tasks of one worker that have no stack yet: newest first for the owner, oldest first for
// thieves.
//
// Newest first keeps a tree of tasks narrow: a subtree is finished before the next is begun, and
// its stacks are used again at once. The oldest task is the largest subtree: the one to steal.
//
// I1 only the owner moves tail; head only grows, by compare-and-swap.
// I2 the owner takes the newest by moving tail back (seq_cst) before it looks at head; a thief
//    looks at tail (seq_cst) after head: for the last task both must win head.
// The scheme is Chase and Lev's deque, in the fenceless form: every contended access is seq_cst.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sched/queue_capacity.hpp"
#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/sched/task_core.hpp"

namespace sluice::detail {

class task_deque {
 public:
  static constexpr std::int64_t capacity = task_deque_capacity;

  /// Owner: false if it is full.
  bool push(task_core& one) noexcept {
    // order: relaxed, the owner's own
    const std::int64_t tail = tail_.load(memory_order_relaxed);
    // order: acquire, a thief has read what lies before head
    // mutation: relaxed, needed: in no schedule does a thief's load read a store that comes later
    if (tail - head_.load(memory_order_acquire) >= capacity) return false;
    // order: relaxed, published by the store of tail
    slot(tail).store(&one, memory_order_relaxed);
    // order: release, pairs with take_oldest
    tail_.store(tail + 1, memory_order_release);
    return true;
  }

  /// The newest; owner.
  task_core* take_newest() noexcept {
    // order: relaxed, the owner's own
    const std::int64_t last = tail_.load(memory_order_relaxed) - 1;
    // order: relaxed, head only grows: if it has reached tail the deque is empty
    // mutation: never, only slower: the same is found below
    if (head_.load(memory_order_relaxed) > last) return nullptr;
    // order: seq_cst, I2: before the look at head
    tail_.store(last, memory_order_seq_cst);
    // order: seq_cst, I2
    std::int64_t head = head_.load(memory_order_seq_cst);
    // order: relaxed, the owner wrote it
    task_core* one = slot(last).load(memory_order_relaxed);
    if (head < last) return one;
    // order: seq_cst, I2: the last one belongs to whoever moves head
    // mutation: acq_rel, the one load of head that must see it is the owner's own
    if (head == last &&
        head_.compare_exchange_strong(head, head + 1, memory_order_seq_cst, memory_order_relaxed)) {
      // order: relaxed, the owner's own; empty
      tail_.store(last + 1, memory_order_relaxed);
      return one;
    }
    // order: relaxed, a thief took the last one
    tail_.store(last + 1, memory_order_relaxed);
    return nullptr;
  }

  /// The newest; the owner, where there are no thieves.
  task_core* take_newest_alone() noexcept {
    // order: relaxed, the owner's own
    const std::int64_t last = tail_.load(memory_order_relaxed) - 1;
    // order: relaxed, as above
    if (head_.load(memory_order_relaxed) > last) return nullptr;
    // order: relaxed, as above
    tail_.store(last, memory_order_relaxed);
    // order: relaxed, as above
    return slot(last).load(memory_order_relaxed);
  }

  /// The oldest; anybody. Null: there was none, or another was faster.
  task_core* take_oldest() noexcept {
    // order: seq_cst, I2: before the look at tail
    // mutation: acquire, needed: the one order is the schedule there, whatever the orders are
    std::int64_t head = head_.load(memory_order_seq_cst);
    // order: seq_cst, I2; pairs with push too
    if (head >= tail_.load(memory_order_seq_cst)) return nullptr;
    // order: relaxed, the compare-and-swap proves that it is the right one
    task_core* one = slot(head).load(memory_order_relaxed);
    // order: seq_cst, I2
    // mutation: acq_rel, the load of head by the next thief stands for it in the one order
    const bool won =
        head_.compare_exchange_strong(head, head + 1, memory_order_seq_cst, memory_order_relaxed);
    return won ? one : nullptr;
  }

  /// The oldest; the owner, where there are no thieves.
  task_core* take_oldest_alone() noexcept {
    // order: relaxed, the owner's own
    const std::int64_t head = head_.load(memory_order_relaxed);
    // order: relaxed, as above
    if (head >= tail_.load(memory_order_relaxed)) return nullptr;
    // order: relaxed, as above
    head_.store(head + 1, memory_order_relaxed);
    // order: relaxed, as above
    return slot(head).load(memory_order_relaxed);
  }

  /// Anybody; as of some moment.
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::size_t size() const noexcept {
    // order: relaxed, hints
    const std::int64_t n = tail_.load(memory_order_relaxed) - head_.load(memory_order_relaxed);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  [[nodiscard]] std::int64_t head() const noexcept {
    // order: relaxed, a hint
    return head_.load(memory_order_relaxed);
  }

 private:
  atomic<task_core*>& slot(std::int64_t at) noexcept {
    return slots_[static_cast<std::size_t>(at) % static_cast<std::size_t>(capacity)];
  }

  /// Written by whoever takes.
  alignas(cache_line) atomic<std::int64_t> head_{0};
  /// Written by the owner.
  alignas(cache_line) atomic<std::int64_t> tail_{0};
  atomic<task_core*> slots_[static_cast<std::size_t>(capacity)]{};
};

}  // namespace sluice::detail
