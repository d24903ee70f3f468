// What others do to us: a fiber that hogs a worker, items that take long, a process that spins.
//
// See messages.hpp.
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <sluice/sluice.hpp>
#include <thread>
#include <vector>

#include "support/measure.hpp"
#include "support/messages.hpp"

namespace bench {

// ---- a fiber that hogs a worker -----------------------------------------------------------------

inline constexpr std::chrono::microseconds message_every{500};

/// A message every 500 us from one fiber to another, for the time of so many of them, while a third
/// computes for n ms at a time and touches no channel meanwhile. The latency counts from the moment
/// at which the message was due.
inline measured hogged(std::size_t workers, std::size_t n, std::size_t messages) {
  return on_workers(workers, [n, messages] {
    const numbers ch{128};
    std::atomic<bool> over{false};
    auto hog = sluice::go([&over, n] {
      // order: relaxed, it may come late
      while (!over.load(std::memory_order_relaxed)) {
        const auto until = clock::now() + std::chrono::milliseconds(n);
        while (clock::now() < until) continue;
        sluice::this_fiber::yield();
      }
    });
    auto putter = sluice::go([ch, messages] {
      const sluice::close_on_exit closing{ch};
      auto due = clock::now();
      const auto end = due + messages * message_every;
      std::size_t sent = 0;
      for (; clock::now() < end; ++sent) {
        due += message_every;
        sluice::this_fiber::sleep_until(due);
        ch << due.time_since_epoch().count();
      }
      return sent;
    });
    std::vector<double> latencies;
    latencies.reserve(messages);
    for (const number due : ch) {
      const auto then = clock::time_point(clock::duration(due));
      latencies.push_back(microseconds(clock::now() - then));
    }
    // order: relaxed, as above
    over.store(true, std::memory_order_relaxed);
    hog.join();
    const std::size_t sent = putter.join();
    const double median = percentile(latencies, 0.50);
    return measured{.operations = 1,
                    .seconds = median / 1e6,
                    .checked = latencies.size() == sent,
                    .value = median,
                    .more = {{"message_p50_us", median},
                             {"message_p90_us", percentile(latencies, 0.90)},
                             {"message_p99_us", percentile(latencies, 0.99)},
                             {"message_p99_9_us", percentile(latencies, 0.999)}}};
  });
}

// ---- items that take long -----------------------------------------------------------------------

/// So many dependent steps.
inline std::uint64_t steps_of_work(std::uint64_t state, std::size_t steps) {
  for (std::size_t i = 0; i < steps; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
  }
  return state;
}

/// How many steps take that long at best.
inline std::size_t steps_in(std::chrono::nanoseconds piece) {
  constexpr std::size_t tried = 50'000;
  double best = 1;
  std::uint64_t state = 1;
  for (int i = 0; i < 20; ++i) {
    const auto start = clock::now();
    state = steps_of_work(state, tried);
    best = std::min(best, seconds_since(start));
  }
  const double wanted = std::chrono::duration<double>(piece).count();
  return state == 0 ? 0 : static_cast<std::size_t>(wanted / best * static_cast<double>(tried));
}

inline constexpr std::size_t coarse_stages = 4;

/// A source and stages that work for `steps` on each item; true if all items came through.
inline bool coarse_pipeline(std::size_t workers, std::size_t items, std::size_t steps) {
  const measured result = on_workers(workers, [items, steps] {
    std::vector<sluice::task<void>> running;
    numbers last{16};
    running.push_back(sluice::go([output = last, items] {
      const sluice::close_on_exit closing{output};
      for (std::size_t i = 1; i <= items; ++i) output << static_cast<number>(i);
    }));
    for (std::size_t i = 0; i < coarse_stages; ++i) {
      const numbers output{16};
      running.push_back(sluice::go([input = last, output, steps] {
        const sluice::close_on_exit closing{output};
        for (const number item : input) {
          output << item + (steps_of_work(static_cast<std::uint64_t>(item), steps) == 0 ? 1 : 0);
        }
      }));
      last = output;
    }
    number sum = 0;
    for (const number item : last) sum += item;
    for (auto& each : running) each.join();
    return measured{.checked = sum == sum_to(static_cast<number>(items))};
  });
  return result.checked;
}

/// The same work by bare threads, which take piece after piece.
inline void bare_pieces(std::size_t threads, std::size_t pieces, std::size_t steps) {
  std::atomic<std::size_t> next{0};
  std::atomic<std::uint64_t> sum{0};
  std::vector<std::thread> all;
  for (std::size_t i = 0; i < threads; ++i) {
    all.emplace_back([&] {
      // order: relaxed, counts
      while (next.fetch_add(1, std::memory_order_relaxed) < pieces) {
        // order: relaxed, as above
        sum.fetch_add(steps_of_work(1, steps), std::memory_order_relaxed);
      }
    });
  }
  for (auto& one : all) one.join();
}

/// A pipeline whose stages work for n us on each item, by bare threads that do the same work, no
/// more of them than stages: 1 is the ideal.
inline measured coarse(std::size_t workers, std::size_t n, std::size_t items) {
  const std::size_t steps = steps_in(std::chrono::microseconds(n));
  constexpr int rounds = 3;
  double ours = 0;
  double bare = 0;
  bool checked = steps > 0;
  for (int i = 0; i < rounds; ++i) {
    auto start = clock::now();
    checked = coarse_pipeline(workers, items, steps) && checked;
    ours += seconds_since(start);
    start = clock::now();
    bare_pieces(std::min(workers, coarse_stages), items * coarse_stages, steps);
    bare += seconds_since(start);
  }
  return {.operations = 1, .seconds = ours, .checked = checked, .value = ours / bare};
}

/// Two fibers that compute for as many steps for each item; the one puts it, the other gets it.
inline bool two_stages(std::size_t workers, const numbers& between, std::size_t items,
                       std::size_t steps) {
  return on_workers(workers,
                    [&between, items, steps] {
                      auto first = sluice::go([output = between, items, steps] {
                        const sluice::close_on_exit closing{output};
                        for (std::size_t i = 1; i <= items; ++i) {
                          output << static_cast<number>(i) + (steps_of_work(i, steps) == 0 ? 1 : 0);
                        }
                      });
                      number sum = 0;
                      for (const number item : between) {
                        sum +=
                            item +
                            (steps_of_work(static_cast<std::uint64_t>(item), steps) == 0 ? 1 : 0);
                      }
                      first.join();
                      return measured{.checked = sum == sum_to(static_cast<number>(items))};
                    })
      .checked;
}

/// Two stages that compute for n ns for each item, by bare threads that do the same work, no more
/// of them than stages: 1 is the ideal. The value is with a rendezvous between the two.
inline measured by_work(std::size_t workers, std::size_t n, std::chrono::milliseconds time) {
  const std::size_t steps = steps_in(std::chrono::nanoseconds(n));
  const auto items = static_cast<std::size_t>(std::chrono::nanoseconds(time).count()) / n;
  double bare = 0;
  double ours[3] = {};
  bool checked = steps > 0;
  for (int round = 0; round < 3; ++round) {
    auto start = clock::now();
    bare_pieces(std::min<std::size_t>(workers, 2), items * 2, steps);
    bare += seconds_since(start);
    const numbers between[] = {numbers{sluice::rendezvous}, numbers{1}, numbers{64}};
    for (std::size_t i = 0; i < std::size(between); ++i) {
      start = clock::now();
      checked = two_stages(workers, between[i], items, steps) && checked;
      ours[i] += seconds_since(start);
    }
  }
  return {.operations = 1,
          .seconds = ours[0],
          .checked = checked,
          .value = ours[0] / bare,
          .more = {{"capacity_1", ours[1] / bare}, {"capacity_64", ours[2] / bare}}};
}

// ---- a process that spins -----------------------------------------------------------------------

/// A process that does nothing but take the last CPU that we may use, until it is destroyed.
class spinning_process {
 public:
  spinning_process() : id_(fork()) {
    if (id_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(last_cpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    // order: relaxed, nobody else looks: it only keeps the loop
    for (std::atomic<unsigned> spun{0};;) spun.fetch_add(1, std::memory_order_relaxed);
  }
  spinning_process(const spinning_process&) = delete;
  spinning_process& operator=(const spinning_process&) = delete;
  ~spinning_process() {
    if (!runs()) return;
    kill(id_, SIGKILL);
    waitpid(id_, nullptr, 0);
  }

  [[nodiscard]] bool runs() const { return id_ > 0; }

  static int cpus() {
    cpu_set_t own;
    CPU_ZERO(&own);
    return sched_getaffinity(0, sizeof own, &own) == 0 ? CPU_COUNT(&own) : 1;
  }

 private:
  static std::size_t last_cpu() {
    cpu_set_t own;
    CPU_ZERO(&own);
    sched_getaffinity(0, sizeof own, &own);
    std::size_t last = 0;
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &own)) last = cpu;
    }
    return last;
  }

