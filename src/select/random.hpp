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

/// A short sequence, for one select.
class random_numbers {
 public:
  /// From 0 to `bound` - 1. Even up to one part in 2^32 / bound.
  [[nodiscard]] std::size_t below(std::size_t bound) noexcept {
    state_ += 0x9e3779b97f4a7c15;
    return static_cast<std::size_t>(((mix(state_) >> 32) * bound) >> 32);
  }

 private:
  std::uint64_t state_ = draw_seed();
};

}  // namespace sluice::detail
