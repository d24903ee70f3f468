// A task with its function, its arguments and the place for what it returns.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "sluice/cancelled.hpp"
#include "sluice/detail/sched/task_core.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

/// Keeps an R until it is taken; references are kept as pointers.
template <class R>
class task_result : public task_core {
 public:
  using task_core::task_core;
  ~task_result() override {
    if (this->full_) value()->~stored();
  }

  /// The value. Done without an error; called once.
  R take() { return static_cast<R&&>(unwrap(*value())); }

 protected:
  template <class F>
  void keep(F&& f) {
    ::new (room()) stored(wrap(std::forward<F>(f)));
    this->full_ = true;
  }

 private:
  using stored = std::conditional_t<std::is_reference_v<R>, std::remove_reference_t<R>*, R>;

  template <class F>
  static stored wrap(F&& f) {
    if constexpr (std::is_reference_v<R>) {
      auto&& referred = f();
      return std::addressof(referred);
    } else {
      return f();
    }
  }
  static auto& unwrap(stored& value) noexcept {
    if constexpr (std::is_reference_v<R>) {
      return *value;
    } else {
      return value;
    }
  }
  [[nodiscard]] void* room() noexcept {
    if constexpr (is_small) {
      return this->place_of_value();
    } else {
      return own_.bytes;
    }
  }
  [[nodiscard]] stored* value() noexcept { return std::launder(static_cast<stored*>(room())); }

  static constexpr bool is_small = task_core::template fits_beside_error<stored>;
  struct none {};
  struct some {
    alignas(stored) std::byte bytes[sizeof(stored)];
  };
  [[no_unique_address]] std::conditional_t<is_small, none, some> own_;
};

template <>
class task_result<void> : public task_core {
 public:
  using task_core::task_core;
  void take() noexcept {}

 protected:
  template <class F>
  void keep(F&& f) {
    f();
  }
};

/// A function with its arguments, from the spawn until end().
template <class R, class F, class... Args>
class kept_call {
 public:
  template <class G, class... Brgs>
  explicit kept_call(G&& f, Brgs&&... args)
      : call_(std::forward<G>(f), std::forward<Brgs>(args)...) {}
  ~kept_call() {}
  R run() { return std::apply(invoker(), std::move(call_)); }
  void end() noexcept { call_.~tuple(); }

 private:
  using tuple = std::tuple<F, Args...>;

  static auto invoker() noexcept {
    return [](F&& f, Args&&... args) -> R { return std::invoke(std::move(f), std::move(args)...); };
  }

  union {
    tuple call_;
  };
};

/// A function that is nothing but its type, as a lambda that captures nothing: takes no room.
template <class R, class F>
requires std::is_empty_v<F> && std::is_trivially_copyable_v<F> &&
    std::is_trivially_default_constructible_v<F>
class kept_call<R, F> {
 public:
  explicit kept_call(const F&) noexcept {}
  R run() { return std::invoke(F()); }
  void end() noexcept {}
};

template <class R, class F, class... Args>
class task_call : public task_result<R> {
 public:
  template <class G, class... Brgs>
  explicit task_call(std::unique_ptr<const std::string> name, G&& f, Brgs&&... args)
      : task_result<R>(std::move(name)), call_(std::forward<G>(f), std::forward<Brgs>(args)...) {}
  ~task_call() override {
    if (!this->called_) call_.end();
  }

  /// The function and what it captured are gone before the task is done: a sender among them has
  /// closed its channel when a join returns.
  void invoke() noexcept override {
    try {
      this->keep([this]() -> R { return call_.run(); });
    } catch (const cancelled&) {
      this->fail(true);
    } catch (...) {
      this->fail(false);
    }
    this->called_ = true;
    call_.end();
  }

 private:
  [[no_unique_address]] kept_call<R, F, Args...> call_;
};

[[noreturn]] SLUICE_API void throw_nothing_to_run();

/// Refuses what cannot be called: null pointers and empty std::function.
template <class F>
void demand_callable(const F& f) {
  constexpr bool may_be_null = std::is_pointer_v<F> || std::is_member_pointer_v<F> ||
                               (std::is_class_v<F> && std::is_constructible_v<F, std::nullptr_t> &&
                                std::is_constructible_v<bool, const F&>);
  if constexpr (may_be_null) {
    if (!static_cast<bool>(f)) throw_nothing_to_run();
  }
}

}  // namespace sluice::detail
