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
  using value_type = R;

  explicit outcome(std::exception_ptr error) noexcept : error_(std::move(error)) {}
  explicit outcome(std::in_place_t, R&& value) : value_(wrap(value)) {}

  [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value, or rethrows what escaped the function.
  decltype(auto) value() & { return unwrap(*this); }
  decltype(auto) value() const& { return unwrap(*this); }
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

template <>
class outcome<void> {
 public:
  using value_type = void;

  outcome() noexcept = default;
  explicit outcome(std::exception_ptr error) noexcept : error_(std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return error_ == nullptr; }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (error_) std::rethrow_exception(error_);
  }
  [[nodiscard]] const std::exception_ptr& error() const noexcept { return error_; }

 private:
  std::exception_ptr error_;
};

}  // namespace sluice
