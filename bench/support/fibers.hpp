// The workloads of fibers themselves: spawning, yielding, parking by the hundred thousand, idling.
//
// As in messages.hpp, each body stands here once for all programs.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <sluice/sluice.hpp>
#include <thread>
#include <vector>

#include "support/futex_wake.hpp"
#include "support/measure.hpp"
#include "support/messages.hpp"

namespace bench {

/// W1, W1a. Spawns and joins empty fibers in batches; an operation is one fiber.
inline measured spawn_join(std::size_t workers, std::size_t batch, std::size_t fibers) {
  return on_workers(workers, [batch, batches = (fibers + batch - 1) / batch] {
    std::vector<sluice::task<void>> spawned(batch);
    const auto start = clock::now();
    for (std::size_t i = 0; i < batches; ++i) {
      for (auto& each : spawned) each = sluice::go([] {});
      for (auto& each : spawned) each.join();
    }
    return per_operation(start, batch * batches, true);
  });
}

/// W12. n fibers that only yield; an operation is one switch.
inline measured yields(std::size_t workers, std::size_t n, std::size_t switches) {
  return on_workers(workers, [n, each = switches / n] {
    std::vector<sluice::task<void>> running(n);
    const auto start = clock::now();
    for (auto& fiber : running) {
      fiber = sluice::go([each] {
        for (std::size_t i = 0; i < each; ++i) sluice::this_fiber::yield();
      });
    }
    for (auto& fiber : running) fiber.join();
    return per_operation(start, n * each, true);
  });
}

/// W11. n fibers, each parked on a channel of its own: memory of each without the channel, the
/// time until all are parked, the time to wake and join all.
inline measured parked_fibers(std::size_t workers, std::size_t n) {
  return on_workers(workers, [n] {
    std::vector<numbers> channels;
    for (std::size_t i = 0; i < n; ++i) channels.emplace_back(sluice::rendezvous);
    std::vector<sluice::task<number>> running(n);
    std::atomic<std::size_t> waiting{0};
    const double before = resident_bytes();
    auto start = clock::now();
    for (std::size_t i = 0; i < n; ++i) {
      running[i] = sluice::go([&waiting, &ch = channels[i]] {
        // order: relaxed, a counter only
        waiting.fetch_add(1, std::memory_order_relaxed);
        return ch.get();
      });
    }
    // order: relaxed, as above
    while (waiting.load(std::memory_order_relaxed) != n) sluice::this_fiber::yield();
    const double created = seconds_since(start);
    const double grown = resident_bytes() - before;

    start = clock::now();
    for (std::size_t i = 0; i < n; ++i) channels[i] << static_cast<number>(i);
    number sum = 0;
    for (auto& each : running) sum += each.join();
    const double woken = seconds_since(start);
    const auto count = static_cast<double>(n);
    return measured{
        .operations = count,
        .seconds = created + woken,
        .checked = sum == sum_to(static_cast<number>(n) - 1),
        .value = grown / count,
        .more = {{"create_ns", created * 1e9 / count}, {"wake_ns", woken * 1e9 / count}}};
  });
}

/// Microseconds from just before a put by this thread to the first statement of the fiber that it
/// wakes. The thread rests before each put, so that the worker is asleep.
inline std::vector<double> wake_latencies(sluice::runtime& runtime, std::size_t samples) {
  const numbers wakes{sluice::rendezvous};
  auto woken = runtime.go([wakes, samples] {
    std::vector<double> latencies;
    latencies.reserve(samples);
    for (const number sent : wakes) {
      const auto then = clock::time_point(clock::duration(sent));
      latencies.push_back(microseconds(clock::now() - then));
    }
    return latencies;
  });
  for (std::size_t i = 0; i < samples; ++i) {
    rest_before_wake();
    wakes << clock::now().time_since_epoch().count();
  }
  wakes.close();
  return woken.join();
}

/// W15. Processor time in 2 s with n parked fibers, then wakes of a parked fiber by a thread, in
/// turns with wakes of a bare thread.
inline measured idle(std::size_t workers, std::size_t n) {
  sluice::runtime runtime(sluice::runtime_options{.workers = static_cast<int>(workers)});
  const numbers never{sluice::rendezvous};
  std::vector<sluice::task<bool>> running(n);
  for (auto& each : running) {
    each = runtime.go([never] {
      number item = 0;
      return static_cast<bool>(never >> item);
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const double before = processor_seconds();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  const double used = processor_seconds() - before;

  std::vector<double> wakes;
  std::vector<double> bare;
  for (std::size_t i = 0; i < wake_rounds; ++i) {
    append(wakes, wake_latencies(runtime, wakes_a_round));
    append(bare, futex_wake_latencies(wakes_a_round));
  }
  never.close();
  bool woken_wrongly = false;
  for (auto& each : running) woken_wrongly |= each.join();
  return {.operations = 1,
          .seconds = used,
          .checked = !woken_wrongly && wakes.size() == wake_rounds * wakes_a_round,
          .value = used * 1e3,
          .more = wake_figures(wakes, bare)};
}

}  // namespace bench
