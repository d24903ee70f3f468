// Closing as the last thing that a producer does, also when it fails.
#pragma once

#include <exception>
#include <type_traits>
#include <utility>

#include "sluice/cancelled.hpp"

namespace sluice {

/// Closes its channel (or sender's channel) at the end of the scope. Never waits, never throws.
template <class Handle>
class [[nodiscard]] close_on_exit {
 public:
  /// Takes the handle over: a channel or a sender.
  [[nodiscard]] explicit close_on_exit(Handle handle) noexcept : handle_(std::move(handle)) {}
  close_on_exit(const close_on_exit&) = delete;
  close_on_exit& operator=(const close_on_exit&) = delete;
  ~close_on_exit() { handle_.close(); }

 private:
  Handle handle_;
};

/// Runs `f()`, closes `ch` and returns what f returned. If f throws, closes with that exception
/// as the cause (plainly if it is `cancelled`) and rethrows it.
template <class Handle, class F>
std::invoke_result_t<F&&> close_after(Handle ch, F&& f) {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<F&&>>) {
      std::forward<F>(f)();
      ch.close();
    } else {
      std::invoke_result_t<F&&> value = std::forward<F>(f)();
      ch.close();
      return value;
    }
  } catch (const cancelled&) {
    ch.close();
    throw;
  } catch (...) {
    ch.close(std::current_exception());
    throw;
  }
}

}  // namespace sluice
