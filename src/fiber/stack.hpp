// Stacks of fibers: carved from large reservations, committed lazily, guarded each.
#pragma once

#include <cstddef>

namespace sluice::detail {

/// One stack: usable bytes [bottom, bottom + size), the guard lies below `bottom`.
struct stack {
  std::byte* bottom = nullptr;
  std::size_t size = 0;
  std::size_t guard = 0;  ///< bytes of guard below; 0 if this kernel could give none
  [[nodiscard]] std::byte* top() const noexcept { return bottom + size; }
  explicit operator bool() const noexcept { return bottom != nullptr; }
};

}  // namespace sluice::detail
