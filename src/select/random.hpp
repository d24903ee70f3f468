// Random numbers for choices that are to be fair, not secret.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::detail {

/// A number that differs for each call, from a sequence of this thread's own. Never inlined: a
/// fiber may run on another thread after any wait.
[[nodiscard]] std::uint64_t draw_seed() noexcept;

/// The finalizer of Sebastiano Vigna's SplitMix64.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// A short sequence, for one select. One draw is enough for several numbers: it is a fraction, and
/// its place between two numbers is a fraction again, with less digits.
class random_numbers {
 public:
  /// From 0 to `bound` - 1. Even up to one part in 2^32.
  [[nodiscard]] std::size_t below(std::size_t bound) noexcept {
    __extension__ using wide = unsigned __int128;
    choices_ *= bound;
    if (choices_ > most_choices) [[unlikely]] {
      fraction_ = draw_seed();
      choices_ = bound;
    }
    const wide product = static_cast<wide>(fraction_) * bound;
    fraction_ = static_cast<std::uint64_t>(product);
    return static_cast<std::size_t>(product >> 64);
  }

 private:
  static constexpr std::uint64_t most_choices = std::uint64_t{1} << 32;
  std::uint64_t fraction_ = draw_seed();
  std::uint64_t choices_ = 1;  ///< among which the fraction has decided
};

}  // namespace sluice::detail
