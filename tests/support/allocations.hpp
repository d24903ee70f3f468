// Counts the memory that the program asks for, and lets chosen requests fail.
//
// It replaces operator new and delete of the whole program: include it in one source only. Under
// clang's ThreadSanitizer, which has operators of its own that cannot be replaced, it does nothing;
// tests that need it are skipped there (`* doctest::skip(!test::counts_memory)`).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLUICE_TEST_OWN_NEW 0
#endif
#endif
#ifndef SLUICE_TEST_OWN_NEW
#define SLUICE_TEST_OWN_NEW 1
#endif

namespace test {

/// Do the counts below count?
inline constexpr bool counts_memory = SLUICE_TEST_OWN_NEW != 0;

/// How often the program asked for memory, and how many of these blocks are still in use.
inline std::atomic<std::int64_t> allocations{0};
inline std::atomic<std::int64_t> blocks{0};

/// While it lives, requests of this thread succeed so many times and then throw std::bad_alloc.
class memory_ends_after {
 public:
  explicit memory_ends_after(std::int64_t requests) { left_ = requests; }
  memory_ends_after(const memory_ends_after&) = delete;
  memory_ends_after& operator=(const memory_ends_after&) = delete;
  ~memory_ends_after() { left_ = endless; }

  /// Asked by operator new.
  static bool spend() noexcept { return left_ == endless || --left_ >= 0; }

 private:
  static constexpr std::int64_t endless = -1'000'000'000;
  inline static thread_local std::int64_t left_ = endless;
};

/// Asked for each request, on whatever thread: does it fail? faults.hpp sets it.
inline std::atomic<bool (*)() noexcept> refuses_memory{nullptr};

inline void* allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* block = nullptr;
  const auto refuses = refuses_memory.load();
  if (memory_ends_after::spend() && (refuses == nullptr || !refuses())) {
    const std::size_t whole = (size + alignment - 1) / alignment * alignment;
    block = std::aligned_alloc(alignment, whole == 0 ? alignment : whole);
  }
  if (block == nullptr) throw std::bad_alloc();
  ++blocks;
  return block;
}

inline void deallocate(void* block) noexcept {
  if (block == nullptr) return;
  --blocks;
  std::free(block);
}

}  // namespace test

#if SLUICE_TEST_OWN_NEW
// NOLINTBEGIN(misc-definitions-in-headers): see the head of the file
void* operator new(std::size_t size) { return test::allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return test::allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* block) noexcept { test::deallocate(block); }
void operator delete(void* block, std::size_t) noexcept { test::deallocate(block); }
void operator delete(void* block, std::align_val_t) noexcept { test::deallocate(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  test::deallocate(block);
}
// NOLINTEND(misc-definitions-in-headers)
#endif
