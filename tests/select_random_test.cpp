// The random numbers behind the choices of a select: each as likely as any other.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "select/random.hpp"
#include "sluice/detail/select/core.hpp"

namespace {

using sluice::detail::any_of;
using sluice::detail::random_numbers;

/// Within 10 standard deviations of the mean.
bool is_fair(int hits, int trials, double share) {
  return std::abs(hits - trials * share) <= 10 * std::sqrt(trials * share * (1 - share));
}

}  // namespace

TEST_CASE("of the bits that are set each is as likely as any other") {
  constexpr int trials = 20'000;
  constexpr std::uint64_t last = std::uint64_t{1} << 63;
  // Few of 64: mostly none of ten throws of the die shows one.
  for (const std::uint64_t bits :
       {std::uint64_t{1}, std::uint64_t{0b11}, std::uint64_t{0b1000'0001}, std::uint64_t{0b1'0110},
        last, last | 1, last | 2 | 4, last >> 31 | 1, ~std::uint64_t{0}}) {
    CAPTURE(bits);
    std::array<int, 64> hits{};
    for (int i = 0; i < trials; ++i) ++hits.at(any_of(bits));
    int set = 0;
    for (std::size_t bit = 0; bit < 64; ++bit) set += static_cast<int>(bits >> bit & 1);
    for (std::size_t bit = 0; bit < 64; ++bit) {
      CAPTURE(bit);
      CHECK(is_fair(hits.at(bit), trials, (bits >> bit & 1) != 0 ? 1.0 / set : 0));
    }
  }
}

TEST_CASE("each order of four is as likely as any other") {
  constexpr int trials = 24'000;
  std::array<int, 24> hits{};
  for (int i = 0; i < trials; ++i) {
    random_numbers any;
    const std::size_t first = any.below(4);
    const std::size_t second = any.below(3);
    ++hits.at((first * 3 + second) * 2 + any.below(2));
  }
  for (const int one : hits) CHECK(is_fair(one, trials, 1.0 / 24));
}

TEST_CASE("numbers for a long order are fair beyond what one draw decides") {
  constexpr int trials = 10'000;
  constexpr std::size_t count = 100;  // a draw is enough for 4 of the first
  std::vector<std::array<int, count>> hits(count);
  for (int i = 0; i < trials; ++i) {
    random_numbers any;
    for (std::size_t left = count; left > 1; --left) ++hits[left - 1].at(any.below(left));
  }
  for (std::size_t left = count; left > 1; --left) {
    CAPTURE(left);
    for (std::size_t i = 0; i < left; ++i) {
      CHECK(is_fair(hits[left - 1].at(i), trials, 1.0 / static_cast<double>(left)));
    }
  }
}
