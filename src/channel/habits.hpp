// When a channel is to be at home with a thread: if only fibers of one have waited there for some
// time. Whoever comes from another thread then pays some 10 us, so a stay must be long: if it was
// not, the next takes longer to come.
#pragma once

#include <cstdint>

#include "channel/home_policy.hpp"
#include "sluice/detail/channel/core.hpp"

namespace sluice::detail {

constexpr std::uint32_t in_row_most = 0xffff;
/// So many waits of a stay have paid for its end.
constexpr std::uint32_t waits_that_pay = 1024;

/// How many waits in a row it takes.
inline std::uint32_t waits_to_move_in(std::uint8_t reluctance) noexcept {
  return least_waits_to_move_in << reluctance;
}

/// R4. The lock is held.
inline void channel_core::count_up(atomic<std::uint32_t>& count) noexcept {
  if (lock_.is_at_home()) {
    // order: relaxed, whoever looks next sees it by L5, or is this thread
    return count.store(count.load(memory_order_relaxed) + 1, memory_order_relaxed);
  }
  // order: R4 seq_cst, before R5 in the one order with S1, S3, G1 and G3
  count.fetch_add(1, memory_order_seq_cst);
}

/// So many waits of the running strand. The lock is held; it may come home by that.
[[gnu::always_inline]] inline void channel_core::note_visit(std::uint32_t waits) noexcept {
  const std::uint32_t now = in_row_ + waits;
  in_row_ = static_cast<std::uint16_t>(now < in_row_most ? now : in_row_most);
  if (lock_.is_at_home()) return;
  if (stays_ || last_visitor_ != static_cast<std::uint16_t>(this_owner().number) ||
      now >= waits_to_move_in(reluctance_)) [[unlikely]] {
    change_habits();
  }
}

}  // namespace sluice::detail
