// Errors travel through the task that failed: `join` rethrows them. Who reads from the channel
// of a failed writer sees a plain end, unless the writer closes with a cause.
#include <iostream>
#include <sluice/sluice.hpp>
#include <stdexcept>

namespace {

/// Puts 1 and 2, then fails.
void fail_after_two(const sluice::channel<int>& ch) {
  ch << 1 << 2;
  throw std::runtime_error("no three");
}

/// The reader gets what was accepted and a plain end; whoever joins gets the error.
void through_join() {
  sluice::channel<int> ch{4};
  auto writer = sluice::go([ch] {
    sluice::close_on_exit done{ch};
    fail_after_two(ch);
  });

  for (const int item : ch) std::cout << "join: item " << item << '\n';
  std::cout << "join: a plain end\n";
  try {
    writer.join();
  } catch (const std::runtime_error& error) {
    std::cout << "join: rethrows \"" << error.what() << "\"\n";
  }
}

/// `close_after` closes with the error as the cause: the reader must not take a part for all.
void through_the_channel() {
  sluice::channel<int> ch{4};
  auto writer = sluice::go([ch] { sluice::close_after(ch, [ch] { fail_after_two(ch); }); });

  try {
    for (const int item : ch) std::cout << "cause: item " << item << '\n';
    std::cout << "cause: never printed\n";
  } catch (const std::runtime_error& error) {
    std::cout << "cause: the loop throws \"" << error.what() << "\"\n";
  }
  try {
    writer.join();
  } catch (const std::runtime_error&) {
    std::cout << "cause: and so does join\n";
  }
}

}  // namespace

int main() {
  through_join();
  through_the_channel();
}
