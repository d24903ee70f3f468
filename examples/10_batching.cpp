// Batches: where the work for a hundred items costs little more than for one (a write, a query, a
// message), take what is there, and wait a little for the batch to fill.
#include <chrono>
#include <iostream>
#include <numeric>
#include <sluice/sluice.hpp>
#include <vector>

using namespace std::chrono_literals;

int main() {
  const sluice::channel<int> events{1000};
  auto source = sluice::go([events] {
    const sluice::close_on_exit done{events};
    std::vector<int> many(999);
    std::iota(many.begin(), many.end(), 1);
    events.put_batch(std::move(many));  // as few synchronisations as it can
    events << 1000;
  });
  source.join();

  int sum = 0;
  std::size_t batches = 0;
  std::size_t largest = 0;
  for (;;) {
    // Up to 128, and at most 5 ms after the first: an empty one is the end.
    const std::vector<int> batch = events.get_batch(128, 5ms);
    if (batch.empty()) break;
    sum = std::accumulate(batch.begin(), batch.end(), sum);
    ++batches;
    largest = std::max(largest, batch.size());
  }
  std::cout << "sum " << sum << " in " << batches << " batches of up to " << largest << '\n';

  // Without waiting: what is there now.
  const sluice::channel<int> few{10};
  few << 1 << 2 << 3;
  std::cout << few.try_get_batch(10).size() << " were there, then " << few.try_get_batch(10).size()
            << '\n';
}
