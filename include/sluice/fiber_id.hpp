// fiber_id: which strand. Ordered, hashable, printable.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>

namespace sluice {

/// Names a fiber (or a plain thread) of this process; never given twice. A default one names none.
class fiber_id {
 public:
  fiber_id() = default;
  /// What `number()` of another id has said.
  explicit fiber_id(std::uint64_t number) noexcept : number_(number) {}

  /// The number in dumps and messages; 0 of a default one.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  /// In the order of their starts, about: workers take numbers in batches.
  friend auto operator<=>(const fiber_id&, const fiber_id&) = default;
  /// Writes the number.
  friend std::ostream& operator<<(std::ostream& out, fiber_id id) { return out << id.number_; }

 private:
  std::uint64_t number_ = 0;
};

}  // namespace sluice

template <>
struct std::hash<sluice::fiber_id> {
  std::size_t operator()(sluice::fiber_id id) const noexcept {
    return std::hash<std::uint64_t>()(id.number());
  }
};
