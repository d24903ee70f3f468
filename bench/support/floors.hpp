// What the machine itself costs: each floor is an operation that no library can do without, so
// often that its time can be told. raw_limits.hpp makes rows of Google Benchmark of them.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>

#include "fiber/context.hpp"
#include "sluice/detail/ring/ring.hpp"
#include "support/measure.hpp"

namespace bench {

/// One put and one get on a ring, by one thread: no channel is faster than its ring.
inline measured floor_ring(std::size_t operations) {
  using sluice::detail::claim;
  sluice::detail::ring<std::int64_t> ring(128);
  std::int64_t sum = 0;
  const auto start = clock::now();
  for (std::size_t i = 1; i <= operations; ++i) {
    std::uint64_t at = 0;
    if (ring.claim_put(at) != claim::ok) break;
    auto item = static_cast<std::int64_t>(i);
    ring.publish(at, std::move(item));
    if (ring.claim_get(at) != claim::ok) break;
    sum += *ring.take(at);
    ring.release(at);
  }
  return per_operation(start, operations, sum == sum_to(static_cast<std::int64_t>(operations)));
}

/// One uncontended fetch_add: what a message pays twice at least, once on each side.
inline measured floor_fetch_add(std::size_t operations) {
  std::atomic<std::uint64_t> word{0};
  const auto start = clock::now();
  for (std::size_t i = 0; i < operations; ++i) {
    // order: seq_cst, the strongest is what a claim takes; on x86 all cost the same
    word.fetch_add(1, std::memory_order_seq_cst);
  }
  // order: relaxed, this thread alone wrote it
  return per_operation(start, operations, word.load(std::memory_order_relaxed) == operations);
}

/// One uncontended compare-and-swap.
inline measured floor_compare_exchange(std::size_t operations) {
  std::atomic<std::uint64_t> word{0};
  std::uint64_t expected = 0;
  const auto start = clock::now();
  for (std::size_t i = 0; i < operations; ++i) {
    // order: seq_cst, as above
    word.compare_exchange_strong(expected, expected + 1, std::memory_order_seq_cst,
                                 std::memory_order_relaxed);
    ++expected;
  }
  // order: relaxed, as above
  return per_operation(start, operations, word.load(std::memory_order_relaxed) == operations);
}

/// Two flows of control on one thread.
struct context_pair : sluice::detail::context {
  sluice::detail::context thread;
  sluice::detail::thread_anchor here = sluice::detail::thread_anchor::of_this_thread();
  std::size_t arrived = 0;
  bool over = false;
};

/// The other flow: switches back at once, until it is over.
inline void switch_back(sluice::detail::context& self, sluice::detail::context&) {
  context_pair& both = static_cast<context_pair&>(self);
  while (!both.over) {
    ++both.arrived;
    sluice::detail::switch_context(both.here, self, both.thread);
  }
  sluice::detail::leave_context(both.here, self, both.thread);
}

/// One switch from a flow of control to another.
inline measured floor_context_switch(std::size_t operations) {
  constexpr std::size_t bytes = 64 * 1024;
  const std::unique_ptr<std::byte[]> memory(new std::byte[bytes]);
  context_pair both;
  sluice::detail::adopt_thread(both.thread);
  sluice::detail::make_context(both, memory.get(), memory.get() + bytes, switch_back);
  const auto start = clock::now();
  for (std::size_t i = 0; i < operations / 2; ++i) {
    sluice::detail::switch_context(both.here, both.thread, both);
  }
  const measured result = per_operation(start, operations / 2 * 2, both.arrived == operations / 2);
  both.over = true;
  sluice::detail::switch_context(both.here, both.thread, both);
  sluice::detail::destroy_context(both);
  return result;
}

/// One OS thread, started and joined.
inline measured floor_thread(std::size_t operations) {
  std::size_t run = 0;
  const auto start = clock::now();
  for (std::size_t i = 0; i < operations; ++i) std::thread([&run] { ++run; }).join();
  return per_operation(start, operations, run == operations);
}

/// The first touch of a page of new memory: what each parked fiber's stack pays.
inline measured floor_first_touch(std::size_t pages) {
  constexpr std::size_t page = 4096;
  void* memory = mmap(nullptr, page * pages, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return {};
  madvise(memory, page * pages, MADV_NOHUGEPAGE);
  const auto start = clock::now();
  for (std::size_t i = 0; i < pages; ++i) static_cast<volatile char*>(memory)[i * page] = 1;
  const measured result = per_operation(start, pages, true);
  munmap(memory, page * pages);
  return result;
}

}  // namespace bench
