// Answers and errors of channel operations.
//
// Closed, full, empty and late are normal answers (`status`, `result<T>`); the operations that
// have no other way to say them throw the exceptions of the same names.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "sluice/cancelled.hpp"
#include "sluice/export.hpp"

namespace sluice {

/// How an operation ended that did not have to succeed.
enum class status : std::uint8_t { ok, empty, full, closed, timed_out };

/// The name of a status, for messages. Never null.
[[nodiscard]] SLUICE_API const char* to_string(status s) noexcept;

/// The base of all errors that a channel reports.
class SLUICE_API channel_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~channel_error() override;
};

/// The channel is closed: a put was refused, or a get found it drained.
class SLUICE_API channel_closed : public channel_error {
 public:
  using channel_error::channel_error;
  ~channel_closed() override;
};

/// There was no room.
class SLUICE_API channel_full : public channel_error {
 public:
  using channel_error::channel_error;
  ~channel_full() override;
};

/// There was no item.
class SLUICE_API channel_empty : public channel_error {
 public:
  using channel_error::channel_error;
  ~channel_empty() override;
};

/// The time was over before the operation could be done.
class SLUICE_API timed_out : public channel_error {
 public:
  using channel_error::channel_error;
  ~timed_out() override;
};

namespace detail {
[[noreturn]] SLUICE_API void throw_closed_put();
[[noreturn]] SLUICE_API void throw_closed_get(const std::exception_ptr& cause);
[[noreturn]] SLUICE_API void throw_status(status s, const std::exception_ptr& cause);
}  // namespace detail

/// An item, or the reason why there is none. Never waits; belongs to one strand at a time.
template <class T>
class [[nodiscard]] result {
 public:
  /// What the item is.
  using value_type = T;

  /// No item; `s` is not `ok`. `cause` is what the channel was closed with.
  explicit result(sluice::status s, std::exception_ptr cause = nullptr) noexcept
      : status_(s), cause_(std::move(cause)) {}
  /// The item.
  explicit result(T&& item) noexcept requires(!std::same_as<T, sluice::status>)
      : result(std::in_place, std::move(item)) {}
  /// As above, also for a T that is itself a status.
  result(std::in_place_t, T&& item) noexcept
      : item_(std::in_place, std::move(item)), status_(sluice::status::ok) {}

  /// Is there an item?
  explicit operator bool() const noexcept { return item_.has_value(); }
  /// Is there an item?
  [[nodiscard]] bool has_value() const noexcept { return item_.has_value(); }
  /// `ok`, or the reason why there is no item.
  [[nodiscard]] sluice::status status() const noexcept { return status_; }
  /// What the channel was closed with, if this is its end and there was a cause; else null.
  [[nodiscard]] const std::exception_ptr& cause() const noexcept { return cause_; }

  /// The item; there must be one.
  T& operator*() & noexcept { return *item_; }
  /// The item; there must be one.
  const T& operator*() const& noexcept { return *item_; }
  /// The item, to move from; there must be one.
  T&& operator*() && noexcept { return std::move(*item_); }
  /// Of the item; there must be one.
  T* operator->() noexcept { return std::addressof(*item_); }
  /// Of the item; there must be one.
  const T* operator->() const noexcept { return std::addressof(*item_); }

  /// The item, or throws channel_empty, channel_closed, timed_out or the channel's cause.
  T& value() & { return demand(), *item_; }
  /// As value above; what may not be changed.
  const T& value() const& { return demand(), *item_; }
  /// As value above, moved out.
  T&& value() && { return demand(), std::move(*item_); }

 private:
  void demand() const {
    if (!item_.has_value()) detail::throw_status(status_, cause_);
  }

  std::optional<T> item_;
  sluice::status status_;
  std::exception_ptr cause_;
};

}  // namespace sluice
