// W13 of ../README.md on moodycamel's blocking concurrent queue, between OS threads.
//
// usage: moodycamel W13 CPUS [PARAMETER]
//
// n putting and n getting threads share one queue, each with a token, the queue's faster way. It
// cannot be closed, so each getter knows how many items to take. It keeps the order of each putter
// only.
#include <concurrentqueue/blockingconcurrentqueue.h>

#include <cstddef>
#include <cstdint>

#include "support/threads.hpp"

namespace {

using bench::measured;
using queue = moodycamel::BlockingConcurrentQueue<std::int64_t>;

measured unbounded_channel(std::size_t cpus, std::size_t n) {
  queue items;
  return bench::between_threads(
      cpus, n, n, bench::shortened(10'000'000),
      [&items](std::size_t each) {
        const moodycamel::ProducerToken token(items);
        for (std::size_t j = 1; j <= each; ++j) items.enqueue(token, static_cast<std::int64_t>(j));
      },
      [&items](std::size_t share) {
        moodycamel::ConsumerToken token(items);
        std::int64_t sum = 0;
        for (std::size_t j = 0; j < share; ++j) {
          std::int64_t item = 0;
          items.wait_dequeue(token, item);
          sum += item;
        }
        return sum;
      });
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_workload(argc, argv, {{"W13", "ns/op", 1, unbounded_channel}});
}
