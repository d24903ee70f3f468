// What the kinds of channel share: how an item moves, and how a strand claims without the lock.
#pragma once

#include <new>
#include <utility>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/home_lock.hpp"

namespace sluice::detail {

template <class T>
void relocate(void* from, void* to) noexcept {
  T* item = static_cast<T*>(from);
  ::new (to) T(std::move(*item));
}

/// The claims of those who do not hold the lock, on a channel that is at home somewhere: if it is
/// so here they are made at once, otherwise as soon as it is at home nowhere.
template <class Channel>
struct visitor {
  explicit visitor(Channel& channel) noexcept : at(channel) {}

  [[nodiscard]] bool knows() const noexcept {
    if (at.is_at_home_here()) return true;
    at.come_as_guest();
    return false;
  }
  template <class Word, class Position>
  [[nodiscard]] [[gnu::always_inline]] bool advance(Word& end, Position from,
                                                    Position to) const noexcept {
    owner* const self = at.enter_claim();
    if (self == nullptr) [[unlikely]] {
      at.come_as_guest();
      return false;
    }
    // order: relaxed, the owner's, or of before it moved in
    const bool mine = end.load(memory_order_relaxed) == from;
    // order: release, as at home in ring.hpp; whoever comes next sees it by L5
    // mutation: relaxed, the owner's fast paths claim so too, and there it is seen
    if (mine) end.store(to, memory_order_release);
    home_lock::leave_claim(*self);
    return mine;
  }

  Channel& at;
};

/// Where its ends are, for those who do not hold the lock.
template <class Queue, class Channel>
[[nodiscard]] typename Queue::ends look_at_home(const Queue& queue, Channel& at) noexcept {
  for (;;) {
    const auto seen = queue.look();
    if (!seen.are_at_home() || visitor<Channel>{at}.knows()) return seen;
  }
}

}  // namespace sluice::detail
