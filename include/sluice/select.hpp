// select: waits for the first of several puts, gets and times, and does exactly one of them.
//
//   std::size_t chosen = sluice::select(
//       sluice::on_get(a, [&](int item) { ... }),
//       sluice::on_get(b, [&](sluice::result<int> item) { ... }),  // also called for the end
//       sluice::on_put(c, value, [&] { ... }),
//       sluice::on_timeout(10ms, [&] { ... }));
//
// Among cases that are ready the choice is uniformly random. A get case whose handler takes items
// goes out of play when its channel has ended, so `while (select(...) != all_closed);` merges until
// every input has ended. For cases that are added at run time see selector.hpp.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "sluice/detail/select/cases.hpp"

namespace sluice {

/// What select returns when none of its get and put cases can ever happen.
inline constexpr std::size_t all_closed = static_cast<std::size_t>(-1);

/// First argument of select: among cases that are ready the first one is chosen.
struct in_order_t {
  explicit in_order_t() = default;
};
inline constexpr in_order_t in_order{};

namespace detail {
template <class C>
concept select_case = std::derived_from<std::remove_reference_t<C>, any_case>;

template <class... Cases>
inline constexpr std::size_t channel_cases = (std::size_t{0} + ... +
                                              std::derived_from<Cases, channel_case>);

/// Step 0: does one of the cases that seem ready and returns its position. `all_closed`: nothing
/// has happened, and nothing is said, but whether it has `looked` and none was ready.
template <trial_order Order, std::size_t... I, class... Cases>
std::size_t select_at_once(bool& looked, std::index_sequence<I...>, Cases&... cases) {
  constexpr std::size_t count = sizeof...(Cases);
  if (count > 64 || !nothing_to_attend()) return all_closed;
  std::uint64_t ready = 0;  // a bit for each case, the last one's is the lowest
  std::size_t skipped = 0;
  seen_besides also;
  [[maybe_unused]] const auto look = [&]<class Case>(const Case& one) {
    ready += ready;
    if constexpr (std::derived_from<Case, channel_case>) {
      // A look may miss what has been there all the time, while others put and get. So in order it
      // is trusted only if it skips nobody.
      if (Order == trial_order::as_given && skipped != 0) return;
      ready += one.look(also) ? 1U : 0U;
      ++skipped;
    }
  };
  (look(cases), ...);
  if (also.only_a_try_tells) return all_closed;
  if (ready == 0) {
    looked = Order == trial_order::random && !also.closed && channel_cases<Cases...> == count;
    return all_closed;
  }
  const bool is_one = (ready & (ready - 1)) == 0;
  const std::size_t bit =
      is_one ? static_cast<std::size_t>(std::countr_zero(ready)) : any_of(ready);
  const std::size_t chosen = count - 1 - bit;
  bool done = false;
  [[maybe_unused]] const auto is_chosen = [&]<class Case>(std::size_t at, Case& one) {
    if (at != chosen) return false;
    if constexpr (std::derived_from<Case, channel_case>) {
      done = one.done_at_once();
      if (done) one.finish();
    }
    return true;
  };
  static_cast<void>((is_chosen(I, cases) || ...));
  return done ? chosen : all_closed;
}

/// All steps.
template <trial_order Order, class... Cases>
std::size_t select_by(Cases&... cases) {
  bool looked = false;
  const std::size_t chosen =
      select_at_once<Order>(looked, std::index_sequence_for<Cases...>(), cases...);
  if (chosen != all_closed) return chosen;
  std::array<channel_case*, sizeof...(Cases)> channels;
  std::array<timeout_case*, sizeof...(Cases)> timeouts;
  case_table table{.order = Order,
                   .has_channels = channel_cases<Cases...> != 0,
                   .looked = looked,
                   .channels = channels.data(),
                   .timeouts = timeouts.data()};
  std::size_t position = 0;
  [[maybe_unused]] const auto list = [&]<class Case>(Case& one) {
    one.prepare(position++);
    if constexpr (std::derived_from<Case, channel_case>) {
      channels[table.in_play++] = &one;
    } else if constexpr (std::derived_from<Case, timeout_case>) {
      timeouts[table.timeout_count++] = &one;
    } else {
      if (table.otherwise == nullptr) table.otherwise = &one;
    }
  };
  (list(cases), ...);
  return select_among(table);
}
}  // namespace detail

// The cases. They are made in the call of select and refer to the handles, rvalue items and
// handlers that they were given as lvalues or, items, as rvalues: whoever keeps a case keeps these
// alive. Making one never waits; it throws std::logic_error if the handle was moved from.

/// Gets from a channel or receiver. The handler takes the item; or a `result`, and is then called
/// for the end too. A generic handler takes the item. Chosen for items, a channel that was closed
/// with a cause and is drained throws that cause; a plain end takes the case out of play.
template <class Handle, class F = detail::no_handler>
[[nodiscard]] auto on_get(Handle&& from, F&& handler = {}) {
  static_assert(detail::getting_handle<Handle>, "sluice: on_get takes a channel or a receiver");
  return detail::get_case<Handle, F>(std::forward<Handle>(from), std::forward<F>(handler));
}

/// Puts into a channel or sender. An rvalue is moved from only if the case is chosen; an lvalue is
/// copied here and now. What is no item but converts to one is converted here and now: an rvalue of
/// that kind is consumed, chosen or not. To keep it, convert before: `T item(std::move(x));`.
/// Chosen on a closed channel, the case throws channel_closed.
template <class Handle, class F = detail::no_handler>
[[nodiscard]] auto on_put(Handle&& to, detail::item_of<Handle>&& item, F&& handler = {}) {
  static_assert(detail::putting_handle<Handle>, "sluice: on_put takes a channel or a sender");
  return detail::put_case<Handle, detail::item_of<Handle>&&, F>(
      std::forward<Handle>(to), std::move(item), std::forward<F>(handler));
}
template <class Handle, class F = detail::no_handler>
requires std::copy_constructible<detail::item_of<Handle>>
[[nodiscard]] auto on_put(Handle&& to, const detail::item_of<Handle>& item, F&& handler = {}) {
  static_assert(detail::putting_handle<Handle>, "sluice: on_put takes a channel or a sender");
  return detail::put_case<Handle, detail::item_of<Handle>, F>(std::forward<Handle>(to), item,
                                                              std::forward<F>(handler));
}

/// Happens when select has waited for `d`, at the earliest. Of several the shortest counts.
template <class Rep, class Period, class F = detail::no_handler>
[[nodiscard]] auto on_timeout(std::chrono::duration<Rep, Period> d, F&& handler = {}) {
  return detail::timeout<detail::after_span, F>(detail::span_of(d), std::forward<F>(handler));
}
/// Happens at `t` on its clock, at the earliest.
template <class Clock, class Duration, class F = detail::no_handler>
[[nodiscard]] auto on_timeout(std::chrono::time_point<Clock, Duration> t, F&& handler = {}) {
  using when = detail::at_time<std::chrono::time_point<Clock, Duration>>;
  return detail::timeout<when, F>(when{t}, std::forward<F>(handler));
}

/// Happens when no other case is ready, all of them at one moment of the call: select never waits.
/// Of several the first counts.
template <class F = detail::no_handler>
[[nodiscard]] auto otherwise(F&& handler = {}) {
  return detail::otherwise_case<F>(std::forward<F>(handler));
}

/// Waits until one of the cases can happen, does exactly that one, calls its handler and returns
/// its position; `all_closed` if there are get cases which have all gone out of play (and no put
/// case), whatever else stands there. A timeout or `otherwise` is chosen only if there was a moment
/// of the call at which no get or put case could be done. What a handler throws passes on. Throws
/// `cancelled` if the running fiber's stop is requested before a case happened, but not if there is
/// an `otherwise`;
/// std::invalid_argument if there are no cases; std::logic_error in a forked child; on an unbounded
/// channel std::bad_alloc. Whenever it throws something else than a handler or a channel's end, no
/// case has happened. Never allocates. Any strand; handlers run on it, outside all locks. The same
/// channel may stand in several cases, also on both sides: a select never meets itself.
template <detail::select_case... Cases>
std::size_t select(in_order_t, Cases&&... cases) {
  return detail::select_by<detail::trial_order::as_given>(cases...);
}
/// As above; among cases that are ready the choice is uniformly random.
template <detail::select_case... Cases>
std::size_t select(Cases&&... cases) {
  return detail::select_by<detail::trial_order::random>(cases...);
}

}  // namespace sluice
