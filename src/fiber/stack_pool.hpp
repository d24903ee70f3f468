// Stacks of fibers: carved from large reservations, committed lazily, guarded each.
//
// One pool for the process and each size, never destroyed. A slab is one reservation of address
// space, divided into places of [guard | stack]; it is never unmapped, so a late look at a control
// block at the top of a stack reads memory that is still there.
//
// I1 promised <= places that are mapped: whoever holds a promise gets a stack without fail.
// I2 a stack is in one hand: used, kept by a worker, or on the free list.
// I3 the guard of a place is installed when it is carved, and survives the dropping of its memory.
//
// Address space comes with the promise (promise() can throw); guards and memory come with take(),
// which cannot fail. Any thread may call anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>

#include "fiber/guard.hpp"
#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/short_lock.hpp"

namespace sluice::detail {

/// One place of a slab, in one word: whose stack it is, or, while it is nobody's, the next free
/// place, and whether anything was built there. Lies beside the slab, not in it: a million are read
/// by whoever stops or dumps all fibers.
class stack_slot {
 public:
  struct span {
    std::byte* bottom;
    std::byte* top;
  };
  [[nodiscard]] span memory() const noexcept;
  [[nodiscard]] std::byte* bottom() const noexcept { return memory().bottom; }
  [[nodiscard]] std::byte* top() const noexcept { return memory().top; }
  [[nodiscard]] std::size_t size() const noexcept {
    const span all = memory();
    return static_cast<std::size_t>(all.top - all.bottom);
  }

  // While nobody owns it, by whoever has it in hand (I2).
  /// In a free list or a worker's cache.
  [[nodiscard]] stack_slot* next() const noexcept {
    // order: relaxed, in one hand, and handed on under the pool's lock
    return reinterpret_cast<stack_slot*>(owner_.load(memory_order_relaxed) & ~tag_bits);
  }
  void set_next(stack_slot* one) noexcept {
    const std::uintptr_t kept = free_bit | (fresh() ? fresh_bit : 0);
    // order: relaxed, as above
    owner_.store(reinterpret_cast<std::uintptr_t>(one) | kept, memory_order_relaxed);
  }
  /// Its memory reads as zeros: nothing was built in it.
  [[nodiscard]] bool fresh() const noexcept {
    // order: relaxed, as above
    return (owner_.load(memory_order_relaxed) & fresh_bit) != 0;
  }
  void set_fresh() noexcept {
    // order: relaxed, as above
    owner_.store(free_bit | fresh_bit, memory_order_relaxed);
  }

  /// For AddressSanitizer: nobody may touch the stack, but for `kept` bytes at its top.
  void poison(std::size_t kept) noexcept;
  /// All of it may be touched; what earlier frames left behind is forgotten.
  void unpoison() noexcept;

  // Whose stack it is now, for whoever looks at the fibers of all stacks. A look pins the owner:
  // whoever clears waits for the look to end, so the owner is alive meanwhile.
  void set_owner(void* owner) noexcept {
    // order: release, pairs with pin: the owner is whole. One that looks before it, and is not seen
    // here, is seen at P5: P1 comes between ("Two plain stores" in docs/memory-model.md)
    owner_.store(reinterpret_cast<std::uintptr_t>(owner), memory_order_release);
  }
  void clear_owner() noexcept {
    std::uintptr_t seen = reinterpret_cast<std::uintptr_t>(owner());
    // order: acq_rel, pairs with pin and unpin: nobody looks at the owner from here on
    // mutation: acquire, who finds no owner looks at nothing
    if (!owner_.compare_exchange_strong(seen, free_bit, memory_order_acq_rel, memory_order_relaxed))
        [[unlikely]] {
      clear_seen_owner();
    }
  }
  /// The owner, alive until unpin(); null: there is none.
  [[nodiscard]] void* pin() noexcept;
  void unpin() noexcept {
    // order: release, pairs with clear_owner: the look is over
    owner_.fetch_and(~pinned_bit, memory_order_release);
  }
  /// Without a pin: for the handler of a fault on this very stack.
  [[nodiscard]] void* owner() const noexcept {
    // order: relaxed, written by the thread that asks
    const std::uintptr_t seen = owner_.load(memory_order_relaxed);
    return (seen & free_bit) == 0 ? reinterpret_cast<void*>(seen & ~pinned_bit) : nullptr;
  }

 private:
  /// Somebody looks at it.
  void clear_seen_owner() noexcept;

  /// Of an owner: somebody looks at him.
  static constexpr std::uintptr_t pinned_bit = 1;
  /// There is no owner; what stands here is the next free place.
  static constexpr std::uintptr_t free_bit = 2;
  static constexpr std::uintptr_t fresh_bit = 4;
  static constexpr std::uintptr_t tag_bits = pinned_bit | free_bit | fresh_bit;
  /// Written by the worker that runs on the stack; the lowest bit by those who look.
  atomic<std::uintptr_t> owner_{free_bit | fresh_bit};
};

struct stack_slab;

/// A page of places, which tells the slab of each without a word of its own.
struct stack_slots {
  static constexpr std::size_t bytes = 4096;
  static constexpr std::size_t count = bytes / sizeof(stack_slot) - 1;

