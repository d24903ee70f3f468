// A bounded channel is back-pressure: who makes items faster than they are used has to wait.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <sluice/sluice.hpp>

using namespace std::chrono_literals;

namespace {

/// Exactly as many items as the capacity says, not one more. Nobody gets here, so the answers
/// are certain: `try_put` never waits, `put_for` waits for the given time at most.
void fill_to_the_brim() {
  sluice::channel<int> ch{3};
  int item = 1;
  while (ch.try_put(item) == sluice::status::ok) ++item;
  std::cout << "room for " << ch.size() << ", item " << item << " finds the channel "
            << sluice::to_string(ch.try_put(item)) << '\n';
  std::cout << "put_for says " << sluice::to_string(ch.put_for(item, 1ms)) << '\n';
}

/// A maker that could run ahead by thousands is held back by the channel.
void hold_the_maker_back() {
  constexpr int items = 10'000;
  sluice::channel<int> ch{3};
  std::atomic<int> made = 0;

  auto maker = sluice::go([ch, &made] {
    sluice::close_on_exit done{ch};
    for (int i = 1; i <= items; ++i) {
      ++made;
      ch << i;  // waits while three items wait
    }
  });

  int taken = 0;
  int furthest = 0;
  for (const int item : ch) {
    if (item != ++taken) std::cout << "never printed\n";
    furthest = std::max(furthest, made - taken);
  }
  maker.join();
  // Three items in the channel, and one that the maker holds in its hand while it waits.
  std::cout << taken << " items taken, the maker was never more than four ahead: "
            << (furthest <= 4 ? "yes" : "no") << '\n';
}

}  // namespace

int main() {
  fill_to_the_brim();
  hold_the_maker_back();
}
