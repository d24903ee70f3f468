// What it costs at least that a crowd's waits end: bare flows of control on stacks of their own, as
// far apart as those of fibers, of which none is in a cache when its turn comes.
//
// No channel, no queue, no scheduler: each flow switches straight to the next one, and the lines of
// those that come soon are fetched as far ahead as helps the most.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <numeric>
#include <random>
#include <vector>

#include "fiber/context.hpp"
#include "support/measure.hpp"

namespace bench {

class cold_crowd;

/// A flow: what it runs lies below it on its stack.
struct cold_flow : sluice::detail::context {
  cold_crowd* all = nullptr;
  std::atomic<bool> ended{false};
  cold_flow* next = nullptr;  ///< the order in which they came, as in a list of waits
};

/// Do flows come in the order of their stacks, as a process's first crowd, or in any, as later ones?
enum class came : std::uint8_t { in_order, anyhow };

/// `n` flows that wait for their turn, in which each does `what`.
class cold_crowd {
 public:
  using act = bool (*)();

  cold_crowd(std::size_t n, came how, act what) : n_(n), what_(what), order_(n) {
    std::iota(order_.begin(), order_.end(), 0U);
    if (how == came::anyhow) std::shuffle(order_.begin(), order_.end(), std::minstd_rand(1));
    void* at = mmap(nullptr, n * stride, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return;
    memory_ = static_cast<std::byte*>(at);
    madvise(memory_, n * stride, MADV_NOHUGEPAGE);
    sluice::detail::adopt_thread(thread_);
    cold_flow** last = &first_;
    for (const std::uint32_t i : order_) {
      *last = ::new (place(i)) cold_flow;
      sluice::detail::make_context(**last, place(i) - stack_size, place(i), live);
      (*last)->all = this;
      sluice::detail::switch_context(here_, thread_, **last);
      last = &(*last)->next;
    }
  }
  cold_crowd(const cold_crowd&) = delete;
  cold_crowd& operator=(const cold_crowd&) = delete;
  ~cold_crowd() {
    if (memory_ == nullptr) return;
    for (cold_flow* one = first_; one != nullptr; one = one->next) {
      sluice::detail::destroy_context(*one);
    }
    munmap(memory_, n_ * stride);
  }

  /// What comes before the turns: claims each wait. Where it lies is known from the one before.
  void end_all() {
    for (cold_flow* one = first_; one != nullptr; one = one->next) {
      bool waits = false;
      // order: acq_rel, as whoever ends a wait; on x86 all cost the same
      one->ended.compare_exchange_strong(waits, true, std::memory_order_acq_rel);
    }
  }

  /// All have their turn, one after the other. How many did what they should?
  std::size_t run_all() {
    if (memory_ == nullptr) return 0;
    sluice::detail::switch_context(here_, thread_, turn());
    return right_;
  }

 private:
  static constexpr std::size_t line = 64;
  static constexpr std::size_t stack_size = 128 * 1024;
  /// Those of the library: guard, stack, and room for tops at 26 places of the page.
  static constexpr std::size_t stride = 64 * 1024 + stack_size + 4096;
  static constexpr std::size_t colours = 26;
  static constexpr std::size_t ahead = 8;
  /// The block, and the frames below it of a flow that has been left.
  static constexpr std::size_t fetched = 4 * line;

  [[nodiscard]] std::byte* place(std::size_t i) const noexcept {
    return memory_ + (i + 1) * stride - i % colours * line - 2 * line;
  }
  static_assert(sizeof(cold_flow) <= 2 * line || SLUICE_ASAN || SLUICE_TSAN);

  /// The next flow, or the thread.
  sluice::detail::context& turn() noexcept {
    const std::size_t i = turn_++;
    if (i + ahead < n_) {
      const std::byte* soon = place(order_[i + ahead]) + line;
      for (std::size_t down = 0; down < fetched; down += line) __builtin_prefetch(soon - down, 1);
    }
    if (i >= n_) return thread_;
    return *std::launder(reinterpret_cast<cold_flow*>(place(order_[i])));
  }

  static void live(sluice::detail::context& self, sluice::detail::context&) {
    cold_crowd& all = *static_cast<cold_flow&>(self).all;
    sluice::detail::switch_context(all.here_, self, all.thread_);
    if (all.what_()) ++all.right_;
    sluice::detail::leave_context(all.here_, self, all.turn());
  }

  const std::size_t n_;
  const act what_;
  std::vector<std::uint32_t> order_;
  std::byte* memory_ = nullptr;
  cold_flow* first_ = nullptr;
  std::size_t turn_ = 0;
  std::size_t right_ = 0;
  sluice::detail::context thread_;
  const sluice::detail::thread_anchor here_ = sluice::detail::thread_anchor::of_this_thread();
};

/// One switch to a flow of the crowd that does nothing.
template <came How>
measured floor_cold_switch(std::size_t flows) {
  cold_crowd crowd(flows, How, [] { return true; });
  const auto start = clock::now();
  const std::size_t right = crowd.run_all();
  return per_operation(start, flows, right == flows);
}

/// Writes to so many lines of the stack below.
template <std::size_t Lines>
[[gnu::noinline]] bool touch_stack() {
  volatile char room[Lines * 64];
  for (std::size_t i = 0; i < Lines; ++i) room[i * 64] = 1;
  return room[0] == 1;
}

/// A wait's end: it is claimed with all the others, then has its turn, in which it needs eleven
/// lines, those that its flow has left included.
template <came How>
measured floor_cold_end(std::size_t flows) {
  cold_crowd crowd(flows, How, touch_stack<7>);
  const auto start = clock::now();
  crowd.end_all();
  const std::size_t right = crowd.run_all();
  return per_operation(start, flows, right == flows);
}

struct thrown {};

template <int Frames>
[[gnu::noinline]] void throw_through() {
  if constexpr (Frames == 0) {
    throw thrown();
  } else {
    throw_through<Frames - 1>();
    asm volatile("");  // a call in the last place would leave no frame
  }
}

/// A throw that leaves so many functions before it is caught.
template <int Frames>
[[gnu::noinline]] bool throw_and_catch() {
  try {
    if constexpr (Frames == 0) {
      throw thrown();
    } else {
      throw_through<Frames - 1>();
    }
  } catch (const thrown&) {
    return true;
  }
  return false;
}

/// In the cache.
template <int Frames>
measured floor_throw(std::size_t operations) {
  std::size_t caught = 0;
  const auto start = clock::now();
  for (std::size_t i = 0; i < operations; ++i) caught += throw_and_catch<Frames>() ? 1 : 0;
  return per_operation(start, operations, caught == operations);
}

/// As floor_cold_end, but in its turn each throws and catches.
template <came How, int Frames>
measured floor_cold_throw(std::size_t flows) {
  cold_crowd crowd(flows, How, throw_and_catch<Frames>);
  const auto start = clock::now();
  crowd.end_all();
  const std::size_t right = crowd.run_all();
  return per_operation(start, flows, right == flows);
}

/// One reading of the clock.
inline measured floor_clock(std::size_t operations) {
  const auto start = clock::now();
  auto last = start;
  bool forward = true;
  for (std::size_t i = 0; i < operations; ++i) {
    const auto now = clock::now();
    forward = forward && now >= last;
    last = now;
  }
  return per_operation(start, operations, forward);
}

}  // namespace bench