  [[nodiscard]] static const stack_slots& of(const stack_slot& slot) noexcept {
    return *reinterpret_cast<const stack_slots*>(reinterpret_cast<std::uintptr_t>(&slot) &
                                                 ~(bytes - 1));
  }

  // Places that were carved one after the other lie in lines of their own: they belong to different
  // workers, and each writes his whenever a task begins or ends. So the nine bits of a number are
  // rotated; 511, whose bits are all set, is none.
  [[nodiscard]] static std::size_t rotated(std::size_t number, unsigned by) noexcept {
    return (number << by | number >> (9 - by)) & count;
  }
  [[nodiscard]] std::size_t number_of(const stack_slot& one) const noexcept {
    return rotated(static_cast<std::size_t>(&one - places), 6);
  }

  stack_slab* slab;
  stack_slot places[count];
};
static_assert(stack_slots::count == 511);
static_assert(sizeof(stack_slots) == stack_slots::bytes);

struct stack_slab {
  std::byte* base = nullptr;
  std::size_t stride = 0;
  std::size_t count = 0;
  std::size_t stack_size = 0;  ///< that each stack has at least
  /// Places from the start that were given out once. Written under the pool's lock.
  atomic<std::size_t> carved{0};
  /// Each place is made when it is carved: a million promises touch none of them.
  struct unmade {
    void operator()(stack_slots* room) const noexcept {
      ::operator delete (room, std::align_val_t{stack_slots::bytes});
    }
  };
  std::unique_ptr<stack_slots[], unmade> slots;
  stack_slab* newer = nullptr;         ///< of the same pool
  stack_slab* older_of_all = nullptr;  ///< of all pools

  [[nodiscard]] stack_slot& slot(std::size_t place) const noexcept {
    return slots[place / stack_slots::count]
        .places[stack_slots::rotated(place % stack_slots::count, 3)];
  }
  /// Its number.
  [[nodiscard]] std::size_t place_of(const stack_slot& one) const noexcept {
    const stack_slots& in = stack_slots::of(one);
    return static_cast<std::size_t>(&in - slots.get()) * stack_slots::count + in.number_of(one);
  }

  /// The places that may have an owner. Whoever has raised `attention` before misses none whose
  /// fiber has parked and not seen that.
  [[nodiscard]] std::size_t used() const noexcept {
    // order: seq_cst, after the raise in the one order with the store in take_free and P5
    return carved.load(memory_order_seq_cst);
  }
  /// The place that the address belongs to; null: it is elsewhere.
  [[nodiscard]] stack_slot* find(const void* address) const noexcept;
};

struct stack_counts {
  std::size_t carved = 0;
  std::size_t unguarded = 0;
};

class stack_pool {
 public:
  static constexpr std::size_t guard_size = 64 * 1024;
  static constexpr std::size_t smallest = 16 * 1024;
  /// 16 KiB, 32 KiB ... 1 GiB.
  static constexpr std::size_t classes = 17;
  static constexpr std::size_t default_size = 128 * 1024;

  /// The smallest class that holds `size` bytes. Throws std::length_error.
  [[nodiscard]] static std::uint8_t class_for(std::size_t size);
  [[nodiscard]] static stack_pool& of_class(std::uint8_t which) noexcept;
  /// Summed over all pools.
  [[nodiscard]] static stack_counts counts() noexcept;
  /// The newest slab of all pools; the chain never loses one. Async-signal-safe.
  [[nodiscard]] static stack_slab* all_slabs() noexcept;
  /// Gives the memory of free stacks back to the kernel, at most `most` of them: all done?
  static bool trim(std::size_t most) noexcept;

  /// From now on `n` more stacks can be taken. Throws std::bad_alloc.
  void promise(std::size_t n);
  /// `n` promises are given back.
  void release(std::size_t n) noexcept;

  /// A stack, by someone who holds a promise for it. May be poisoned.
  [[nodiscard]] stack_slot& take() noexcept;
  /// Nobody runs on it any more. Its memory is kept for the next, until trimmed.
  void give(stack_slot& slot) noexcept;
  /// A chain of `n` stacks at once, linked by `next`.
  void give_chain(stack_slot& first, stack_slot& last, std::size_t n) noexcept;

 private:
  stack_pool() = default;

  [[nodiscard]] bool try_promise(std::size_t n) noexcept;
  [[nodiscard]] std::unique_ptr<stack_slab> map_slab(std::size_t places) const;
  void add(std::unique_ptr<stack_slab> fresh) noexcept;
  // Under the lock; the second where there is none for the first.
  [[nodiscard]] stack_slot* take_free() noexcept;
  [[nodiscard]] stack_slot& make_slot() noexcept;
  static void carve(stack_slot& slot) noexcept;
  std::size_t trim_some(std::size_t most) noexcept;

  short_lock lock_;
  std::mutex growing_;          ///< held while address space is reserved
  stack_slot* warm_ = nullptr;  ///< free, with memory
  std::size_t warm_count_ = 0;
  stack_slot* cold_ = nullptr;     ///< free, without memory
  stack_slab* carving_ = nullptr;  ///< the oldest slab with places that were never used
  stack_slab* newest_ = nullptr;
  std::size_t mapped_ = 0;
  std::size_t promised_ = 0;
  std::size_t stack_size_ = 0;  ///< of this class
};

}  // namespace sluice::detail
