// The cases of a select, as what they are: which handle, which item, which handler.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "sluice/channel.hpp"
#include "sluice/detail/channel/handle.hpp"
#include "sluice/detail/channel/operations.hpp"
#include "sluice/detail/select/core.hpp"

namespace sluice::detail {

/// The handler of a case that needs none.
struct no_handler {
  template <class... Items>
  void operator()(Items&&...) const noexcept {}
};

template <class Handle>
using item_of = typename std::remove_cvref_t<Handle>::value_type;

template <class Handle>
concept getting_handle = std::derived_from<std::remove_cvref_t<Handle>,
                                           getting<std::remove_cvref_t<Handle>, item_of<Handle>>>;
template <class Handle>
concept putting_handle = std::derived_from<std::remove_cvref_t<Handle>,
                                           putting<std::remove_cvref_t<Handle>, item_of<Handle>>>;

/// What the handler of a get case takes. An item comes first, so a generic handler takes items; and
/// is not even asked whether it could take a result.
template <class F, class T>
consteval bool takes_item() {
  if constexpr (std::invocable<F&, T> || std::invocable<F&, T&>) {
    return true;
  } else {
    static_assert(std::invocable<F&, result<T>> || std::invocable<F&, result<T>&>,
                  "sluice: the handler of on_get takes the item (T) or a sluice::result<T>");
    return false;
  }
}

/// Calls the handler with what it takes, by value or by reference.
template <class F, class Item>
void call_with(F& handler, Item item) {
  if constexpr (std::invocable<F&, Item>) {
    static_cast<void>(std::invoke(handler, std::move(item)));
  } else {
    static_cast<void>(std::invoke(handler, item));
  }
}

/// What is out of the common way, of all the channels that step 0 looks at.
struct seen_besides {
  bool closed = false;            ///< one is closed
  bool only_a_try_tells = false;  ///< and so a case of it may be ready
};

/// After a look that said ready. Once for each type of item, not in each case.
template <class T>
[[gnu::noinline]] bool put_now(channel_core& to, T& item) noexcept {
  if (to.kind() == channel_kind::bounded) return static_cast<bounded<T>&>(to).put_at_once(item);
  if (to.kind() == channel_kind::rendezvous) {
    return to.meet_getter(std::addressof(item)) == claim::ok;
  }
  return static_cast<unbounded_channel<T>&>(to).put_at_once(item);
}
template <class T>
[[gnu::noinline]] bool get_now(channel_core& from, void* room) noexcept {
  if (from.kind() == channel_kind::bounded) return static_cast<bounded<T>&>(from).get_at_once(room);
  if (from.kind() == channel_kind::rendezvous) return from.meet_putter(room) == claim::ok;
  return static_cast<unbounded_channel<T>&>(from).get_at_once(room);
}

/// `Handle` and `F` are values, or references to what outlives the case.
template <class Handle, class F>
class get_case final : public channel_case {
  using T = item_of<Handle>;
  static constexpr bool for_items = takes_item<std::remove_reference_t<F>, T>();

 public:
  get_case(Handle&& from, F&& handler)
      : channel_case(handle_access::core(from, "on_get"), side::get),
        from_(std::forward<Handle>(from)),
        handler_(std::forward<F>(handler)) {}

  /// What only a wait needs.
  void prepare(std::size_t at) noexcept { set_node(at, room_.place(), for_items); }

  /// Does it seem ready? A hint.
  [[nodiscard]] [[gnu::always_inline]] bool look(seen_besides& also) const noexcept {
    const channel_core& from = core();
    const bool filled = from.kind() == channel_kind::bounded
                            ? static_cast<const bounded<T>&>(from).seems_filled()
                        : from.kind() == channel_kind::unbounded
                            ? static_cast<const unbounded_channel<T>&>(from).seems_filled()
                            : from.seems_awaited(side::put);
    if (from.seems_closed()) [[unlikely]] {
      also.closed = true;
      if (!filled && (!for_items || from.cause() != nullptr)) also.only_a_try_tells = true;
    }
    return filled;
  }
  /// After a look that said ready.
  [[nodiscard]] bool done_at_once() {
    return note_done(get_now<T>(core(), room_.place()) || attempt() == claim::ok);
  }

