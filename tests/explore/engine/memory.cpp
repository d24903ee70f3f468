// Plain memory: where the strands' stacks and the heap are, and who touched what when.
//
// The code under test is compiled with -fsanitize=thread, but linked to the functions below instead
// of ThreadSanitizer's: each plain access is checked against what the accessing strand has seen of
// others by its acquire loads. So a race is found from the declared orders, whatever this machine
// makes of them.
//
// Each 8 bytes of the region have a shadow: for each strand its last write and its last read, and
// which of the bytes that touched. A plain access conflicts with a write of another strand that the
// accessing one has not seen, a write also with such a read. An atomic operation counts as a read
// here, the begin and the end of an atomic and the end of a heap block as writes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "engine/driver.hpp"
#include "engine/hooks.hpp"
#include "engine/state.hpp"

namespace sluice::explore {
namespace {

alignas(4096) char region_memory[region_bytes];

struct alignas(64) shadow {
  clocks write_at;
  clocks read_at;
  std::uint8_t written[most_strands];
  std::uint8_t read[most_strands];
  std::uint32_t generation;
  bool freed;
};
static_assert(sizeof(shadow) == 64);

shadow shadows[region_bytes / 8];

shadow& shadow_of(std::size_t offset) noexcept {
  shadow& one = shadows[offset / 8];
  if (one.generation != s.generation) {
    std::memset(static_cast<void*>(&one), 0, sizeof(one));
    one.generation = s.generation;
  }
  return one;
}

bool conflicts(clocks at, const std::uint8_t* bytes, unsigned mask, clocks seen) noexcept {
  if (!any_unseen(at, seen)) return false;
  for (unsigned i = 0; i < most_strands; ++i) {
    if (at[i] > seen[i] && (bytes[i] & mask) != 0) return true;
  }
  return false;
}

void check_lives(const shadow& one, const void* at) noexcept {
  if (one.freed) fail(failure::freed, "an access to memory that was given back", at);
  const std::size_t offset = offset_of(at);
  if (offset >= stacks_bytes) return;
  const auto owner = static_cast<unsigned>(offset / stack_bytes);
  if (owner != s.current && static_cast<const char*>(at) < s.strands[owner].frame) {
    fail(failure::dead_frame, "an access to a frame that has returned", at);
  }
}

void touch(const void* at, unsigned mask, bool writes) noexcept {
  shadow& one = shadow_of(offset_of(at));
  const clocks seen = me().seen;
  const unsigned self = s.current;
  check_lives(one, at);
  if (conflicts(one.write_at, one.written, mask, seen)) {
    fail(failure::data_race,
         writes ? "a write meets a write that nothing orders before it"
                : "a read meets a write that nothing orders before it",
         at);
  }
  if (writes && conflicts(one.read_at, one.read, mask, seen)) {
    fail(failure::data_race, "a write meets a read that nothing orders before it", at);
  }
  clocks& last = writes ? one.write_at : one.read_at;
  std::uint8_t& bytes = (writes ? one.written : one.read)[self];
  bytes = static_cast<std::uint8_t>(last[self] == seen[self] ? bytes | mask : mask);
  last[self] = seen[self];
}

/// Of the 8 bytes that begin at `offset` rounded down: those from it on, `size` at most.
unsigned mask_of(std::size_t offset, std::size_t size) noexcept {
  const unsigned bytes = size >= 8 ? 0xff : (1U << size) - 1;
  return (bytes << (offset % 8)) & 0xff;
}

}  // namespace

char* const region = region_memory;

void plain_access(const void* at, std::size_t size, bool writes, const void* pc) noexcept {
  if (!s.running || offset_of(at) >= region_bytes) return;
  if (s.tracing) {
    note_event({.what = writes ? "writes" : "reads", .at = at, .pc = pc});
  }
  const char* next = static_cast<const char*>(at);
  const char* const end = next + size;
  while (next < end) {
    const std::size_t offset = offset_of(next);
    touch(next, mask_of(offset, static_cast<std::size_t>(end - next)), writes);
    next += 8 - offset % 8;
  }
}

void prepare_mapped(void* at, std::size_t size) noexcept {
  const bool of_first = s.mappings == 2 && offset_of(at) < second_mapping;
  const std::size_t end = of_first ? second_mapping : region_bytes;
  if (offset_of(at) + size > end) fail(failure::engine, "too many stacks of fibers");
  std::memset(at, 0, size);
}

void atomic_access(const void* at, unsigned size) noexcept {
  if (offset_of(at) >= region_bytes) return;
  touch(at, mask_of(offset_of(at), size), false);
}

namespace {

// ---- the heap: blocks one behind the other, none used again in the same schedule ---------------

/// Stands before its memory.
struct block {
  block* older;
  std::uint32_t size;
  bool given_back;
  bool stays;  ///< for good, as do the static objects that know it

