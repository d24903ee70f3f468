// The workloads that count messages: rendezvous, shared channels, pipelines, a token ring.
//
// Each body stands here once, for the Google Benchmark programs and for compare/. It makes its own
// runtime, runs there as a fiber, times what it says it times and checks what arrived.
#pragma once

#include <cstddef>
#include <cstdint>
#include <sluice/sluice.hpp>
#include <vector>

#include "support/measure.hpp"

namespace bench {

using number = std::int64_t;
using numbers = sluice::channel<number>;

/// Runs `f` as a fiber of a runtime of its own with that many workers.
template <class F>
measured on_workers(std::size_t workers, F f) {
  sluice::runtime runtime(sluice::runtime_options{.workers = static_cast<int>(workers)});
  return runtime.run(f);
}

/// W2. Ping-pong over two rendezvous channels; an operation is a round trip.
inline measured ping_pong(std::size_t workers, std::size_t rounds) {
  return on_workers(workers, [rounds] {
    const numbers ping{sluice::rendezvous};
    const numbers pong{sluice::rendezvous};
    auto echo = sluice::go([ping, pong] {
      for (const number item : ping) pong << item + 1;
    });
    number item = 0;
    const auto start = clock::now();
    for (std::size_t i = 0; i < rounds; ++i) {
      ping << item;
      item = pong.get();
    }
    const measured result = per_operation(start, rounds, item == static_cast<number>(rounds));
    ping.close();
    echo.join();
    return result;
  });
}

/// n putters and n getters on one channel; an operation is a message.
inline measured many_to_many(const numbers& ch, std::size_t n, std::size_t messages) {
  const std::size_t each = messages / n;
  std::vector<sluice::task<number>> getters;
  std::vector<sluice::task<void>> putters;
  const auto start = clock::now();
  for (std::size_t i = 0; i < n; ++i) {
    getters.push_back(sluice::go([ch] {
      number sum = 0;
      number item = 0;
      while (ch >> item) sum += item;
      return sum;
    }));
    putters.push_back(sluice::go([ch, each] {
      for (std::size_t j = 1; j <= each; ++j) ch << static_cast<number>(j);
    }));
  }
  for (auto& putter : putters) putter.join();
  ch.close();
  number sum = 0;
  for (auto& getter : getters) sum += getter.join();
  const number expected = static_cast<number>(n) * sum_to(static_cast<number>(each));
  return per_operation(start, n * each, sum == expected);
}

/// W3, W4. n x n on one channel of capacity 128.
inline measured shared_channel(std::size_t workers, std::size_t n, std::size_t messages) {
  return on_workers(workers, [n, messages] { return many_to_many(numbers{128}, n, messages); });
}

/// W13. n x n on one unbounded channel.
inline measured unbounded_channel(std::size_t workers, std::size_t n, std::size_t messages) {
  return on_workers(
      workers, [n, messages] { return many_to_many(numbers{sluice::unbounded}, n, messages); });
}

/// A channel of that capacity; 0 stands for rendezvous.
inline numbers make_channel(std::size_t capacity) {
  return capacity == 0 ? numbers{sluice::rendezvous} : numbers{capacity};
}

/// W6. A source, 100 stages and a sink; an operation is a message through one channel.
inline measured pipeline(std::size_t workers, std::size_t capacity, std::size_t messages) {
  constexpr std::size_t stages = 100;
  return on_workers(workers, [capacity, messages] {
    std::vector<sluice::task<void>> running;
    const auto start = clock::now();
    const numbers first = make_channel(capacity);
    running.push_back(sluice::go([first, messages] {
      const sluice::close_on_exit closing{first};
      for (std::size_t i = 1; i <= messages; ++i) first << static_cast<number>(i);
    }));
    numbers last = first;
    for (std::size_t i = 0; i < stages; ++i) {
      const numbers output = make_channel(capacity);
      running.push_back(sluice::go([input = last, output] {
        const sluice::close_on_exit closing{output};
        for (const number item : input) output << item + 1;
      }));
      last = output;
    }
    number sum = 0;
    for (const number item : last) sum += item;
    for (auto& each : running) each.join();
    const number expected = sum_to(static_cast<number>(messages)) +
                            static_cast<number>(stages) * static_cast<number>(messages);
    return per_operation(start, messages * (stages + 1), sum == expected);
  });
}

/// W7. One token around a ring of n fibers with rendezvous channels; an operation is a hop.
inline measured token_ring(std::size_t workers, std::size_t n, std::size_t hops) {
  return on_workers(workers, [n, laps = hops / n] {
    std::vector<sluice::task<void>> running;
    const numbers first{sluice::rendezvous};
    numbers last = first;
    for (std::size_t i = 1; i < n; ++i) {
      const numbers to{sluice::rendezvous};
      running.push_back(sluice::go([from = last, to] {
        const sluice::close_on_exit closing{to};
        for (const number token : from) to << token + 1;
      }));
      last = to;
    }
    number token = 0;
    const auto start = clock::now();
    for (std::size_t i = 0; i < laps; ++i) {
      first << token + 1;
      token = last.get();
    }
    const measured result = per_operation(start, laps * n, token == static_cast<number>(laps * n));
    first.close();
    for (auto& each : running) each.join();
    return result;
  });
}

}  // namespace bench
