// Puts and gets as every handle offers them: check, try, wait, and say how it ended.
//
// The fast path is the try; the rest is one call into core.cpp. Nothing here knows how a channel
// is built or how a strand parks.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "sluice/detail/base/clock.hpp"
#include "sluice/detail/channel/kinds.hpp"
#include "sluice/detail/park/check.hpp"
#include "sluice/status.hpp"

namespace sluice::detail {

/// Stands first in what is made of T, so that its words come before the compiler's own.
template <class T>
consteval bool demand_object() {
  static_assert(std::is_object_v<T> && !std::is_const_v<T> && !std::is_array_v<T>,
                "sluice: the items of a channel are non-const objects; use a pointer for a "
                "reference, std::array for an array");
  return true;
}

/// Raw storage for one item on its way out of a channel.
template <class T>
union item_room {
  T item;
  item_room() noexcept {}  // NOLINT(modernize-use-equals-default): leaves the item unborn
  ~item_room() {}          // NOLINT(modernize-use-equals-default)
  item_room(const item_room&) = delete;
  item_room& operator=(const item_room&) = delete;
  /// Where the item is, or is to be; also if T has an operator& of its own.
  [[nodiscard]] T* place() noexcept { return std::addressof(item); }
};

/// The item out of its room, which is raw storage afterwards.
template <class T>
[[nodiscard]] T take_from(item_room<T>& room) noexcept {
  T item(std::move(room.item));
  room.item.~T();
  return item;
}

/// A put where nothing out of the way happens, see kinds.hpp; never on a rendezvous channel. False
/// says nothing. The kind comes first, as `meets` has just compared it with the same.
template <class T>
[[nodiscard]] [[gnu::always_inline]] inline bool put_at_once(channel_core& core, channel_kind kind,
                                                             T& item) noexcept {
  if (kind == channel_kind::unbounded) {
    return nothing_to_attend() && static_cast<unbounded_channel<T>&>(core).put_at_once(item);
  }
  return nothing_to_attend() && static_cast<bounded<T>&>(core).put_at_once(item);
}

/// The same for a get; fills the room.
template <class T>
[[nodiscard]] [[gnu::always_inline]] inline bool get_at_once(channel_core& core, channel_kind kind,
                                                             void* room) noexcept {
  if (kind == channel_kind::unbounded) {
    return nothing_to_attend() && static_cast<unbounded_channel<T>&>(core).get_at_once(room);
  }
  return nothing_to_attend() && static_cast<bounded<T>&>(core).get_at_once(room);
}

/// The same, on a rendezvous channel too, where it takes the lock if somebody seems to wait: for
/// those to whom it is worth a clock reading saved.
template <class T>
[[nodiscard]] inline bool put_or_meet_at_once(channel_core& core, T& item) noexcept {
  const channel_kind kind = core.kind();
  if (!meets(kind)) return put_at_once(core, kind, item);
  return core.seems_awaited(side::get) && nothing_to_attend() &&
         core.meet_getter(std::addressof(item)) == claim::ok;
}
template <class T>
[[nodiscard]] inline bool get_or_meet_at_once(channel_core& core, void* room) noexcept {
  const channel_kind kind = core.kind();
  if (!meets(kind)) return get_at_once<T>(core, kind, room);
  return core.seems_awaited(side::put) && nothing_to_attend() &&
         core.meet_putter(room) == claim::ok;
}

/// The whole operation, on a channel that is no rendezvous: `ok`, `closed` or `timed_out`; throws
/// `cancelled`. The item is moved from only if `ok`.
template <class T>
[[gnu::noinline]] status put_item_slowly(channel_core& core, T& item, time_limit until,
                                         const char* operation) {
  check_strand(operation_kind::may_wait, operation, until);
  const claim found = as_kind<T>(core, [&](auto& ch) { return ch.try_put(item); });
  if (found == claim::ok) [[likely]]
    return status::ok;
  if (found == claim::closed) return status::closed;
  return core.wait_to_put(std::addressof(item), until, operation);
}

/// The same on any channel. The limit, a function, says until when; it may read a clock, so it is
/// asked only if the item cannot be taken over at once.
template <class T, class Limit>
status put_item_before(channel_core& core, T& item, Limit limit, const char* operation) {
  if (put_or_meet_at_once(core, item)) [[likely]]
    return status::ok;
  if (core.kind() == channel_kind::rendezvous) {
    return core.meet_to_put(std::addressof(item), limit(), operation);
  }
  return put_item_slowly(core, item, limit(), operation);
}

/// `ok`, `full` or `closed`; never parks.
template <class T>
status try_put_item(channel_core& core, T& item) {
  const channel_kind kind = core.kind();
  if (!meets(kind) && put_at_once(core, kind, item)) [[likely]]
    return status::ok;
  check_strand(operation_kind::never_waits, "try_put");
  const claim found = as_kind<T>(core, [&](auto& ch) { return ch.try_put(item); });
  if (found == claim::ok) [[likely]]
    return status::ok;
  return found == claim::closed ? status::closed : status::full;
}

template <class T>
[[gnu::noinline]] status get_item_slowly(channel_core& core, item_room<T>& room, time_limit until,
                                         const char* operation) {
  check_strand(operation_kind::may_wait, operation, until);
  const claim found = as_kind<T>(core, [&](auto& ch) { return ch.try_get(room.place()); });
  if (found == claim::ok) [[likely]]
    return status::ok;
  if (found == claim::closed) return status::closed;
  return core.wait_to_get(room.place(), until, operation);
}

/// `ok` (the room is filled), `closed` (and drained) or `timed_out`; throws `cancelled`.
template <class T>
[[gnu::always_inline]] inline status get_item(channel_core& core, item_room<T>& room,
                                              time_limit until, const char* operation) {
  const channel_kind kind = core.kind();
  if (meets(kind)) {
    return core.meet_to_get(room.place(), until, operation);
  }
  if (get_at_once<T>(core, kind, room.place())) [[likely]]
    return status::ok;
  return get_item_slowly(core, room, until, operation);
}

/// As get_item, with a limit as in put_item_before.
template <class T, class Limit>
status get_item_before(channel_core& core, item_room<T>& room, Limit limit, const char* operation) {
  if (get_or_meet_at_once<T>(core, std::addressof(room.item))) [[likely]]
    return status::ok;
  if (core.kind() == channel_kind::rendezvous) {
    return core.meet_to_get(std::addressof(room.item), limit(), operation);
  }
  return get_item_slowly(core, room, limit(), operation);
}

/// `ok` (the room is filled), `empty` or `closed` (and drained); never parks.
template <class T>
status try_get_item(channel_core& core, item_room<T>& room) {
  const channel_kind kind = core.kind();
  if (!meets(kind) && get_at_once<T>(core, kind, room.place())) [[likely]]
    return status::ok;
  check_strand(operation_kind::never_waits, "try_get");
  const claim found = as_kind<T>(core, [&](auto& ch) { return ch.try_get(room.place()); });
  if (found == claim::ok) [[likely]]
    return status::ok;
  return found == claim::closed ? status::closed : status::empty;
}

template <class T>
[[nodiscard]] result<T> as_result(status s, channel_core& core, item_room<T>& room) {
  if (s == status::ok) [[likely]]
    return result<T>(std::in_place, take_from(room));
  return s == status::closed ? result<T>(s, core.cause()) : result<T>(s);
}

/// Repeats a timed operation, which is given its limit: its clock may have been set back meanwhile.
template <class Clock, class Duration, class Operation>
auto until_time(const std::chrono::time_point<Clock, Duration>& t, Operation operation) {
  for (;;) {
    auto how = operation([&] { return deadline_at(t); });
    if constexpr (std::is_same_v<Clock, clock>) {
      return how;
    } else {
      if (how != status::timed_out || has_come(t)) return how;
    }
  }
}

/// Waits for the end of the channel: `closed` or `timed_out`; throws `cancelled`.
inline status join_channel(channel_core& core, time_limit until) {
  check_strand(operation_kind::may_wait, "join");
  if (core.drained()) return status::closed;
  return core.wait_until_drained(until);
}

}  // namespace sluice::detail
