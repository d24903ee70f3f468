// The workloads that grow: a tree of a million leaves, and the chain of filters of a prime sieve.
//
// As in messages.hpp, each body stands here once for all programs.
#pragma once

#include <atomic>
#include <cstddef>
#include <sluice/sluice.hpp>
#include <vector>

#include "support/measure.hpp"
#include "support/messages.hpp"

namespace bench {

/// A node of the tree: its ten children put their sums into a channel that it makes for them.
inline void tree_node(const numbers& result, number first, number size) {
  if (size == 1) {
    result << first;
    return;
  }
  const numbers children{sluice::rendezvous};
  for (number i = 0; i < 10; ++i) {
    const number from = first + i * (size / 10);
    sluice::go([children, from, size] { tree_node(children, from, size / 10); });
  }
  number sum = 0;
  for (int i = 0; i < 10; ++i) sum += children.get();
  result << sum;
}

/// W8. A tree of fibers with ten children each; the numbers of the leaves are summed up. `leaves`
/// is a power of ten.
inline measured tree(std::size_t workers, std::size_t leaves) {
  return on_workers(workers, [size = static_cast<number>(leaves)] {
    const auto start = clock::now();
    const numbers result{sluice::rendezvous};
    auto root = sluice::go([result, size] { tree_node(result, 0, size); });
    const number sum = result.get();
    const double elapsed = seconds_since(start);
    root.join();
    return in_milliseconds(elapsed, sum == sum_to(size - 1));
  });
}

/// One round of the sieve: the time until the n-th prime, which it returns too. The end of the
/// filters is not timed.
inline double sieve_round(std::size_t n, number& prime) {
  std::vector<sluice::task<void>> running;
  std::atomic<bool> over{false};
  const auto start = clock::now();
  numbers last{sluice::rendezvous};
  running.push_back(sluice::go([&over, output = last] {
    const sluice::close_on_exit closing{output};
    // order: relaxed, it may come late
    for (number i = 2; !over.load(std::memory_order_relaxed); ++i) output << i;
  }));
  for (std::size_t i = 0; i < n; ++i) {
    prime = last.get();
    const numbers output{sluice::rendezvous};
    running.push_back(sluice::go([input = last, output, divisor = prime] {
      const sluice::close_on_exit closing{output};
      for (const number item : input) {
        if (item % divisor != 0) output << item;
      }
    }));
    last = output;
  }
  const double elapsed = seconds_since(start);
  // order: relaxed, as above
  over.store(true, std::memory_order_relaxed);
  for (number item = 0; last >> item;) continue;
  for (auto& each : running) each.join();
  return elapsed;
}

/// W9. The first n primes through a chain of filters, mean of several rounds.
inline measured prime_sieve(std::size_t workers, std::size_t n, int rounds) {
  return on_workers(workers, [n, rounds] {
    double total = 0;
    number prime = 0;
    for (int i = 0; i < rounds; ++i) total += sieve_round(n, prime);
    return in_milliseconds(total / rounds, is_nth_prime(n, prime));
  });
}

}  // namespace bench
