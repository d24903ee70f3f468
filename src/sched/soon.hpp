// Where a walk through a crowd comes to some steps later.
//
// In a list the address of each is known only when the one before it has come, and of a crowd none
// is in a cache. So each notes the one that lies some steps further on, and a walk fetches that
// while it looks at this one. What is noted is fetched and never looked at: it may be wrong, and it
// may be gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "sluice/detail/base/cpu.hpp"

namespace sluice::detail {

/// The line in which something lies, by its lowest bits: right within 128 GiB of here.
class line_nearby {
 public:
  void note(const void* what) noexcept { low_ = low_bits(line_of(what)); }

  [[nodiscard]] const void* address() const noexcept {
    const std::uintptr_t here = line_of(this);
    const auto away = static_cast<std::int32_t>(low_ - low_bits(here));
    const std::uintptr_t line = here + static_cast<std::uintptr_t>(std::intptr_t{away});
    return reinterpret_cast<const void*>(line * cache_line);
  }

 private:
  static std::uintptr_t line_of(const void* what) noexcept {
    return reinterpret_cast<std::uintptr_t>(what) / cache_line;
  }
  static std::uint32_t low_bits(std::uintptr_t line) noexcept {
    return static_cast<std::uint32_t>(line);
  }

  std::uint32_t low_ = 0;
};

/// Those that came last, for whoever builds a list from the back.
class came_last {
 public:
  /// Fetches that are on their way at once: more would not be faster.
  static constexpr std::size_t steps = 8;

  /// The one that came so many steps before; null: there is none.
  const void* pass(const void* now) noexcept { return std::exchange(last_[next_++ % steps], now); }

 private:
  const void* last_[steps]{};
  std::size_t next_ = 0;
};

}  // namespace sluice::detail
