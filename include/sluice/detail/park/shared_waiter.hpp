// One wait for one of several things: the cases share its claim word, so exactly one of them ends
// it. Each case has a node of its own (wait_list.hpp) whose owner this is.
#pragma once

#include <cstdint>
#include <functional>

#include "sluice/detail/park/waiter.hpp"

namespace sluice::detail {

class shared_waiter : public waiter {
 public:
  /// `in_play` cases can still come, those included that are not enlisted yet.
  shared_waiter(parker& strand, wait_site site, std::uint32_t in_play) noexcept
      : waiter(strand, site), in_play_(in_play) {}

  /// One case can never come. Can another? Called only by a party that holds the wait reserved.
  [[nodiscard]] bool drop_case() noexcept { return --in_play_ != 0; }

 private:
  std::uint32_t in_play_;
};

/// What became of an attempt to reserve two waits. Unless it is `both`, none is held.
enum class reservation : std::uint8_t { both, first_has_ended, second_has_ended };

/// Reserves two different waits, in the order of their addresses: of several parties that hold one
/// and spin for another, one always finds the next one free.
[[nodiscard]] inline reservation try_reserve_both(waiter& first, waiter& second) noexcept {
  const bool in_order = std::less<>()(&first, &second);
  waiter& lower = in_order ? first : second;
  waiter& upper = in_order ? second : first;
  waiter* ended = nullptr;
  if (!lower.try_reserve()) {
    ended = &lower;
  } else if (!upper.try_reserve()) {
    lower.unreserve();
    ended = &upper;
  }
  if (ended == nullptr) return reservation::both;
  return ended == &first ? reservation::first_has_ended : reservation::second_has_ended;
}

}  // namespace sluice::detail
