// A pipeline from ready-made stages. Each runs on fibers of its own; a bounded channel stands between
// two of them, so memory does not grow with the input. The end and errors run down to the last line,
// which waits.
#include <cstddef>
#include <iostream>
#include <optional>
#include <ranges>
#include <sluice/sluice.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace stages = sluice::pipeline;

namespace {

/// Some work that takes longer for some inputs than for others.
long collatz_steps(long n) {
  if (n < 1) throw std::invalid_argument("no steps from " + std::to_string(n));
  long steps = 0;
  for (; n != 1; ++steps) n = n % 2 == 0 ? n / 2 : 3 * n + 1;
  return steps;
}

bool is_long(long steps) { return steps > 9; }

}  // namespace

int main() {
  // Four workers, and yet the results come in the order of the numbers.
  const auto rows = stages::generate(std::views::iota(20L, 32L)) |
                    stages::transform(4, collatz_steps) |  //
                    stages::filter(is_long) |              //
                    stages::batch(4) |                     //
                    stages::collect();
  for (const auto& row : rows) {
    for (const long steps : row) std::cout << steps << ' ';
    std::cout << '\n';
  }

  // The first error ends the pipeline, and is thrown where its end is waited for.
  try {
    std::vector<long> numbers{3, 2, 1, 0, 5};
    stages::generate(std::move(numbers)) | stages::transform(2, collatz_steps) |
        stages::for_each([](long steps) { std::cout << steps << " steps\n"; });
  } catch (const std::invalid_argument& error) {
    std::cout << error.what() << '\n';
  }

  // Two readers of one flow. Both read at the same time, because the slower one holds up the other.
  auto [for_sum, for_count] = stages::generate(std::views::iota(1, 101)) | stages::tee();
  auto sum = sluice::go([from = std::move(for_sum)] {
    int all = 0;
    for (const int n : from) all += n;
    return all;
  });
  std::size_t count = 0;
  for ([[maybe_unused]] const int n : for_count) ++count;
  std::cout << count << " numbers add up to " << sum.join() << '\n';

  // A flow that is dropped stops its stages: this source would never end by itself.
  {
    int next = 0;
    const auto endless = stages::generate([&] { return std::optional<int>(next++); });
    std::cout << "the first two: " << endless.get() << ' ' << endless.get() << '\n';
  }
  std::cout << "over\n";
}
