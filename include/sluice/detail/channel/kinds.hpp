// The three kinds of channel: what each does for the slow paths of core.hpp, and its fast paths.
//
// A fast path claims and publishes (claims and releases) without the lock, then looks for waiters
// of the other side. All are noexcept but for the unbounded put, which may need memory. The forms
// `at_once` are what is left where nothing out of the way happens: they need no stack frame, are
// inlined into the caller's code and say false if the whole operation is to be tried.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "sluice/detail/base/backoff.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/channel/core.hpp"
#include "sluice/detail/ring/ring.hpp"
#include "sluice/detail/ring/segments.hpp"

namespace sluice::detail {

template <class T>
void relocate(void* from, void* to) noexcept {
  T* item = static_cast<T*>(from);
  ::new (to) T(std::move(*item));
}

// ---- bounded -----------------------------------------------------------------------------------

template <class T>
class bounded : public channel_core {
 public:
  bounded(std::size_t capacity, std::string name)
      : channel_core(channel_kind::bounded, std::move(name)), ring_(capacity) {}

  [[gnu::always_inline]] bool put_at_once(T& item) noexcept {
    typename ring<T>::place at;
    if (!ring_.claim_put_at_once(at)) return false;
    ring_.publish(at, std::move(item));
    after_put();
    return true;
  }
  [[gnu::always_inline]] bool get_at_once(void* room) noexcept {
    typename ring<T>::place at;
    if (!ring_.claim_get_at_once(at)) return false;
    move_out(at, room);
    after_get();
    return true;
  }

  /// `ok`, `none` (full) or `closed`.
  claim try_put(T& item) noexcept {
    typename ring<T>::position at;
    for (backoff wait;; wait.pause()) {
      const claim found = ring_.claim_put(at);
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
      const claim found = ring_.claim_get(at);
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
      const claim found = ring_.claim_put_run(at, n, got);
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
      const claim found = ring_.claim_get_run(at, n, got);
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
    const auto [head, tail] = ring_.ends();
    return {ring_.count_to(tail), ring_.count_to(head)};
  }
  std::uint64_t unready_mark(side which) noexcept override {
    const auto [head, tail] = ring_.ends();
    return tail == head + (which == side::get ? 0 : ring_.lap()) ? tail + 1 : 0;
  }
  void discard() noexcept override {
    std::size_t got = 0;
    while (try_get_run(64, got, [](T&&) noexcept {}) != claim::closed) cpu_pause();
  }

 protected:
  claim claim_for_put(wait_node& node) noexcept override { return ring_.claim_put(node.ticket); }
  claim claim_for_get(wait_node& node) noexcept override { return ring_.claim_get(node.ticket); }
  void mark_closed() noexcept override { ring_.close(); }
  void finish(wait_node& node) noexcept override {
    if (node.todo == job::put) {
      ring_.publish(node.ticket, std::move(*static_cast<T*>(node.item)));
    } else {
      move_out(node.ticket, node.item);
    }
  }
  void move_item(void* from, void* to) noexcept override { relocate<T>(from, to); }

 private:
  template <class Place>
  void move_out(Place at, void* room) noexcept {
    T* item = ring_.take(at);
    ::new (room) T(std::move(*item));
    item->~T();
    ring_.release(at);
  }

  ring<T> ring_;
};

// ---- unbounded ---------------------------------------------------------------------------------

template <class T>
class unbounded_channel final : public channel_core {
 public:
  explicit unbounded_channel(std::string name)
      : channel_core(channel_kind::unbounded, std::move(name)) {}

  [[gnu::always_inline]] bool put_at_once(T& item) noexcept {
    typename segments<T>::place at;
    if (!queue_.claim_put_at_once(at)) return false;
    queue_.publish(at, std::move(item));
    after_put();
    return true;
  }
  /// Without G3: nobody waits to put, and who joins waits for the last item, which is not got at
  /// once (I6 in segments.hpp).
  [[gnu::always_inline]] bool get_at_once(void* room) noexcept {
    typename segments<T>::place at;
    if (!queue_.claim_get_at_once(at)) return false;
    if (!queue_.is_published(at)) [[unlikely]]
      return wait_and_get(at, room);
    move_out(queue_.item_of(at), room);
    queue_.release(at);
    return true;
  }

