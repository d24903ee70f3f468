// outcome<R>: how a function ended, with its value or with an exception.
#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace sluice {

/// What gather_results says of one function. Copyable as R is; no operation waits.
template <class R>
class outcome {
  using stored = std::conditional_t<std::is_reference_v<R>, std::remove_reference_t<R>*, R>;

 public:
  /// What the function returns.
  using value_type = R;

  /// It has thrown `error`, which is not null.
  explicit outcome(std::exception_ptr error) noexcept : error_(std::move(error)) {}
  /// It has returned `value`.
  explicit outcome(std::in_place_t, R&& value) : value_(wrap(value)) {}

  /// Has the function returned? `error()` says what it has thrown otherwise.
  [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
  /// As has_value.
  explicit operator bool() const noexcept { return has_value(); }

  /// The value, moved out of an rvalue; or rethrows what escaped the function.
  decltype(auto) value() & { return unwrap(*this); }
  /// As value above; what may not be changed.
  decltype(auto) value() const& { return unwrap(*this); }
  /// As value above, moved out.
  R&& value() && {
    demand();
    if constexpr (std::is_reference_v<R>) {
      return static_cast<R&&>(**value_);
    } else {
      return std::move(*value_);
    }
  }
  /// What escaped the function; null if there is a value.
  [[nodiscard]] const std::exception_ptr& error() const noexcept { return error_; }

 private:
  static stored wrap(R& value) {
    if constexpr (std::is_reference_v<R>) {
      return std::addressof(value);
    } else {
      return std::move(value);
    }
  }
  template <class Self>
  static auto& unwrap(Self& self) {
    self.demand();
    if constexpr (std::is_reference_v<R>) {
      return **self.value_;
    } else {
      return *self.value_;
    }
  }
  void demand() const {
    if (error_) std::rethrow_exception(error_);
  }

  std::optional<stored> value_;
  std::exception_ptr error_;
};

/// What gather_results says of a function that returns nothing.
template <>
class outcome<void> {
 public:
  /// The function returns nothing.
  using value_type = void;

  /// It has returned.
  outcome() noexcept = default;
  /// It has thrown `error`, which is not null.
  explicit outcome(std::exception_ptr error) noexcept : error_(std::move(error)) {}

  /// Has the function returned?
  [[nodiscard]] bool has_value() const noexcept { return error_ == nullptr; }
  /// As has_value.
  explicit operator bool() const noexcept { return has_value(); }
  /// Rethrows what escaped the function, if anything did.
  void value() const {
    if (error_) std::rethrow_exception(error_);
  }
  /// What escaped the function; null if it has returned.
  [[nodiscard]] const std::exception_ptr& error() const noexcept { return error_; }

 private:
  std::exception_ptr error_;
};

}  // namespace sluice
