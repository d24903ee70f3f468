// When a channel comes home, and how it leaves. The argument stands in base/home_lock.hpp.
#include "channel/habits.hpp"

#include <algorithm>
#include <mutex>

#include "sluice/detail/channel/core.hpp"

namespace sluice::detail {

[[gnu::noinline]] void channel_core::come_as_guest() noexcept {
  const std::lock_guard guard(lock_);
  if (!lock_.is_at_home()) share();
}

[[gnu::noinline]] void channel_core::lock_anew() noexcept { lock_.lock(); }
[[gnu::noinline]] void channel_core::unlock_anew() noexcept { lock_.unlock(); }

[[gnu::noinline]] owner* channel_core::enter_claim() noexcept { return lock_.enter_claim(); }

bool channel_core::is_at_home_here() noexcept {
  owner* const self = enter_claim();
  if (self != nullptr) home_lock::leave_claim(*self);
  return self != nullptr;
}

/// Another thread than the last one has waited, or an owner has left, or it is time to move in. The
/// lock is held by one who is no owner.
[[gnu::noinline]] void channel_core::change_habits() noexcept {
  const std::uint32_t self = this_owner().number;
  if (stays_) {  // somebody moved in, and is gone
    stays_ = false;
    const bool paid = in_row_ >= waits_that_pay;
    reluctance_ = paid ? 0 : std::min<std::uint8_t>(reluctance_ + 2, most_reluctance);
    in_row_ = 0;
  }
  if (last_visitor_ != static_cast<std::uint16_t>(self)) {
    last_visitor_ = static_cast<std::uint16_t>(self);
    in_row_ = 0;
  }
  if (in_row_ < waits_to_move_in(reluctance_)) return;
  in_row_ = 0;
  if (!home_lock::may_move_in()) return;
  stays_ = true;
  move_in_locked();
}

void channel_core::move_in_locked() noexcept {
  bring_home();
  lock_.move_in();
}

void channel_core::move_in() noexcept {
  if (!home_lock::may_move_in()) return;
  const std::lock_guard guard(lock_);
  if (!lock_.is_at_home()) move_in_locked();
}

}  // namespace sluice::detail
