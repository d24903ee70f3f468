// Reserving, carving and trimming stacks. The argument stands in stack_pool.hpp.
#include "fiber/stack_pool.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <new>
#include <stdexcept>
#include <string>

#include "fiber/sanitizers.hpp"
#include "sluice/detail/base/backoff.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/base/no_memory.hpp"

namespace sluice::detail {
namespace {

/// Places of a pool's first slab; each further slab doubles what there is, up to the second.
constexpr std::size_t first_places = 256;
constexpr std::size_t most_places = 16384;
/// Address space of the first slab at most, for large stacks.
constexpr std::size_t first_bytes = std::size_t{64} << 20;
/// Free stacks of each size that keep their memory when the pools are trimmed.
constexpr std::size_t kept_warm = 64;

/// Tops of stacks lie at different offsets within a page, in steps of a cache line: at one offset
/// the control blocks of all fibers would fight for a few sets of the caches. Less than half a
/// page, because the frames of a fiber that waits, is stopped there and unwinds its stack shall fit
/// into the rest: with 32 of them every fifth stop touched another page.
constexpr std::uint32_t colours = 26;
/// Room for that above each stack.
constexpr std::size_t colour_room = 4096;

std::size_t stride_of(std::size_t stack_size) noexcept {
  return stack_pool::guard_size + stack_size + colour_room;
}

/// Written under growing_ of some pool; read by the fault handler.
constinit atomic<stack_slab*> newest_of_all{nullptr};
/// Written by whoever carves; read by counts().
constinit atomic<std::size_t> carved_stacks{0};
constinit atomic<std::size_t> unguarded_stacks{0};

void warn_of_missing_guard() noexcept {
  static atomic<bool> warned{false};
  // order: relaxed, only that one thread warns
  // mutation: never, in no schedule is a guard missing; tests/stack_pool_test.cpp sees the warning
  if (!warned.exchange(true, memory_order_relaxed)) {
    std::fputs(
        "sluice: this system gives no (more) guards for stacks; a fiber that overruns its stack "
        "would not be caught (raise vm.max_map_count, or use Linux 6.13 or newer)\n",
        stderr);
  }
}

/// Late cancellers look at the word of a control block. To ThreadSanitizer, building a new block
/// there would be a race with them, so that under it blocks are built once and kept.
constexpr bool memory_may_be_dropped = SLUICE_TSAN == 0;

}  // namespace

stack_slot::span stack_slot::memory() const noexcept {
  const stack_slots& page = stack_slots::of(*this);
  const stack_slab& in = *page.slab;
  std::byte* const guard = in.base + in.place_of(*this) * in.stride;
  const auto colour = static_cast<std::uint32_t>(page.number_of(*this)) % colours;
  return {guard + stack_pool::guard_size, guard + in.stride - colour * cache_line};
}

void stack_slot::poison([[maybe_unused]] std::size_t kept) noexcept {
#if SLUICE_ASAN
  ASAN_POISON_MEMORY_REGION(bottom(), size() - kept);
#endif
}

void stack_slot::unpoison() noexcept {
#if SLUICE_ASAN
  ASAN_UNPOISON_MEMORY_REGION(bottom(), size());
#endif
}

void stack_slot::clear_seen_owner() noexcept {
  backoff wait;
  std::uintptr_t seen = reinterpret_cast<std::uintptr_t>(owner());
  // order: acq_rel, as in clear_owner
  // mutation: acquire, as there
  while (
      !owner_.compare_exchange_strong(seen, free_bit, memory_order_acq_rel, memory_order_relaxed)) {
    seen &= ~pinned_bit;  // somebody looks; try again with the pin gone
    wait.pause();
  }
}

void* stack_slot::pin() noexcept {
  backoff wait;
  for (;;) {
    // order: seq_cst, the newest: whoever stops fibers has raised `attention` before, in the one
    // order with P1 and P5. A load might miss the owner whose fiber has parked and not seen that
    // mutation: acq_rel, the newest value is read whatever the order
    std::uintptr_t seen = owner_.fetch_or(0, memory_order_seq_cst) & ~pinned_bit;
    if ((seen & free_bit) != 0) return nullptr;
    // order: acquire, pairs with set_owner
    if (owner_.compare_exchange_strong(seen, seen | pinned_bit, memory_order_acquire,
                                       memory_order_relaxed)) {
      return reinterpret_cast<void*>(seen);
    }
    wait.pause();
  }
}

stack_slot* stack_slab::find(const void* address) const noexcept {
  const auto* at = static_cast<const std::byte*>(address);
  if (at < base || at >= base + stride * count) return nullptr;
  const std::size_t place = static_cast<std::size_t>(at - base) / stride;
  return place < used() ? &slot(place) : nullptr;
}

std::uint8_t stack_pool::class_for(std::size_t size) {
  constexpr std::size_t largest = smallest << (classes - 1);
  if (size > largest) {
    throw std::length_error("sluice: stack_size: go or runtime asked for a stack of " +
                            std::to_string(size) + " bytes; take " + std::to_string(largest) +
                            " at most, or 0 for the usual size");
  }
  const std::size_t rounded = std::bit_ceil(std::max(size, smallest));
  return static_cast<std::uint8_t>(std::countr_zero(rounded) - std::countr_zero(smallest));
}

stack_pool& stack_pool::of_class(std::uint8_t which) noexcept {
  // Never destroyed: fibers of the default runtime may outlive static objects.
  static stack_pool* const pools = [] {
    alignas(stack_pool) static std::byte room[classes * sizeof(stack_pool)];
    auto* first = reinterpret_cast<stack_pool*>(room);
    for (std::size_t i = 0; i < classes; ++i) {
      auto* pool = ::new (static_cast<void*>(first + i)) stack_pool;
      pool->stack_size_ = smallest << i;
    }
    return first;
  }();
  return pools[which];
}

stack_counts stack_pool::counts() noexcept {
  // order: relaxed, counts for people
  return {carved_stacks.load(memory_order_relaxed),
          // order: relaxed, as above
          unguarded_stacks.load(memory_order_relaxed)};
}

stack_slab* stack_pool::all_slabs() noexcept {
  // order: seq_cst, after the raise in the one order with the one in add and P5; the slab is
  // whole
  return newest_of_all.load(memory_order_seq_cst);
}

// ---- promises: address space -------------------------------------------------------------------

bool stack_pool::try_promise(std::size_t n) noexcept {
  const std::lock_guard guard(lock_);
  if (n > mapped_ - promised_) return false;
  promised_ += n;
  return true;
}

void stack_pool::promise(std::size_t n) {
  if (try_promise(n)) return;
  const std::lock_guard guard(growing_);
  while (!try_promise(n)) {
    const std::size_t stride = stride_of(stack_size_);
    const std::size_t least = std::clamp<std::size_t>(first_bytes / stride, 1, first_places);
    const std::size_t places = std::clamp(newest_ != nullptr ? 2 * newest_->count : 0, least,
                                          std::max(least, most_places * least / first_places));
    std::unique_ptr<stack_slab> fresh = map_slab(std::max(places, n));
    if (!fresh) fresh = map_slab(n);  // a little may still be had
    if (!fresh) {
      throw_no_memory(
          "sluice: go: no memory for another stack; let fibers end first, or ask for a smaller "
          "stack_size");
    }
    add(std::move(fresh));
  }
}

void stack_pool::release(std::size_t n) noexcept {
  const std::lock_guard guard(lock_);
  promised_ -= n;
}

/// Null if there is no address space for it. Throws std::bad_alloc.
std::unique_ptr<stack_slab> stack_pool::map_slab(std::size_t places) const {
  auto fresh = std::make_unique<stack_slab>();
  const std::size_t pages = (places + stack_slots::count - 1) / stack_slots::count;
  fresh->slots.reset(static_cast<stack_slots*>(
      ::operator new (pages* stack_slots::bytes, std::align_val_t{stack_slots::bytes})));
  fresh->stride = stride_of(stack_size_);
  fresh->stack_size = stack_size_;
  fresh->count = places;
  const std::size_t bytes = fresh->stride * places;
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  ::madvise(at, bytes, MADV_NOHUGEPAGE);  // a stack that touches a page shall take one page
  fresh->base = static_cast<std::byte*>(at);
  return fresh;
}

void stack_pool::add(std::unique_ptr<stack_slab> fresh) noexcept {
  stack_slab* slab = fresh.release();  // lives for ever
  // order: relaxed, a guess that the compare-and-swap verifies; it hands on what the one before it
  // released
  slab->older_of_all = newest_of_all.load(memory_order_relaxed);
  // order: seq_cst, before P5 of whoever runs there in the one order with the raise and all_slabs.
  // Relaxed on failure, as above
  while (!newest_of_all.compare_exchange_weak(slab->older_of_all, slab, memory_order_seq_cst,
                                              memory_order_relaxed)) {
  }
  const std::lock_guard guard(lock_);
  if (newest_ != nullptr) newest_->newer = slab;
  newest_ = slab;
  if (carving_ == nullptr) carving_ = slab;
  mapped_ += slab->count;
}

// ---- stacks ------------------------------------------------------------------------------------

stack_slot& stack_pool::make_slot() noexcept {
  stack_slab& in = *carving_;
  // order: relaxed, under the lock
  const std::size_t place = in.carved.load(memory_order_relaxed);
  if (place % stack_slots::count == 0) in.slots[place / stack_slots::count].slab = &in;
  auto* slot = ::new (static_cast<void*>(&in.slot(place))) stack_slot;
  // order: seq_cst, the place is whole; before P5 in the one order with the raise and used()
  in.carved.store(place + 1, memory_order_seq_cst);
  if (place + 1 == in.count) carving_ = in.newer;
  return *slot;
}

stack_slot* stack_pool::take_free() noexcept {
  if (stack_slot* slot = warm_) {
    warm_ = slot->next();
    --warm_count_;
    return slot;
  }
  if (stack_slot* slot = cold_) {
    cold_ = slot->next();
    return slot;
  }
  return nullptr;
}

stack_slot& stack_pool::take() noexcept {
  stack_slot* slot = nullptr;
  {
    const std::lock_guard guard(lock_);
    slot = take_free();
    if (slot != nullptr) return *slot;
    slot = &make_slot();
  }
  carve(*slot);
  return *slot;
}

void stack_pool::carve(stack_slot& slot) noexcept {
  // order: relaxed, a count for people
  carved_stacks.fetch_add(1, memory_order_relaxed);
  if (install_guard(slot.bottom() - guard_size, guard_size) == guard_kind::none) {
    // order: relaxed, a count for people
    unguarded_stacks.fetch_add(1, memory_order_relaxed);
    warn_of_missing_guard();
  }
#if SLUICE_ASAN
  __lsan_register_root_region(slot.bottom(), slot.size());
#endif
#if SLUICE_VALGRIND
  // For good, since a place is a stack for ever. Without it a switch between neighbouring stacks is
  // to memcheck a push or a pop of all that lies between.
  VALGRIND_STACK_REGISTER(slot.bottom(), slot.top());
#endif
}

void stack_pool::give(stack_slot& slot) noexcept { give_chain(slot, slot, 1); }

void stack_pool::give_chain(stack_slot& first, stack_slot& last, std::size_t n) noexcept {
  const std::lock_guard guard(lock_);
  last.set_next(warm_);
  warm_ = &first;
  warm_count_ += n;
}

std::size_t stack_pool::trim_some(std::size_t most) noexcept {
  std::size_t done = 0;
  for (; done < most; ++done) {
    stack_slot* slot = nullptr;
    {
      const std::lock_guard guard(lock_);
      // I1: as long as it is in our hands it cannot be taken, so it needs a promise.
      if (warm_count_ <= kept_warm || promised_ == mapped_) break;
      ++promised_;
      slot = warm_;
      warm_ = slot->next();
      --warm_count_;
    }
    ::madvise(slot->bottom(), slot->size(), MADV_DONTNEED);
    slot->set_fresh();
    const std::lock_guard guard(lock_);
    slot->set_next(cold_);
    cold_ = slot;
    --promised_;
  }
  return done;
}

bool stack_pool::trim(std::size_t most) noexcept {
  if (!memory_may_be_dropped) return true;
  std::size_t done = 0;
  for (std::size_t i = 0; i < classes; ++i) {
    done += of_class(static_cast<std::uint8_t>(i)).trim_some(most - done);
  }
  return done < most;
}

}  // namespace sluice::detail
