// Who closes when several strands put? Not one of the putters: the others would find the channel
// closed. Either an owner closes after all of them, or the last `sender` handle does.
#include <iostream>
#include <sluice/sluice.hpp>
#include <utility>
#include <vector>

namespace {

constexpr int putters = 4;

/// The owner starts the putters, waits for all of them, then closes.
int with_an_owner() {
  sluice::channel<int> numbers{8};
  auto owner = sluice::go([numbers] {
    sluice::close_on_exit done{numbers};
    std::vector<sluice::task<void>> tasks;
    for (int p = 0; p < putters; ++p) {
      tasks.push_back(sluice::go([numbers, p] {
        for (int i = 1; i <= 25; ++i) numbers << 25 * p + i;
      }));
    }
    for (auto& task : tasks) task.join();
  });

  int sum = 0;
  for (const int number : numbers) sum += number;
  owner.join();
  return sum;
}

/// Each putter has a sender of its own. The channel closes when the last of them goes.
int with_senders() {
  auto [tx, rx] = sluice::make_channel<int>(8);
  for (int p = 0; p < putters; ++p) {
    sluice::go([tx = tx, p] {
      for (int i = 1; i <= 25; ++i) tx << 25 * p + i;
    });
  }
  // Ours must go too, or the channel would wait for us for ever.
  { const auto dropped = std::move(tx); }

  int sum = 0;
  for (const int number : rx) sum += number;
  return sum;
}

}  // namespace

int main() {
  std::cout << "the owner closes: sum " << with_an_owner() << '\n';
  std::cout << "the last sender closes: sum " << with_senders() << '\n';
}
