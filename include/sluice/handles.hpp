// sender<T> and receiver<T>: handles with a direction.
//
// Each has its own half of the channel's operations and counts its copies: when the last sender
// goes the channel closes; when the last receiver goes it closes and what is left is destroyed.
#pragma once

#include <cstddef>
#include <exception>
#include <ranges>
#include <utility>

#include "sluice/channel.hpp"

namespace sluice {

namespace detail {
template <class Count>
core_handle<Count> counted(channel_core& core) noexcept {
  Count::add(core);
  return core_handle<Count>(&core);
}
}  // namespace detail

/// The putting handle. Copyable; any strand. See channel for what the operations mean.
template <class T>
class sender : public detail::putting<sender<T>, T> {
 public:
  /// What goes through it.
  using value_type = T;

  /// Throws std::logic_error if `ch` was moved from.
  explicit sender(const channel<T>& ch)
      : handle_(detail::counted<detail::sender_count>(ch.handle_.for_use_in("sender"))) {}

  /// As channel::close, with and without a cause.
  bool close() const noexcept { return handle_.get() != nullptr && handle_.get()->close(nullptr); }
  /// As channel::close with a cause.
  bool close(std::exception_ptr cause) const noexcept {
    return handle_.get() != nullptr && handle_.get()->close(std::move(cause));
  }
  /// As those of channel.
  [[nodiscard]] bool closed() const { return handle_.for_use_in("closed").closed(); }
  /// As channel::full.
  [[nodiscard]] bool full() const {
    const detail::channel_core& of = handle_.for_use_in("full");
    return of.size() == of.capacity();
  }
  /// As channel::capacity.
  [[nodiscard]] std::size_t capacity() const { return handle_.for_use_in("capacity").capacity(); }
  /// Does it name a channel? Not after it was moved from.
  [[nodiscard]] bool valid() const noexcept { return handle_.get() != nullptr; }
  /// Do both name the same channel, or none?
  friend bool operator==(const sender& a, const sender& b) noexcept {
    return a.handle_.get() == b.handle_.get();
  }

 private:
  friend struct detail::handle_access;
  template <class, class>
  friend class detail::putting;

  detail::core_handle<detail::sender_count> handle_;
};

/// The getting handle. Copyable; any strand. See channel for what the operations mean.
template <class T>
class receiver : public detail::getting<receiver<T>, T> {
 public:
  /// What goes through it.
  using value_type = T;

  /// Throws std::logic_error if `ch` was moved from.
  explicit receiver(const channel<T>& ch)
      : handle_(detail::counted<detail::receiver_count>(ch.handle_.for_use_in("receiver"))) {}

  /// As channel::close, with and without a cause.
  bool close() const noexcept { return handle_.get() != nullptr && handle_.get()->close(nullptr); }
  /// As channel::close with a cause.
  bool close(std::exception_ptr cause) const noexcept {
    return handle_.get() != nullptr && handle_.get()->close(std::move(cause));
  }
  /// As those of channel.
  [[nodiscard]] bool closed() const { return handle_.for_use_in("closed").closed(); }
  /// As channel::capacity.
  [[nodiscard]] std::size_t capacity() const { return handle_.for_use_in("capacity").capacity(); }
  /// Does it name a channel? Not after it was moved from.
  [[nodiscard]] bool valid() const noexcept { return handle_.get() != nullptr; }
  /// Do both name the same channel, or none?
  friend bool operator==(const receiver& a, const receiver& b) noexcept {
    return a.handle_.get() == b.handle_.get();
  }

 private:
  friend struct detail::handle_access;
  template <class, class>
  friend class detail::getting;

  detail::core_handle<detail::receiver_count> handle_;
};

/// What make_channel returns: both ends of a new channel.
template <class T>
struct handles {
  /// The putting end.
  sender<T> tx;
  /// The getting end.
  receiver<T> rx;
};

/// `auto [tx, rx] = make_channel<T>(capacity or tag, options);` Throws as channel's constructors.
template <class T, class Capacity>
[[nodiscard]] handles<T> make_channel(Capacity capacity, channel_options options = {}) {
  const channel<T> ch(capacity, std::move(options));
  return {sender<T>(ch), receiver<T>(ch)};
}
/// As above, unbounded.
template <class T>
[[nodiscard]] handles<T> make_channel() {
  return make_channel<T>(unbounded);
}

}  // namespace sluice

template <class T>
inline constexpr bool std::ranges::disable_sized_range<sluice::receiver<T>> = true;