  pid_t id_;
};

/// How much longer a thing takes beside a spinning process, by what the loss of half a CPU allows:
/// 1 is a fair share.
template <class F>
double beside_a_spinner(std::size_t workers, bool& checked, F run) {
  const auto timed = [&] {
    const auto start = clock::now();
    checked = run() && checked;
    return seconds_since(start);
  };
  const double alone = timed();
  const spinning_process spinner;
  checked = checked && spinner.runs();
  const double beside = timed();
  const auto cpus = static_cast<double>(spinning_process::cpus());
  const double wanted = std::min(static_cast<double>(workers), cpus);
  const double fair = wanted / std::min(wanted, cpus - 0.5);
  return beside / alone / fair;
}

/// The value is for small messages (8 to 8, capacity 128); a token ring of n fibers and a pipeline
/// with items of 100 us stand beside it.
inline measured neighbour(std::size_t workers, std::size_t n, std::size_t messages) {
  bool checked = true;
  const double small = beside_a_spinner(
      workers, checked, [=] { return shared_channel(workers, 8, messages).checked; });
  const double ring = beside_a_spinner(
      workers, checked, [=] { return token_ring(workers, n, messages / 4).checked; });
  const std::size_t steps = steps_in(std::chrono::microseconds(100));
  const double work = beside_a_spinner(
      workers, checked, [=] { return coarse_pipeline(workers, messages / 10'000, steps); });
  return {.operations = 1,
          .seconds = 1,
          .checked = checked,
          .value = small,
          .more = {{"ring", ring}, {"work", work}}};
}

}  // namespace bench
