// Shared handles of a channel: counted, cheap to copy, and clear when used after a move.
#pragma once

#include <utility>

#include "sluice/detail/channel/core.hpp"

namespace sluice::detail {

[[noreturn]] SLUICE_API void throw_moved_from(const char* operation);

/// How a handle counts: as a plain one, a sender or a receiver.
struct plain_count {
  static void add(channel_core& core) noexcept { core.add_handle(); }
  static void drop(channel_core& core) noexcept { core.drop_handle(); }
};
struct sender_count {
  static void add(channel_core& core) noexcept { core.add_sender(); }
  static void drop(channel_core& core) noexcept { core.drop_sender(); }
};
struct receiver_count {
  static void add(channel_core& core) noexcept { core.add_receiver(); }
  static void drop(channel_core& core) noexcept { core.drop_receiver(); }
};

/// What the library may do with handles and users may not.
struct handle_access {
  /// The channel behind a handle of any sort. Throws std::logic_error that names the operation if
  /// it was moved from.
  template <class Handle>
  [[nodiscard]] static channel_core& core(const Handle& handle, const char* operation) {
    return handle.handle_.for_use_in(operation);
  }
  /// The first handle of a channel that was made.
  template <class Handle, class Core>
  [[nodiscard]] static Handle adopt(Core& made) noexcept {
    return Handle(made);
  }
};

template <class Count>
class core_handle {
 public:
  /// Takes over one count that was made for it.
  explicit core_handle(channel_core* owned) noexcept : core_(owned) {
    // The compiler forgets what it knows of a channel that was made a moment ago: g++ 12 would
    // follow the branches for other kinds on it, and warn of accesses beyond its end.
    asm("" : "+r"(core_));
  }
  core_handle(const core_handle& other) noexcept : core_(other.core_) {
    if (core_ != nullptr) Count::add(*core_);
  }
  core_handle(core_handle&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  core_handle& operator=(core_handle other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~core_handle() {
    if (core_ != nullptr) Count::drop(*core_);
  }

  /// The channel. Throws std::logic_error that names the operation if the handle was moved from.
  [[nodiscard]] channel_core& for_use_in(const char* operation) const {
    if (core_ == nullptr) [[unlikely]]
      throw_moved_from(operation);
    return *core_;
  }
  [[nodiscard]] channel_core* get() const noexcept { return core_; }

 private:
  channel_core* core_;
};

}  // namespace sluice::detail
