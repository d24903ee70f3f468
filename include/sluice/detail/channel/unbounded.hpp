// Channels without a limit, see kinds.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/channel/core.hpp"
#include "sluice/detail/channel/visitor.hpp"
#include "sluice/detail/ring/segments.hpp"

namespace sluice::detail {

template <class T>
class unbounded_channel final : public channel_core {
 public:
  explicit unbounded_channel(std::string name)
      : channel_core(channel_kind::unbounded, std::move(name), far_ahead) {}

  [[gnu::always_inline]] bool put_at_once(T& item) noexcept {
    typename segments<T>::place at;
    if (!queue_.claim_put_at_once(at)) return queue_.puts_at_home() && put_at_home(item);
    queue_.publish(at, std::move(item));
    after_put();
    return true;
  }
  /// Without G3: nobody waits to put, and who joins waits for the last item, which is not got at
  /// once (I6 in segments.hpp).
  [[gnu::always_inline]] bool get_at_once(void* room) noexcept {
    typename segments<T>::place at;
    if (!queue_.claim_get_at_once(at)) return queue_.gets_at_home() && get_at_home(room);
    if (!queue_.is_published(at)) [[unlikely]]
      return wait_and_get(at, room);
    move_out(queue_.item_of(at), room);
    queue_.release(at);
    return true;
  }

  /// `ok` or `closed`. Throws std::bad_alloc before any effect.
  claim try_put(T& item) {
    typename segments<T>::position at;
    const claim found = queue_.claim_put(at, visitor{*this});
    if (found == claim::ok) [[likely]] {
      queue_.publish(at, std::move(item));
      after_put();
      if (queue_.is_last(at) && queue_.size() > far_ahead) [[unlikely]]
        let_getters_run();
    }
    return found;
  }

  /// Fills raw storage: `ok`, `none` (empty) or `closed` (and drained).
  claim try_get(void* room) noexcept {
    typename segments<T>::position at;
    const claim found = queue_.claim_get(at, visitor{*this});
    if (found == claim::ok) {
      finish_get(at, room);
      after_get();
    }
    return found;
  }

  /// Puts one item of the run; see bounded::try_put_run.
  template <class Iterator>
  claim try_put_run(Iterator& first, std::size_t, std::size_t& got) {
    got = 1;
    auto&& item = *first;
    const claim found = try_put(item);
    if (found == claim::ok) ++first;
    return found;
  }

  /// Takes one item of the run; see bounded::try_get_run.
  template <class Sink>
  claim try_get_run(std::size_t, std::size_t& got, Sink&& sink) noexcept {
    typename segments<T>::position at;
    got = 1;
    const claim found = queue_.claim_get(at, visitor{*this});
    if (found == claim::ok) {
      T* item = queue_.take(at);
      sink(std::move(*item));
      item->~T();
      queue_.release(at);
      after_get();
    }
    return found;
  }

  /// A hint, see segments.hpp.
  [[nodiscard]] bool seems_filled() const noexcept { return queue_.seems_filled(); }

  bool closed() const noexcept override { return queue_.closed(); }
  bool drained() const noexcept override { return queue_.drained(); }
  std::size_t size() const noexcept override { return queue_.size(); }
  std::size_t capacity() const noexcept override { return static_cast<std::size_t>(-1); }
  claimed total() const noexcept override { return queue_.total(); }
  std::uint64_t unready_mark(side which) noexcept override {
    return which == side::get ? queue_.empty_mark(look_at_home(queue_, *this)) : 0;
  }
  void discard() noexcept override {
    std::size_t got = 0;
    while (try_get_run(1, got, [](T&&) noexcept {}) != claim::closed) cpu_pause();
  }

 protected:
  claim claim_for_put(wait_node&) noexcept override { return claim::none; }  // nobody waits to put
  claim claim_for_get(wait_node& node) noexcept override {
    typename segments<T>::position at;
    const claim found = queue_.claim_get(at, lock_holder{});
    node.place = at.in;
    node.ticket = at.slot;
    return found;
  }
  void mark_closed() noexcept override { queue_.close(); }
  void bring_home() noexcept override { queue_.bring_home(); }
  void share() noexcept override { queue_.share(); }
  void finish(wait_node& node) noexcept override {
    finish_get(segments<T>::position::of(node.place, node.ticket), node.item);
  }
  void move_item(void* from, void* to) noexcept override { relocate<T>(from, to); }

 private:
  static void move_out(T* item, void* room) noexcept {
    ::new (room) T(std::move(*item));
    item->~T();
  }

  void finish_get(typename segments<T>::position at, void* room) noexcept {
    move_out(queue_.take(at), room);
    queue_.release(at);
  }

  /// The rest of get_at_once where the item is on its way: true.
  [[gnu::noinline]] static bool wait_and_get(typename segments<T>::place at, void* room) noexcept {
    move_out(segments<T>::take(at), room);
    segments<T>::release(at);
    return true;
  }

  /// The fast paths of a channel that is at home. False says nothing.
  [[gnu::noinline]] bool put_at_home(T& item) noexcept {
    typename segments<T>::place at;
    owner* const self = lock().enter_claim();
    if (self == nullptr) return false;
    const bool won = queue_.claim_put_at_home(at);
    home_lock::leave_claim(*self);
    if (!won) return false;
    queue_.publish(at, std::move(item));
    after_put();
    return true;
  }
  [[gnu::noinline]] bool get_at_home(void* room) noexcept {
    typename segments<T>::place at;
    owner* const self = lock().enter_claim();
    if (self == nullptr) return false;
    const bool won = queue_.claim_get_at_home(at);
    home_lock::leave_claim(*self);
    if (!won) return false;
    if (!queue_.is_published(at)) [[unlikely]]
      return wait_and_get(at, room);
    move_out(queue_.item_of(at), room);
    queue_.release(at);
    return true;
  }

  /// How far ahead of the getters a putter may be before it lets those on its worker run. Few
  /// enough that what waits stays in the first cache and that a turn is short, so that idle workers
  /// leave the two together; without it a fiber that only puts would fill memory for a time slice.
  static constexpr std::size_t far_ahead =
      std::clamp<std::size_t>(8 * 1024 / (sizeof(T) + 8), 64, 256);

  segments<T> queue_;
};

}  // namespace sluice::detail
