// Waiting for several channels at once. `select` does exactly one of its cases: whichever can happen
// first, at random if several can. A case that takes items goes out of play when its channel has
// ended, so one loop merges inputs until the last of them is over.
#include <chrono>
#include <iostream>
#include <sluice/sluice.hpp>
#include <string>

using namespace std::chrono_literals;

namespace {

/// Puts `first` .. `last` into the channel, then closes it.
void count(sluice::channel<int> to, int first, int last) {
  const sluice::close_on_exit finally{to};
  for (int i = first; i <= last; ++i) to << i;
}

}  // namespace

int main() {
  // Merge two inputs of different types until both have ended.
  const sluice::channel<int> numbers{2};
  const sluice::channel<std::string> words{2};
  auto counting = sluice::go(count, numbers, 1, 100);
  auto speaking = sluice::go([words] {
    const sluice::close_on_exit finally{words};
    for (const char* word : {"one", "two", "three"}) words << word;
  });
  int sum = 0;
  std::size_t letters = 0;
  while (sluice::select(sluice::on_get(numbers, [&](int n) { sum += n; }),
                        sluice::on_get(words, [&](const std::string& word) {
                          letters += word.size();
                        })) != sluice::all_closed) {
  }
  counting.join();
  speaking.join();
  std::cout << "the numbers add up to " << sum << ", the words have " << letters << " letters\n";

  // Give each item to whoever has room. An item is moved only if its case is chosen.
  const sluice::channel<std::string> left{1};
  const sluice::channel<std::string> right{1};
  for (const char* text : {"a letter", "another"}) {
    std::string letter = text;
    sluice::select(sluice::in_order, sluice::on_put(left, std::move(letter)),
                   sluice::on_put(right, std::move(letter)));
  }
  std::cout << "left has " << left.get() << ", right has " << right.get() << "\n";

  // Do not wait, or not for ever.
  sluice::select(sluice::on_get(left, [](const std::string&) {}),
                 sluice::otherwise([] { std::cout << "nothing there\n"; }));
  sluice::select(sluice::on_get(left, [](const std::string&) {}),
                 sluice::on_timeout(5ms, [] { std::cout << "nothing came in 5 ms\n"; }));

  // Time is a channel, too: one item for each period, or one at a moment.
  const auto ticks = sluice::tick(2ms);
  const auto over = sluice::after(1h);
  int seen = 0;
  while (seen < 3) {
    sluice::select(sluice::on_get(ticks, [&](auto) { ++seen; }),
                   sluice::on_get(over, [&](auto) { seen = 1000; }));
  }
  std::cout << seen << " ticks came before the hour was over\n";

  // As many channels as it takes.
  sluice::selector inputs;
  sum = 0;
  for (int i = 0; i < 200; ++i) {
    const sluice::channel<int> one{1};
    sluice::go(count, one, 1, i);
    inputs.on_get(one, [&](int) { ++sum; });
  }
  while (inputs.wait() != sluice::all_closed) {
  }
  std::cout << "200 channels brought " << sum << " items\n";
}
