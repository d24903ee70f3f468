// What the machine itself costs: the floors beside which the workloads are read.
//
// Each is a benchmark function; a program registers those that bound its workloads.
#pragma once

#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "fiber/context.hpp"
#include "sluice/detail/ring/ring.hpp"
#include "support/futex_wake.hpp"
#include "support/measure.hpp"

namespace bench {

/// One put and one get on a ring, by one thread: no channel is faster than its ring.
inline void raw_ring(benchmark::State& state) {
  using sluice::detail::claim;
  sluice::detail::ring<std::int64_t> ring(128);
  std::int64_t sent = 0;
  std::int64_t sum = 0;
  for ([[maybe_unused]] auto step : state) {
    std::uint64_t at = 0;
    if (ring.claim_put(at) != claim::ok) break;
    std::int64_t item = ++sent;
    ring.publish(at, std::move(item));
    if (ring.claim_get(at) != claim::ok) break;
    sum += *ring.take(at);
    ring.release(at);
  }
  if (sum != sum_to(sent) || sent != static_cast<std::int64_t>(state.iterations())) {
    state.SkipWithError("an item was lost or doubled");
  }
}

/// One uncontended fetch_add: what a message pays twice at least, once on each side.
inline void raw_fetch_add(benchmark::State& state) {
  std::atomic<std::uint64_t> word{0};
  for ([[maybe_unused]] auto step : state) {
    // order: seq_cst, the strongest is what a claim takes; on x86 all cost the same
    benchmark::DoNotOptimize(word.fetch_add(1, std::memory_order_seq_cst));
  }
}

/// One uncontended compare-and-swap.
inline void raw_compare_exchange(benchmark::State& state) {
  std::atomic<std::uint64_t> word{0};
  std::uint64_t expected = 0;
  for ([[maybe_unused]] auto step : state) {
    // order: seq_cst, as above
    benchmark::DoNotOptimize(word.compare_exchange_strong(
        expected, expected + 1, std::memory_order_seq_cst, std::memory_order_relaxed));
    ++expected;
  }
}

/// Two flows of control on one thread.
struct context_pair {
  sluice::detail::context thread;
  sluice::detail::context other;
  sluice::detail::thread_anchor here = sluice::detail::thread_anchor::of_this_thread();
};

/// The other flow: switches back at once, until it is handed a null pointer.
inline void switch_back(sluice::detail::context& self, void* message) {
  auto* pair = static_cast<context_pair*>(message);
  context_pair& both = *pair;
  while (pair != nullptr) {
    pair = static_cast<context_pair*>(
        sluice::detail::switch_context(both.here, self, both.thread, nullptr));
  }
  sluice::detail::leave_context(both.here, self, both.thread, nullptr);
}

/// One switch from a flow of control to another.
inline void raw_context_switch(benchmark::State& state) {
  constexpr std::size_t bytes = 64 * 1024;
  const std::unique_ptr<std::byte[]> memory(new std::byte[bytes]);
  context_pair both;
  sluice::detail::adopt_thread(both.thread);
  sluice::detail::make_context(both.other, memory.get(), memory.get() + bytes, switch_back);
  while (state.KeepRunningBatch(2)) {
    sluice::detail::switch_context(both.here, both.thread, both.other, &both);
  }
  sluice::detail::switch_context(both.here, both.thread, both.other, nullptr);
  sluice::detail::destroy_context(both.other);
}

/// One OS thread, started and joined.
inline void raw_thread(benchmark::State& state) {
  for ([[maybe_unused]] auto step : state) std::thread([] {}).join();
}

/// The first touch of a page of new memory: what each parked fiber's stack pays.
inline void raw_first_touch(benchmark::State& state) {
  constexpr std::size_t page = 4096;
  constexpr std::size_t pages = 10'000;
  while (state.KeepRunningBatch(pages)) {
    void* memory = mmap(nullptr, page * pages, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      state.SkipWithError("no memory");
      return;
    }
    madvise(memory, page * pages, MADV_NOHUGEPAGE);
    const auto start = clock::now();
    for (std::size_t i = 0; i < pages; ++i) static_cast<volatile char*>(memory)[i * page] = 1;
    state.SetIterationTime(seconds_since(start));
    munmap(memory, page * pages);
  }
}

/// Wakes of a sleeping thread through a futex: median and 99th percentile as counters.
inline void raw_futex_wake(benchmark::State& state) {
  for ([[maybe_unused]] auto step : state) {
    std::vector<double> latencies = futex_wake_latencies(wake_rounds * wakes_a_round);
    const double median = percentile(latencies, 0.50);
    state.SetIterationTime(median / 1e6);
    state.counters["p50_us"] = median;
    state.counters["p99_us"] = percentile(latencies, 0.99);
  }
}

}  // namespace bench
