// Which of the weaker orders of tools/mutate would have changed a schedule, had they been in.
//
// A schedule without a mutant goes on as with it until the mutant would do something else. For an
// order that is when an acquire load would learn less, or when a seq_cst load might read an older
// store. A release that is missing, or a store that has left the one order, does nothing yet: what
// is there instead is kept beside the store and the atomic, until somebody reads it. So all mutants
// are looked for in one run. Who would have changed no schedule of a scenario has the same ones,
// each step as it was.
//
// In such a run an order carries its mutants with it: three bits for itself, and twice three bits
// for a weaker one and eleven for the mutant that has it.
#pragma once

#include <atomic>

#include "engine/driver.hpp"

namespace sluice::explore {

constexpr unsigned order_bits = 3, mutant_bits = 11;
static_assert(most_mutants == 1 << mutant_bits);

/// An order without its mutants.
constexpr std::memory_order bare(std::memory_order order) noexcept {
  return static_cast<std::memory_order>(static_cast<unsigned>(order) & ((1U << order_bits) - 1));
}

/// What mutants would have in the place of a value: only those that would have another one.
template <class T>
class instead {
 public:
  struct one {
    int mutant;
    T value;
  };

  void clear() noexcept { count_ = 0; }

  /// Who finds no room counts as a change at once.
  void set(int mutant, const T& value) noexcept {
    one* const free = place_of(mutant);
    if (free == nullptr) {
      met[mutant] = true;
    } else {
      *free = {mutant, value};
    }
  }
  void drop(int mutant) noexcept {
    for (unsigned i = 0; i < count_; ++i) {
      if (some_[i].mutant == mutant) some_[i--] = some_[--count_];
    }
  }
  [[nodiscard]] T of(int mutant, const T& otherwise) const noexcept {
    for (const one& each : *this) {
      if (each.mutant == mutant) return each.value;
    }
    return otherwise;
  }

  [[nodiscard]] const one* begin() const noexcept { return some_; }
  [[nodiscard]] const one* end() const noexcept { return some_ + count_; }

 private:
  static constexpr unsigned most = 8;

  one* place_of(int mutant) noexcept {
    for (unsigned i = 0; i < count_; ++i) {
      if (some_[i].mutant == mutant || met[some_[i].mutant]) return &some_[i];
    }
    return count_ < most ? &some_[count_++] : nullptr;
  }

  unsigned count_ = 0;
  one some_[most];
};

/// The mutants that one operation is about, each with the order that it would have there. Those
/// that have changed something already are of no interest.
class weaker_orders {
 public:
  struct one {
    int mutant;
    std::memory_order order;
  };

  /// Those that the order carries; the others that are added have the order itself.
  explicit weaker_orders(std::memory_order order) noexcept : order_{bare(order)} {
    constexpr unsigned bits = order_bits + mutant_bits;
    for (unsigned left = static_cast<unsigned>(order) >> order_bits; left != 0; left >>= bits) {
      const auto weaker = static_cast<std::memory_order>(left & ((1U << order_bits) - 1));
      add(static_cast<int>(left >> order_bits & ((1U << mutant_bits) - 1)), weaker);
    }
  }

  template <class T>
  void add(const instead<T>& others) noexcept {
    for (const auto& each : others) add(each.mutant, order_);
  }

  [[nodiscard]] const one* begin() const noexcept { return some_; }
  [[nodiscard]] const one* end() const noexcept { return some_ + count_; }

 private:
  void add(int mutant, std::memory_order order) noexcept {
    if (met[mutant]) return;
    for (const one& each : *this) {
      if (each.mutant == mutant) return;
    }
    some_[count_++] = {mutant, order};
  }

  std::memory_order order_;
  unsigned count_ = 0;
  one some_[2 + 8 + 8];  // carried, and of two `instead`
};

}  // namespace sluice::explore
