// What a scenario is written with.
//
// A scenario is a function: it prepares, runs its strands, and checks. It begins anew in each
// schedule; what it uses must live on its stack or in memory that it takes.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "engine/explorer.hpp"
#include "engine/hooks.hpp"

namespace sluice::explore {

/// An item with a number above 0; a moved-from one has 0. Each is destroyed once.
class item {
 public:
  explicit item(int number) noexcept : number_(number) { count_item(1); }
  item(item&& other) noexcept : number_(std::exchange(other.number_, 0)) {
    check(number_ > 0, "an item is whole when it is moved");
    count_item(1);
  }
  item& operator=(item&& other) noexcept {
    number_ = std::exchange(other.number_, 0);
    return *this;
  }
  ~item() {
    number_ = -1;
    count_item(-1);
  }
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
};

/// Which items came out, for one getter or for all: noted outside of the schedule's memory.
class receipts {
 public:
  /// An item came out, the last of its putter's that this getter has seen.
  void note(int number) noexcept {
    check(number > 0 && number < 64, "an item that was put");
    check((got_ >> number & 1) == 0, "no item comes out twice");
    got_ |= std::uint64_t{1} << number;
    ++count_;
  }
  [[nodiscard]] bool has(int number) const noexcept { return (got_ >> number & 1) != 0; }
  [[nodiscard]] int count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t set() const noexcept { return got_; }

 private:
  std::uint64_t got_ = 0;
  int count_ = 0;
};

/// Runs the functions as strands 1, 2 ... and returns when all have ended (that some wait for ever
/// is an error).
template <class... F>
void strands(F&&... f) {
  void (*const entries[])(void*) = {
      [](void* one) { (*static_cast<std::remove_cvref_t<F>*>(one))(); }...};
  void* const arguments[] = {const_cast<void*>(static_cast<const void*>(&f))...};
  run_strands(sizeof...(F), entries, arguments, rest::is_an_error);
}

/// For the tables of scenarios that are functions.
template <void (*body)()>
void call(const void*) {
  body();
}

/// The same for those that are given a capacity.
template <auto scenario_of, auto capacity>
void with() {
  scenario_of(capacity);
}

scenarios ring_scenarios();
scenarios segment_scenarios();
scenarios batch_scenarios();
scenarios channel_scenarios();
scenarios pair_scenarios();
scenarios handle_scenarios();
scenarios select_scenarios();
scenarios queue_scenarios();
scenarios stop_scenarios();
scenarios sync_scenarios();
scenarios timer_scenarios();
scenarios runtime_scenarios();
scenarios task_scenarios();
scenarios census_scenarios();
scenarios idle_scenarios();
scenarios fiber_scenarios();
scenarios scope_scenarios();
scenarios range_scenarios();

}  // namespace sluice::explore
