// The gate before a worker's queues, with the kernel's barrier: an owner that takes plainly while it
// is closed, and thieves that open it.
#include "sched/gate.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "sched/run_queue.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "support/watch.hpp"

namespace {

using sluice::detail::chain;
using sluice::detail::gate;
using sluice::detail::run_queue;
using sluice::detail::runnable;
using sluice::detail::turns_to_close;

struct numbered : runnable {
  numbered() noexcept : runnable(sort::fiber) {}
  std::atomic<int> taken{0};
};

void take(runnable* one) { ++static_cast<numbered*>(one)->taken; }

void take_all(const chain& some) {
  for (runnable* one = some.first; one != nullptr;) {
    runnable* const next = one->link;
    take(one);
    one = next;
  }
}

bool is_closed(gate& one) {
  const bool closed = one.enter();
  if (closed) one.leave();
  return closed;
}

bool can_close() { return sluice::detail::has_process_barrier(); }

}  // namespace

TEST_CASE("a gate is the owner's until a thief comes, and again when none has come for long") {
  gate one(can_close());
  CHECK(is_closed(one) == can_close());
  {
    const gate::guest thief(one);
    CHECK(static_cast<bool>(thief));
    CHECK_FALSE(is_closed(one));
    const gate::guest another(one);
    CHECK(static_cast<bool>(another));
    one.close_if_unused(0);
    one.close_if_unused(turns_to_close);
    CHECK_FALSE(is_closed(one));  // beside guests never
  }
  one.close_if_unused(turns_to_close);  // there were thefts since the last look
  one.close_if_unused(2 * turns_to_close - 1);
  CHECK_FALSE(is_closed(one));
  one.close_if_unused(2 * turns_to_close);
  CHECK(is_closed(one) == can_close());
  // It counts anew: as many thefts as before say nothing.
  { const gate::guest thief(one); }
  { const gate::guest another(one); }
  one.close_if_unused(9 * turns_to_close);
  CHECK_FALSE(is_closed(one));
}

TEST_CASE("a thief does not wait for long for an owner that is inside") {
  gate one(true);
  CHECK(one.enter());
  {
    const gate::guest thief(one);
    CHECK_FALSE(static_cast<bool>(thief));
  }
  one.leave();
  CHECK(is_closed(one));
}

TEST_CASE("where there is no barrier a gate is open for good") {
  gate one(false);
  CHECK_FALSE(is_closed(one));
  { const gate::guest thief(one); }
  for (std::uint64_t turns = 0; turns < 5 * turns_to_close; turns += turns_to_close) {
    one.close_if_unused(turns);
    CHECK_FALSE(is_closed(one));
  }
}

TEST_CASE("between an owner inside its gate and thieves nothing is lost or doubled") {
  const int count = 2'000'000 / test::slowness;
  std::deque<numbered> all(static_cast<std::size_t>(count));
  run_queue queue;
  gate one(can_close());
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> thefts{0};
  std::uint64_t plain = 0;

  std::vector<std::thread> thieves;
  for (int i = 0; i < 2; ++i) {
    thieves.emplace_back([&] {
      while (!over) {
        for (int pause = 0; pause < 200; ++pause) sluice::detail::cpu_pause();
        const gate::guest thief(one);
        if (!thief) continue;
        const chain some = queue.take_half();
        thefts += some.count;
        take_all(some);
      }
    });
  }
  const auto pop = [&]() -> runnable* {
    if (!one.enter()) return queue.pop();
    runnable* const oldest = queue.pop_alone();
    one.leave();
    ++plain;
    return oldest;
  };
  std::uint64_t turns = 0;
  for (auto& each : all) {
    while (!queue.push(each)) {
      if (runnable* oldest = pop()) take(oldest);
    }
    if (runnable* oldest = pop()) take(oldest);
    // As after many turns, so that it is closed again and again.
    one.close_if_unused(turns += turns_to_close);
  }
  while (runnable* oldest = pop()) take(oldest);
  over = true;
  for (auto& thief : thieves) thief.join();

  int wrong = 0;
  for (const auto& each : all) wrong += each.taken == 1 ? 0 : 1;
  CHECK(wrong == 0);
  CHECK(queue.empty());
  MESSAGE(thefts.load() << " stolen, " << plain << " times taken plainly");
}