  void finish() override {
    if constexpr (for_items) {
      if (ended()) throw_closed_get(core().cause());
      call_with(handler_, take_from(room_));
    } else {
      call_with(handler_, as_result(ended() ? status::closed : status::ok, core(), room_));
    }
  }

 protected:
  [[gnu::noinline]] claim attempt() override {
    return as_kind<T>(core(), [this](auto& ch) { return ch.try_get(room_.place()); });
  }

 private:
  Handle from_;
  F handler_;
  item_room<T> room_;
};

/// `Item` is a value, or a reference to what outlives the case; so are `Handle` and `F`.
template <class Handle, class Item, class F>
class put_case final : public channel_case {
  using T = item_of<Handle>;
  static_assert(std::invocable<F&>, "sluice: the handler of on_put takes nothing");

 public:
  template <class Value>
  put_case(Handle&& to, Value&& item, F&& handler)
      : channel_case(handle_access::core(to, "on_put"), side::put),
        to_(std::forward<Handle>(to)),
        handler_(std::forward<F>(handler)),
        item_(std::forward<Value>(item)) {}

  /// What only a wait needs.
  void prepare(std::size_t at) noexcept { set_node(at, std::addressof(item_), false); }

  /// Does it seem ready? A hint.
  [[nodiscard]] [[gnu::always_inline]] bool look(seen_besides& also) const noexcept {
    const channel_core& to = core();
    if (to.seems_closed()) [[unlikely]]
      also.closed = also.only_a_try_tells = true;
    return to.kind() == channel_kind::bounded
               ? static_cast<const bounded<T>&>(to).seems_free()
               : to.kind() == channel_kind::unbounded || to.seems_awaited(side::get);
  }
  /// After a look that said ready.
  [[nodiscard]] bool done_at_once() {
    return note_done(put_now(core(), item_) || attempt() == claim::ok);
  }

  void finish() override {
    if (ended()) throw_closed_put();
    static_cast<void>(std::invoke(handler_));
  }

 protected:
  [[gnu::noinline]] claim attempt() override {
    return as_kind<T>(core(), [this](auto& ch) { return ch.try_put(item_); });
  }

 private:
  Handle to_;
  F handler_;
  Item item_;  ///< the last to be made: what throws before that leaves it with its owner
};

/// A time span, counted from the begin of each wait.
struct after_span {
  clock::duration span;
  [[nodiscard]] deadline due(deadline now) const { return deadline_after(span, now); }
  [[nodiscard]] static constexpr bool is_over() { return true; }
};

/// `d` as a span of ours: rounded up and saturated, so that nothing is early.
template <class Rep, class Period>
[[nodiscard]] after_span span_of(std::chrono::duration<Rep, Period> d) {
  constexpr deadline zero{};
  return {deadline_after(d, zero) - zero};
}

/// A moment of any clock.
template <class Time>
struct at_time {
  Time time;
  [[nodiscard]] deadline due(deadline) const { return deadline_at(time); }
  [[nodiscard]] bool is_over() const {
    return std::is_same_v<typename Time::clock, clock> || has_come(time);
  }
};

template <class When, class F>
class timeout final : public timeout_case {
  static_assert(std::invocable<F&>, "sluice: the handler of on_timeout takes nothing");

 public:
  timeout(When when, F&& handler) : when_(when), handler_(std::forward<F>(handler)) {}

  deadline due(deadline now) const override { return when_.due(now); }
  bool is_over() const override { return when_.is_over(); }
  void finish() override { static_cast<void>(std::invoke(handler_)); }

 private:
  const When when_;
  F handler_;
};

template <class F>
class otherwise_case final : public any_case {
  static_assert(std::invocable<F&>, "sluice: the handler of otherwise takes nothing");

 public:
  explicit otherwise_case(F&& handler)
      : any_case(case_kind::otherwise), handler_(std::forward<F>(handler)) {}

  void finish() override { static_cast<void>(std::invoke(handler_)); }

 private:
  F handler_;
};

}  // namespace sluice::detail
