// Workloads of ../../README.md on libfiber, with its channel for many putters and getters.
//
// usage: libfiber WORKLOAD WORKERS [PARAMETER [DIVISOR]]
//
// A channel's capacity is a power of two from 2 on, so there is no rendezvous: W2 and W7 run with
// channels of 2. No channel can be closed, so each getter knows how many items to take, and there
// is no select.
#include <cstddef>
#include <cstdint>

#include "libfiber_bodies.h"
#include "support/measure.hpp"

namespace {

using bench::measured;
using std::int64_t;
using std::size_t;

/// A channel that cannot hold what the workload asks for would be another workload.
void check_capacity(size_t capacity) {
  if (capacity < 2 || (capacity & (capacity - 1)) != 0) {
    bench::cannot_run("libfiber: a capacity is a power of two from 2 on");
  }
}

measured per_operation(const timed_sum& found, size_t operations, int64_t expected) {
  return {.operations = static_cast<double>(operations),
          .seconds = found.seconds,
          .checked = found.sum == expected};
}

// W2: ping-pong over two channels of capacity 2; an operation is a round trip.
measured run_ping_pong(size_t workers, size_t) {
  const size_t rounds = bench::shortened(4'000'000);
  fibers_on(workers);
  return per_operation(ping_pong(rounds), rounds, static_cast<int64_t>(rounds));
}

// W3, W4: n putters and n getters on one channel of capacity 128.
measured run_shared_channel(size_t workers, size_t n) {
  const size_t each = bench::shortened(30'000'000) / n;
  fibers_on(workers);
  return per_operation(many_to_many(128, n, each), n * each,
                       static_cast<int64_t>(n) * bench::sum_to(static_cast<int64_t>(each)));
}

// W6: 100 stages between a source and a sink; an operation is a message through one channel.
measured run_pipeline(size_t workers, size_t capacity) {
  constexpr size_t stages = 100;
  const size_t messages = bench::shortened(120'000);
  check_capacity(capacity);
  fibers_on(workers);
  const auto sent = static_cast<int64_t>(messages);
  return per_operation(pipeline(capacity, stages, messages), messages * (stages + 1),
                       bench::sum_to(sent) + static_cast<int64_t>(stages) * sent);
}

// W7: one token around a ring of n fibers with channels of capacity 2.
measured run_token_ring(size_t workers, size_t n) {
  const size_t laps = bench::shortened(9'000'000) / n;
  fibers_on(workers);
  return per_operation(token_ring(n, laps), laps * n, static_cast<int64_t>(laps * n));
}

// W12: n fibers that only yield; an operation is one switch.
measured run_yields(size_t workers, size_t n) {
  const size_t each = bench::shortened(30'000'000) / n;
  fibers_on(workers);
  return per_operation(yields(n, each), n * each, static_cast<int64_t>(n * each));
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_workload(argc, argv,
                             {{"W2", "ns/op", 0, run_ping_pong, 0},
                              {"W3", "ns/op", 1, run_shared_channel},
                              {"W4", "ns/op", 8, run_shared_channel},
                              {"W6", "ns/op", 128, run_pipeline, 0},
                              {"W7", "ns/op", 503, run_token_ring, 2},
                              {"W12", "ns/op", 2, run_yields}});
}
