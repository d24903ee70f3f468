// The putter's half of a channel, shared by `channel` and `sender`.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <ranges>
#include <utility>

#include "sluice/detail/channel/batch.hpp"
#include "sluice/detail/channel/operations.hpp"

namespace sluice::detail {

/// Every operation may be called by any strand: a fiber of any runtime or a plain thread. All but
/// the `try_` forms wait for room, throw `cancelled` if the running fiber's stop is requested
/// before they take effect, std::logic_error on a moved-from handle or in a forked child, and on
/// an unbounded channel std::bad_alloc. An lvalue is copied before anything takes effect; whoever
/// does not get `ok` back, or an exception, still has the item unmoved. What is no T but converts
/// to one is converted first: a put that is refused has consumed an rvalue of that kind. To keep
/// it, convert before: `T item(std::move(x)); ch.put(std::move(item));`.
/// A fiber whose time slice is over gives others their turn in any of them, also where it need not
/// wait: hold no lock that belongs to the thread.
template <class Self, class T>
class putting {
  static_assert(demand_object<T>());

 public:
  /// Waits for room. Throws channel_closed if the channel is closed before or while waiting.
  [[gnu::always_inline]] void put(T&& item) const {
    channel_core& to = core("put");
    const channel_kind kind = to.kind();
    if (meets(kind)) return put_by_meeting(to, item);
    if (!put_at_once(to, kind, item)) [[unlikely]]
      put_slowly(to, item);
  }
  /// As put above, with a copy.
  void put(const T& item) const requires std::copy_constructible<T> {
    T copy(item);
    put(std::move(copy));
  }

  /// As put. Returns the channel, so that puts chain.
  [[gnu::always_inline]] const Self& operator<<(T&& item) const {
    put(std::move(item));
    return self();
  }
  /// As `<<` above, with a copy.
  const Self& operator<<(const T& item) const requires std::copy_constructible<T> {
    put(item);
    return self();
  }

  /// Never waits: `ok`, `full` or `closed` (closed beats full). On a rendezvous channel `ok` only
  /// if a getter waits.
  [[nodiscard]] status try_put(T&& item) const { return try_put_item(core("try_put"), item); }
  /// As try_put above, with a copy.
  [[nodiscard]] status try_put(const T& item) const requires std::copy_constructible<T> {
    T copy(item);
    return try_put_item(core("try_put"), copy);
  }

  /// Waits at most `d`: `ok`, `timed_out` or `closed`. Done at once where that is possible, even
  /// if the time is over.
  template <class Rep, class Period>
  status put_for(T&& item, std::chrono::duration<Rep, Period> d) const {
    return put_item_before(
        core("put_for"), item, [&] { return time_limit::span(d); }, "put_for");
  }
  /// As put_for above, with a copy.
  template <class Rep, class Period>
  status put_for(const T& item,
                 std::chrono::duration<Rep, Period> d) const requires std::copy_constructible<T> {
    T copy(item);
    return put_for(std::move(copy), d);
  }

  /// Waits until `t` at most, on any clock: `ok`, `timed_out` or `closed`.
  template <class Clock, class Duration>
  status put_until(T&& item, std::chrono::time_point<Clock, Duration> t) const {
    channel_core& to = core("put_until");
    return until_time(t, [&](auto limit) { return put_item_before(to, item, limit, "put_until"); });
  }
  /// As put_until above, with a copy.
  template <class Clock, class Duration>
  status put_until(const T& item, std::chrono::time_point<Clock, Duration> t)
      const requires std::copy_constructible<T> {
    T copy(item);
    return put_until(std::move(copy), t);
  }

  /// A sequence of single puts (others may come between). Moves from an rvalue container of T,
  /// copies from anything else. What another container holds is copied into a T, and where that
  /// cannot be done this does not compile: then put one by one, `for (auto& x : items)
  /// ch.put(std::move(x))`. Returns how many were accepted: fewer than all only if the channel was
  /// closed or the fiber cancelled meanwhile (`cancelled` is thrown if none was). What a copy or an
  /// iterator throws passes on; what was accepted stays.
  template <std::ranges::input_range R>
  requires(gives_items_away<R, T> ||
           std::constructible_from<T, std::ranges::range_reference_t<R>>) std::size_t
      put_batch(R&& items)
  const { return detail::put_batch<T>(core("put_batch"), std::forward<R>(items)); }
  /// The same for `put_batch({a, b, c})`; copies, as from any view.
  std::size_t put_batch(std::initializer_list<T> items) const requires std::copy_constructible<T> {
    return detail::put_batch<T>(core("put_batch"), items);
  }

 private:
  // Apart, so that put stays small and keeps no registers for them.
  [[gnu::noinline]] static void put_by_meeting(channel_core& to, T& item) {
    if (to.meet_to_put(std::addressof(item), no_deadline, "put") != status::ok) throw_closed_put();
  }
  [[gnu::noinline]] static void put_slowly(channel_core& to, T& item) {
    if (put_item_slowly(to, item, no_deadline, "put") != status::ok) throw_closed_put();
  }

  [[nodiscard]] const Self& self() const noexcept { return static_cast<const Self&>(*this); }
  [[nodiscard]] channel_core& core(const char* operation) const {
    return self().handle_.for_use_in(operation);
  }
};

}  // namespace sluice::detail
