// Channels of a capacity above zero, see kinds.hpp.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "sluice/detail/base/backoff.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/channel/core.hpp"
#include "sluice/detail/channel/visitor.hpp"
#include "sluice/detail/ring/ring.hpp"

namespace sluice::detail {

template <class T>
class bounded : public channel_core {
 public:
  bounded(std::size_t capacity, std::string name)
      : channel_core(channel_kind::bounded, std::move(name), capacity), ring_(capacity) {}

  [[gnu::always_inline]] bool put_at_once(T& item) noexcept {
    typename ring<T>::place at;
    if (!ring_.claim_put_at_once(at)) return ring_.puts_at_home() && put_at_home(item);
    ring_.publish(at, std::move(item));
    after_put();
    return true;
  }
  [[gnu::always_inline]] bool get_at_once(void* room) noexcept {
    typename ring<T>::place at;
    if (!ring_.claim_get_at_once(at)) return ring_.gets_at_home() && get_at_home(room);
    move_out(at, room);
    after_get();
    return true;
  }

  /// `ok`, `none` (full) or `closed`.
  claim try_put(T& item) noexcept {
    typename ring<T>::position at;
    for (backoff wait;; wait.pause()) {
      const claim found = ring_.claim_put(at, visitor{*this});
      if (found == claim::ok) [[likely]] {
        ring_.publish(at, std::move(item));
        after_put();
        return found;
      }
      if (found != claim::busy) return found;
    }
  }

  /// Fills raw storage: `ok`, `none` (empty) or `closed` (and drained).
  claim try_get(void* room) noexcept {
    typename ring<T>::position at;
    for (backoff wait;; wait.pause()) {
      const claim found = ring_.claim_get(at, visitor{*this});
      if (found == claim::ok) [[likely]] {
        move_out(at, room);
        after_get();
        return found;
      }
      if (found != claim::busy) return found;
    }
  }

  /// Puts up to `n` items from `first` on, as one run; advances `first`. `got` counts them.
  template <class Iterator>
  claim try_put_run(Iterator& first, std::size_t n, std::size_t& got) noexcept {
    typename ring<T>::place at;
    for (backoff wait;; wait.pause()) {
      const claim found = ring_.claim_put_run(at, n, got, visitor{*this});
      if (found == claim::ok) {
        for (std::size_t i = 0; i < got; ++i, ++first) {
          ring_.publish(at.number(i), std::move(*first));
        }
        after_put();
        return found;
      }
      if (found != claim::busy) return found;
    }
  }

  /// Gives up to `n` items to `sink(T&&)`, which does not throw.
  template <class Sink>
  claim try_get_run(std::size_t n, std::size_t& got, Sink&& sink) noexcept {
    typename ring<T>::place at;
    for (backoff wait;; wait.pause()) {
      const claim found = ring_.claim_get_run(at, n, got, visitor{*this});
      if (found == claim::ok) {
        for (std::size_t i = 0; i < got; ++i) {
          const auto one = at.number(i);
          T* item = ring_.take(one);
          sink(std::move(*item));
          item->~T();
          ring_.release(one);
        }
        after_get();
        return found;
      }
      if (found != claim::busy) return found;
    }
  }

  /// Hints, see ring.hpp.
  [[nodiscard]] bool seems_free() const noexcept { return ring_.seems_free(); }
  [[nodiscard]] bool seems_filled() const noexcept { return ring_.seems_filled(); }

  bool closed() const noexcept override { return ring_.closed(); }
  bool drained() const noexcept override { return ring_.drained(); }
  std::size_t size() const noexcept override { return ring_.size(); }
  std::size_t capacity() const noexcept override { return ring_.capacity(); }
  claimed total() const noexcept override {
    const auto at = ring_.look();
    return {ring_.count_to(at.tail), ring_.count_to(at.head)};
  }
  std::uint64_t unready_mark(side which) noexcept override {
    const auto at = look_at_home(ring_, *this);
    return which == side::put ? ring_.full_mark(at) : ring_.empty_mark(at);
  }
  void discard() noexcept override {
    std::size_t got = 0;
    while (try_get_run(64, got, [](T&&) noexcept {}) != claim::closed) cpu_pause();
  }

 protected:
  claim claim_for_put(wait_node& node) noexcept override {
    return ring_.claim_put(node.ticket, lock_holder{});
  }
  claim claim_for_get(wait_node& node) noexcept override {
    return ring_.claim_get(node.ticket, lock_holder{});
  }
  void mark_closed() noexcept override { ring_.close(); }
  void bring_home() noexcept override { ring_.bring_home(); }
  void share() noexcept override { ring_.share(); }
  void finish(wait_node& node) noexcept override {
    if (node.todo == job::put) {
      ring_.publish(node.ticket, std::move(*static_cast<T*>(node.item)));
    } else {
      move_out(node.ticket, node.item);
    }
  }
  void move_item(void* from, void* to) noexcept override { relocate<T>(from, to); }

 private:
  /// The fast path of a channel that is at home. False says nothing.
  [[gnu::noinline]] bool put_at_home(T& item) noexcept {
    typename ring<T>::place at;
    owner* const self = lock().enter_claim();
    if (self == nullptr) return false;
    const bool won = ring_.claim_put_at_home(at);
    home_lock::leave_claim(*self);
    if (!won) return false;
    ring_.publish(at, std::move(item));
    after_put();
    return true;
  }
  [[gnu::noinline]] bool get_at_home(void* room) noexcept {
    typename ring<T>::place at;
    owner* const self = lock().enter_claim();
    if (self == nullptr) return false;
    const bool won = ring_.claim_get_at_home(at);
    home_lock::leave_claim(*self);
    if (!won) return false;
    move_out(at, room);
    after_get();
    return true;
  }

  template <class Place>
  void move_out(Place at, void* room) noexcept {
    T* item = ring_.take(at);
    ::new (room) T(std::move(*item));
    item->~T();
    ring_.release(at);
  }

  ring<T> ring_;
};

}  // namespace sluice::detail
