// The short lock: a test-and-set spin lock of one byte for the slow paths.
//
// It guards a few dozen instructions: no user code, no allocation, no switch of fibers and no
// system call happens under it. Any strand may take it; a strand never holds two of one kind.
#pragma once

#include <cassert>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/backoff.hpp"

namespace sluice::detail {

class short_lock {
 public:
  void lock() noexcept {
    // order: acquire, pairs with the release in unlock()
    while (held_.exchange(true, memory_order_acquire)) [[unlikely]] wait_until_it_seems_free();
  }

  bool try_lock() noexcept {
    // order: acquire, pairs with the release in unlock()
    // mutation: never, only slower: whoever tries goes the way of one who finds it held;
    // tests/progress_test.cpp counts who does
    return !held_.exchange(true, memory_order_acquire);
  }

  void unlock() noexcept {
    assert(!is_free());
    // order: release, what was done under the lock is seen by the next holder
    held_.store(false, memory_order_release);
  }

  /// Does nobody hold it? Then what the last holder did is seen.
  [[nodiscard]] bool is_free() const noexcept {
    // order: acquire, pairs with the release in unlock()
    // mutation: never, only slower: whoever asks takes it and looks; tests/progress_test.cpp asks
    return !held_.load(memory_order_acquire);
  }

 private:
  [[gnu::noinline, gnu::cold]] void wait_until_it_seems_free() const noexcept {
    backoff wait;
    // order: relaxed, only a hint that the exchange may succeed now
    while (held_.load(memory_order_relaxed)) wait.pause();
  }

  atomic<bool> held_{false};
};

/// That of an object which strands share. Who finds it held has lost a race for the object's lines,
/// as on a ring (progress.hpp); by that, too, the scheduler judges how many workers run them.
class object_lock : public short_lock {
 public:
  void lock() noexcept {
    if (!try_lock()) [[unlikely]]
      lock_when_free();
  }

 private:
  SLUICE_API void lock_when_free() noexcept;
};

}  // namespace sluice::detail