  /// `ok` or `closed`. Throws std::bad_alloc before any effect.
  claim try_put(T& item) {
    typename segments<T>::position at;
    const claim found = queue_.claim_put(at);
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
    const claim found = queue_.claim_get(at);
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
    const claim found = queue_.claim_get(at);
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
    return which == side::get ? queue_.mark_if_empty() : 0;
  }
  void discard() noexcept override {
    std::size_t got = 0;
    while (try_get_run(1, got, [](T&&) noexcept {}) != claim::closed) cpu_pause();
  }

 protected:
  claim claim_for_put(wait_node&) noexcept override { return claim::none; }  // nobody waits to put
  claim claim_for_get(wait_node& node) noexcept override {
    typename segments<T>::position at;
    const claim found = queue_.claim_get(at);
    node.place = at.in;
    node.ticket = at.slot;
    return found;
  }
  void mark_closed() noexcept override { queue_.close(); }
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

  /// How far ahead of the getters a putter may be before it lets those on its worker run. Few
  /// enough that what waits stays in the first cache and that a turn is short, so that idle workers
  /// leave the two together; without it a fiber that only puts would fill memory for a time slice.
  static constexpr std::size_t far_ahead =
      std::clamp<std::size_t>(8 * 1024 / (sizeof(T) + 8), 64, 256);

  segments<T> queue_;
};

// ---- rendezvous --------------------------------------------------------------------------------

template <class T>
class rendezvous_channel final : public channel_core {
 public:
  explicit rendezvous_channel(std::string name)
      : channel_core(channel_kind::rendezvous, std::move(name)) {}

  /// `ok` only if a getter waits, else `none` or `closed`.
  claim try_put(T& item) noexcept { return meet_getter(std::addressof(item)); }
  /// `ok` only if a putter waits, else `none` or `closed`.
  claim try_get(void* room) noexcept { return meet_putter(room); }

  template <class Iterator>
  claim try_put_run(Iterator& first, std::size_t, std::size_t& got) noexcept {
    got = 1;
    auto&& item = *first;
    const claim found = try_put(item);
    if (found == claim::ok) ++first;
    return found;
  }

  template <class Sink>
  claim try_get_run(std::size_t, std::size_t& got, Sink&& sink) noexcept {
    alignas(T) std::byte room[sizeof(T)];
    got = 1;
    const claim found = meet_putter(room);
    if (found == claim::ok) {
      T* item = std::launder(reinterpret_cast<T*>(room));
      sink(std::move(*item));
      item->~T();
    }
    return found;
  }

  bool closed() const noexcept override {
    // order: seq_cst, a close happens before every answer that says closed
    // mutation: acquire, `not yet` is an answer as of some moment; who waits looks under the lock
    return closed_.load(memory_order_seq_cst);
  }
  bool drained() const noexcept override { return closed(); }
  std::size_t size() const noexcept override { return 0; }
  std::size_t capacity() const noexcept override { return 0; }
  claimed total() const noexcept override { return {}; }
  std::uint64_t unready_mark(side which) noexcept override { return mark_if_alone(which); }
  void discard() noexcept override {}

 protected:
  claim claim_for_put(wait_node&) noexcept override { return claim::none; }
  claim claim_for_get(wait_node&) noexcept override { return claim::none; }
  void mark_closed() noexcept override {
    // order: C1 seq_cst, as in the other kinds
    // mutation: release, whoever waits has had the lock of the close, or will have it
    closed_.store(true, memory_order_seq_cst);
  }
  void finish(wait_node&) noexcept override {}
  void move_item(void* from, void* to) noexcept override { relocate<T>(from, to); }

 private:
  /// Written under the lock, once; read by all.
  atomic<bool> closed_{false};
};

/// Calls `f` with the channel as what it is.
template <class T, class F>
decltype(auto) as_kind(channel_core& core, F&& f) {
  switch (core.kind()) {
    case channel_kind::bounded:
      return f(static_cast<bounded<T>&>(core));
    case channel_kind::unbounded:
      return f(static_cast<unbounded_channel<T>&>(core));
    case channel_kind::rendezvous:
      break;
  }
  return f(static_cast<rendezvous_channel<T>&>(core));
}

}  // namespace sluice::detail