  [[nodiscard]] char* begin() noexcept { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] bool holds(std::uint64_t address) noexcept {
    return address - reinterpret_cast<std::uint64_t>(begin()) < size;
  }
  /// Does a word of it point into that one?
  [[nodiscard]] bool knows(block& other) noexcept {
    for (std::uint32_t i = 0; i + 8 <= size; i += 8) {
      std::uint64_t word;
      std::memcpy(&word, begin() + i, 8);
      if (other.holds(word)) return true;
    }
    return false;
  }
};
static_assert(sizeof(block) == 16);

block* newest_block = nullptr;
unsigned blocks_in_use = 0;

void* allocate(std::size_t size, std::size_t alignment) noexcept {
  if (alignment < 16) alignment = 16;
  std::size_t at = s.heap_used + 16;
  at = (at + alignment - 1) & ~(alignment - 1);
  if (at + size > heap_bytes) fail(failure::engine, "the heap of a schedule is used up");
  s.heap_used = at + ((size + 15) & ~std::size_t{15});
  char* const found = region + stacks_bytes + at;
  newest_block = ::new (static_cast<void*>(found - sizeof(block)))
      block{newest_block, static_cast<std::uint32_t>(size), false, me().makes_static != 0};
  ++blocks_in_use;
  std::memset(found, 0xa5, size);
  return found;
}

void release(void* at) noexcept {
  if (!s.running) return;
  block& one = *(static_cast<block*>(at) - 1);
  const std::size_t size = one.size;
  plain_access(at, size, true, __builtin_return_address(0));
  forget_locations(at, size);
  for (std::size_t i = 0; i < size; i += 8) shadow_of(offset_of(at) + i).freed = true;
  one.given_back = true;
  --blocks_in_use;
}

}  // namespace

void begin_memory() noexcept {
  newest_block = nullptr;
  blocks_in_use = 0;
}

const void* lost_block() noexcept {
  if (blocks_in_use == 0) return nullptr;
  std::vector<block*> unknown;
  std::vector<block*> known;  // some not looked into yet
  for (block* one = newest_block; one != nullptr; one = one->older) {
    if (one->given_back) continue;
    const bool stays = one->stays || static_atomic_holds(one->begin(), one->size);
    (stays ? known : unknown).push_back(one);
  }
  while (!unknown.empty() && !known.empty()) {
    block& from = *known.back();
    known.pop_back();
    const auto first = std::partition(unknown.begin(), unknown.end(),
                                      [&](block* other) { return !from.knows(*other); });
    known.insert(known.end(), first, unknown.end());
    unknown.erase(first, unknown.end());
  }
  return unknown.empty() ? nullptr : unknown.back()->begin();
}

// ---- what the compiler calls for the code under test --------------------------------------------

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
// A fiber is to the engine a piece of the strand that runs it.
void* __tsan_get_current_fiber() { return nullptr; }
void* __tsan_create_fiber(unsigned) { return nullptr; }
void __tsan_destroy_fiber(void*) {}
void __tsan_switch_to_fiber(void*, unsigned) {}

#define SLUICE_EXPLORE_ACCESS(size)                                                                \
  void __tsan_read##size(void* at) { plain_access(at, size, false, __builtin_return_address(0)); } \
  void __tsan_write##size(void* at) { plain_access(at, size, true, __builtin_return_address(0)); } \
  void __tsan_unaligned_read##size(void* at) {                                                     \
    plain_access(at, size, false, __builtin_return_address(0));                                    \
  }                                                                                                \
  void __tsan_unaligned_write##size(void* at) {                                                    \
    plain_access(at, size, true, __builtin_return_address(0));                                     \
  }
SLUICE_EXPLORE_ACCESS(1)
SLUICE_EXPLORE_ACCESS(2)
SLUICE_EXPLORE_ACCESS(4)
SLUICE_EXPLORE_ACCESS(8)
SLUICE_EXPLORE_ACCESS(16)
#undef SLUICE_EXPLORE_ACCESS

void __tsan_read_range(void* at, std::size_t size) {
  plain_access(at, size, false, __builtin_return_address(0));
}
void __tsan_write_range(void* at, std::size_t size) {
  plain_access(at, size, true, __builtin_return_address(0));
}
/// An object of another class from here on: only if that is a change.
void __tsan_vptr_update(void** at, void* table) {
  if (*at != table) plain_access(at, sizeof(void*), true, __builtin_return_address(0));
}
void __tsan_vptr_read(void** at) {
  plain_access(at, sizeof(void*), false, __builtin_return_address(0));
}

void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void __real_free(void* at);

void* __wrap_malloc(std::size_t size) {
  return in_schedule() ? allocate(size, 16) : __real_malloc(size);
}
void* __wrap_calloc(std::size_t count, std::size_t size) {
  if (!in_schedule()) return __real_calloc(count, size);
  void* const found = allocate(count * size, 16);
  std::memset(found, 0, count * size);
  return found;
}
void __wrap_free(void* at) {
  if (at == nullptr) return;
  offset_of(at) < region_bytes ? release(at) : __real_free(at);
}

}  // extern "C"

}  // namespace sluice::explore

// ---- what the C++ library calls ------------------------------------------------------------------

void* operator new(std::size_t size) {
  if (sluice::explore::in_schedule()) return sluice::explore::allocate(size, 16);
  void* const found = std::malloc(size != 0 ? size : 1);
  if (found == nullptr) throw std::bad_alloc();
  return found;
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto to = static_cast<std::size_t>(alignment);
  if (sluice::explore::in_schedule()) return sluice::explore::allocate(size, to);
  void* const found = std::aligned_alloc(to, (size + to - 1) & ~(to - 1));
  if (found == nullptr) throw std::bad_alloc();
  return found;
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete(void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }
