// channel<T>: a typed, closeable queue that is finished when it is closed AND drained.
//
// The writer closes; readers get every item that was accepted before the close, then the end. A
// bounded channel is back-pressure: a put waits until there is room. Works between fibers of any
// runtime and plain threads alike: a fiber parks, a thread blocks in the kernel.
//
// Guarantees: FIFO per channel; operations are linearizable; waiters of one side are served in
// the order of their arrival; a put that took effect before the close is delivered; a put that
// did not return normally has left its item unmoved; a put happens before the get that returns
// its item, the k-th get before the completion of put k + capacity, a close before every answer
// that says closed. Waiting never allocates.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <iterator>
#include <limits>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>

#include "sluice/detail/channel/getting.hpp"
#include "sluice/detail/channel/handle.hpp"
#include "sluice/detail/channel/putting.hpp"
#include "sluice/export.hpp"
#include "sluice/status.hpp"

namespace sluice {

/// Makes a channel whose puts never wait; memory follows the backlog and returns after it.
struct unbounded_t {
  explicit unbounded_t() = default;
};
inline constexpr unbounded_t unbounded{};

/// Makes a channel whose puts complete when a get takes the item.
struct rendezvous_t {
  explicit rendezvous_t() = default;
};
inline constexpr rendezvous_t rendezvous{};

/// What the constructors of channels take last: `channel<int> ch{8, {.name = "lines"}}`.
struct channel_options {
  /// For dumps: they list every channel that has a name with what was put, got and waited for. Each
  /// put then looks how full the channel is. One without a name has no such costs.
  std::string name = {};
};

namespace detail {

/// Throws std::invalid_argument for 0 and negative numbers.
[[noreturn]] SLUICE_API void throw_bad_capacity(bool negative);

template <std::integral I>
std::size_t checked_capacity(I capacity) {
  if (capacity <= I{0}) throw_bad_capacity(capacity < I{0});
  if (static_cast<std::uintmax_t>(capacity) > std::numeric_limits<std::size_t>::max()) {
    return std::numeric_limits<std::size_t>::max();
  }
  return static_cast<std::size_t>(capacity);
}

template <class T>
constexpr void check_item_type() {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "sluice: the items of a channel must be nothrow move constructible, so that none "
                "is lost half way; use a channel of std::unique_ptr<T>");
  static_assert(std::is_nothrow_destructible_v<T>,
                "sluice: the items of a channel must be nothrow destructible; use a channel of "
                "std::unique_ptr<T>");
}

}  // namespace detail

/// A shared handle of a channel: copies name the same channel, so all operations are const and a
/// lambda captures it by value. The channel lives as long as a handle of it; dropping the last
/// one destroys what is left. A moved-from handle can be closed (false), compared, asked
/// `valid()`, assigned and destroyed; everything else throws std::logic_error.
template <class T>
class channel : public detail::putting<channel<T>, T>, public detail::getting<channel<T>, T> {
 public:
  /// What goes through it.
  using value_type = T;

  /// What `capacity()` says of an unbounded channel.
  static constexpr std::size_t no_limit = static_cast<std::size_t>(-1);

  /// Unbounded. Throws std::bad_alloc.
  channel() : channel(unbounded) {}
  /// Unbounded, said aloud, with or without a name. Throws std::bad_alloc.
  explicit channel(unbounded_t, channel_options options = {})
      : handle_(new detail::unbounded_channel<T>(std::move(options.name))) {
    detail::check_item_type<T>();
    handle_.get()->show();
  }
  /// Rendezvous. Throws std::bad_alloc.
  explicit channel(rendezvous_t, channel_options options = {})
      : handle_(new detail::rendezvous_channel<T>(std::move(options.name))) {
    detail::check_item_type<T>();
    handle_.get()->show();
  }
  /// Bounded: at most `capacity` items wait. Throws std::invalid_argument below 1,
  /// std::length_error if that many cannot be represented, std::bad_alloc.
  template <std::integral I>
  requires(!std::same_as<I, bool>) explicit channel(I capacity, channel_options options = {})
      : handle_(
            new detail::bounded<T>(detail::checked_capacity(capacity), std::move(options.name))) {
    detail::check_item_type<T>();
    handle_.get()->show();
  }

  /// No put is accepted from here on; what was accepted is still delivered. Idempotent, true for
  /// the one call that closed. Waiting putters get channel_closed; waiting getters that no item
  /// can reach get the end. Never waits; any strand.
  bool close() const noexcept { return handle_.get() != nullptr && handle_.get()->close(nullptr); }
  /// As close; getters see `cause` rethrown after the drain instead of the plain end. The first
  /// close decides; a null cause is a plain close.
  bool close(std::exception_ptr cause) const noexcept {
    return handle_.get() != nullptr && handle_.get()->close(std::move(cause));
  }

  /// Was it closed? Items may still be there. Never waits; any strand.
  [[nodiscard]] bool closed() const { return handle_.for_use_in("closed").closed(); }
  /// As many items wait as fit, at some moment during the call. Always true for a rendezvous
  /// channel, never for an unbounded one.
  [[nodiscard]] bool full() const {
    const detail::channel_core& of = handle_.for_use_in("full");
    return of.size() == of.capacity();
  }
  /// How many items can wait: `no_limit` if unbounded, 0 if rendezvous.
  [[nodiscard]] std::size_t capacity() const { return handle_.for_use_in("capacity").capacity(); }
  /// The name given at the start, or nothing.
  [[nodiscard]] const std::string& name() const { return handle_.for_use_in("name").name(); }

  /// Does it name a channel? Not after it was moved from.
  [[nodiscard]] bool valid() const noexcept { return handle_.get() != nullptr; }
  /// The same channel? Two moved-from handles are equal.
  friend bool operator==(const channel& a, const channel& b) noexcept {
    return a.handle_.get() == b.handle_.get();
  }

 private:
  template <class, class>
  friend class detail::putting;
  template <class, class>
  friend class detail::getting;
  friend struct detail::handle_access;
  template <class>
  friend class sender;
  template <class>
  friend class receiver;

  /// Takes over a channel that was made.
  explicit channel(detail::bounded<T>& made) noexcept : handle_(&made) {}

  detail::core_handle<detail::plain_count> handle_;
};

}  // namespace sluice

template <class T>
inline constexpr bool std::ranges::disable_sized_range<sluice::channel<T>> = true;
