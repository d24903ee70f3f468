// Takes the running fiber to another thread, by force: what a fiber must find unchanged after a
// wait, or must not find stale, only shows when it has moved.
//
// The fiber starts a hog, which spins on whatever worker runs it, and waits. If the hog runs on
// the worker that the fiber has left, the fiber can only go on elsewhere, and has moved.
// Otherwise it tries again. One hog spins at a time, so two workers are enough.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>

#include "sluice/sluice.hpp"
#include "watch.hpp"

namespace test {

/// The kernel's number of this thread. A system call: nothing of it can be cached or stale.
[[gnu::noinline]] inline long kernel_thread() { return ::syscall(SYS_gettid); }

/// What a fiber waits in while it is taken to another thread.
enum class way { yield, get, put, sleep };
inline constexpr way all_ways[] = {way::yield, way::get, way::put, way::sleep};

/// Shared by the fibers of one runtime of at least two workers.
class ferry {
 public:
  /// Waits at least once, in `how`, and returns on another thread than it was called on.
  void cross(way how) {
    const long start = kernel_thread();
    int tries = 0;
    do {
      test::progress();
      turn_.put(0);
      do {
        if (++tries > limit) throw std::runtime_error("a fiber was never resumed elsewhere");
        wait_beside_a_hog(how);
      } while (kernel_thread() == start);
      turn_.get();  // does not wait, but a time slice may end here
    } while (kernel_thread() == start);
  }

 private:
  static constexpr int limit = 10'000;

  struct crossing {
    std::atomic<bool> spinning{false};
    std::atomic<bool> leave{false};
    sluice::channel<int> to_fiber{1};
    sluice::channel<int> from_fiber{sluice::rendezvous};
  };

  static void wait_beside_a_hog(way how) {
    const auto shared = std::make_shared<crossing>();
    sluice::go([shared, how] {
      if (how == way::get) shared->to_fiber.put(1);
      if (how == way::put) shared->from_fiber.get();
      // order: seq_cst throughout, nothing here is about speed
      shared->spinning = true;
      while (!shared->leave) std::this_thread::yield();  // gives away its core, not its worker
    });
    switch (how) {
      case way::yield:
        do {
          sluice::this_fiber::yield();
        } while (!shared->spinning);
        break;
      case way::get:
        shared->to_fiber.get();
        break;
      case way::put:
        shared->from_fiber.put(1);
        break;
      case way::sleep:
        do {
          sluice::this_fiber::sleep_for(std::chrono::microseconds(200));
        } while (!shared->spinning);
        break;
    }
    // No join: it could bring the fiber back. The hog goes by itself.
    shared->leave = true;
  }

  /// Full while a hog spins.
  const sluice::channel<int> turn_{1};
};

}  // namespace test
