// Structured concurrency: fibers that do not outlive a block. The first error stops the rest and is
// rethrown where the block waits; leaving the block early stops them, too.
#include <chrono>
#include <iostream>
#include <sluice/sluice.hpp>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

void first_error_stops_the_rest() {
  sluice::latch stopped{2};
  try {
    sluice::scope s;
    for (int i = 0; i < 2; ++i) {
      s.go([&] {
        try {
          sluice::this_fiber::sleep_for(1h);
        } catch (const sluice::cancelled&) {
          stopped.count_down();
          throw;
        }
      });
    }
    s.go([] { throw std::runtime_error("disk full"); });
    s.join();
  } catch (const std::runtime_error& error) {
    stopped.wait();
    std::cout << "join rethrew \"" << error.what() << "\" after both others had stopped\n";
  }
}

/// Of several sources the first answer counts; the others are stopped with the block.
void first_answer_wins() {
  const sluice::channel<std::string> answers{sluice::unbounded};
  {
    sluice::scope s;
    for (const auto delay : {1ms, 3'600'000ms, 7'200'000ms}) {
      s.go([delay, answers] {
        sluice::this_fiber::sleep_for(delay);
        answers << std::to_string(delay.count());
      });
    }
    std::cout << "the one after " << answers.get() << " ms was first\n";
  }  // stops the other two and waits until they have ended
  std::cout << "and " << answers.size() << " others answered\n";
}

void values_together() {
  const auto [sum, name] =
      sluice::gather([] { return 40 + 2; }, [] { return std::string("sluice"); });
  std::cout << "gathered " << sum << " and " << name << '\n';

  const auto [good, bad] =
      sluice::gather_results([] { return 1; }, []() -> int { throw std::runtime_error("no"); });
  std::cout << "one ended with " << good.value() << ", the other "
            << (bad.has_value() ? "as well" : "with an error") << '\n';
}

}  // namespace

int main() {
  first_error_stops_the_rest();
  first_answer_wins();
  values_together();
}
