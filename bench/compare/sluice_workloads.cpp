// The workloads of ../README.md on sluice, for the comparison with the rivals: prints the same
// line of JSON as they do. The bodies are those of the Google Benchmark programs, run for some
// tenths of a second each.
//
// usage: sluice_workloads WORKLOAD WORKERS [PARAMETER [DIVISOR]]
//
// DIVISOR shortens the run: that many times fewer operations, where their number is free.
#include "support/choices.hpp"
#include "support/crowds.hpp"
#include "support/disturbed.hpp"
#include "support/fibers.hpp"
#include "support/growth.hpp"
#include "support/measure.hpp"
#include "support/memory.hpp"
#include "support/messages.hpp"
#include "support/trees.hpp"

namespace {

using bench::measured;
using bench::shortened;
using std::size_t;

measured spawn_join(size_t workers, size_t batch) {
  return bench::spawn_join(workers, batch, shortened(6'000'000));
}
measured spawn_at_once(size_t workers, size_t fibers) {
  return bench::spawn_join(workers, fibers, fibers);
}
measured ping_pong(size_t workers, size_t) {
  return bench::ping_pong(workers, shortened(4'000'000));
}
measured shared_channel(size_t workers, size_t n) {
  return bench::shared_channel(workers, n, shortened(30'000'000));
}
measured pipeline(size_t workers, size_t capacity) {
  return bench::pipeline(workers, capacity, shortened(120'000));
}
measured token_ring(size_t workers, size_t n) {
  return bench::token_ring(workers, n, shortened(9'000'000));
}
measured prime_sieve(size_t workers, size_t n) { return bench::prime_sieve(workers, n, 5); }
measured yields(size_t workers, size_t n) {
  return bench::yields(workers, n, shortened(30'000'000));
}
measured uneven_channel(size_t workers, size_t n) {
  return bench::uneven_channel(workers, n, shortened(20'000'000));
}
measured selecting(size_t workers, size_t n) {
  return bench::selecting_rendezvous(workers, n, shortened(4'000'000));
}
measured selecting_buffered(size_t workers, size_t n) {
  return bench::selecting_buffered(workers, n, shortened(4'000'000));
}
measured working(size_t workers, size_t n) {
  return bench::working_rendezvous(workers, n, shortened(2'000'000));
}
measured working_buffered(size_t workers, size_t n) {
  return bench::working_buffered(workers, n, shortened(2'000'000));
}
measured unbounded_channel(size_t workers, size_t n) {
  return bench::unbounded_channel(workers, n, shortened(10'000'000));
}

measured by_size(size_t workers, size_t bytes) {
  return bench::by_size(workers, bytes, shortened(4'000'000));
}
measured by_capacity(size_t workers, size_t capacity) {
  return bench::by_capacity(workers, capacity, shortened(6'000'000));
}
measured by_batch(size_t workers, size_t n) {
  return bench::by_batch(workers, n, shortened(12'000'000));
}
measured by_fibers(size_t workers, size_t n) {
  return bench::by_fibers(workers, n, shortened(6'000'000));
}
measured by_channels(size_t workers, size_t n) {
  return bench::by_channels(workers, n, shortened(6'000'000));
}
measured timed(size_t workers, size_t capacity) {
  return bench::timed(workers, capacity, shortened(6'000'000));
}
measured sharing(size_t workers, size_t capacity) {
  return bench::sharing(workers, capacity, shortened(20'000'000));
}
measured hogged(size_t workers, size_t n) { return bench::hogged(workers, n, shortened(5'000)); }
measured coarse(size_t workers, size_t n) { return bench::coarse(workers, n, shortened(500)); }
measured by_work(size_t workers, size_t n) {
  return bench::by_work(workers, n, std::chrono::milliseconds(shortened(100)));
}
measured neighbour(size_t workers, size_t n) {
  return bench::neighbour(workers, n, shortened(8'000'000));
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_workload(argc, argv,
                             {{"W1", "ns/op", 1000, spawn_join},
                              {"W1a", "ns/op", 1'000'000, spawn_at_once},
                              {"W2", "ns/op", 0, ping_pong, 0},
                              {"W3", "ns/op", 1, shared_channel},
                              {"W4", "ns/op", 8, shared_channel},
                              {"W5", "ns/op", 100, uneven_channel},
                              {"W6", "ns/op", 128, pipeline, 0},
                              {"W7", "ns/op", 503, token_ring},
                              {"W8", "ms", 1'000'000, bench::tree},
                              {"W9", "ms", 1000, prime_sieve},
                              {"W10", "ns/op", 2, selecting},
                              {"W10b", "ns/op", 2, selecting_buffered},
                              {"W11", "bytes", 1'000'000, bench::parked_fibers},
                              {"W12", "ns/op", 2, yields},
                              {"W13", "ns/op", 1, unbounded_channel},
                              {"W14", "ns/op", 2, working},
                              {"W14b", "ns/op", 2, working_buffered},
                              {"W15", "ms", 10'000, bench::idle},
                              {"by-size", "ns/op", 8, by_size},
                              {"by-capacity", "ns/op", 128, by_capacity},
                              {"by-batch", "ns/op", 64, by_batch},
                              {"by-fibers", "ns/op", 100, by_fibers, 2},
                              {"by-channels", "ns/op", 100, by_channels},
                              {"timed", "ns/op", 128, timed, 0},
                              {"ends", "ns/op", 100'000, bench::ends},
                              {"shares", "ns/op", 128, sharing, 0},
                              {"channel-memory", "bytes", 100'000, bench::channel_memory},
                              {"task-memory", "bytes", 1'000'000, bench::task_memory},
                              {"backlog-memory", "bytes", 10'000'000, bench::backlog_memory},
                              {"stack-memory", "bytes", 100'000, bench::stack_memory},
                              {"hog", "us", 10, hogged},
                              {"coarse", "ratio", 100, coarse},
                              {"by-work", "ratio", 1000, by_work},
                              {"neighbour", "ratio", 503, neighbour}});
}
