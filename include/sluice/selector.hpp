// selector: a select whose cases are added at run time, for hundreds of channels.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "sluice/export.hpp"
#include "sluice/select.hpp"

namespace sluice {

/// Cases are added, then `wait` chooses among them as often as wanted, with the answers of select.
/// A wait looks at the cases until it finds one that is ready; only if none is, it enlists with all
/// of them, which costs time in proportion to their number. It holds its own handles of the
/// channels and gives one back when the case goes out of play. Belongs to one strand at a time; a
/// handler may add cases. Only `wait` waits.
class SLUICE_API selector {
 public:
  selector() noexcept = default;
  /// Among cases that are ready the one that was added first is chosen.
  explicit selector(in_order_t) noexcept : order_(detail::trial_order::as_given) {}
  /// With its cases; `other` has none then, and must not be waiting.
  selector(selector&&) noexcept = default;
  /// What cases it had are gone; neither may be waiting.
  selector& operator=(selector&&) noexcept = default;
  ~selector();

  // Each of these returns the position of its case, which `wait` returns if it is chosen. They
  // throw std::bad_alloc, std::logic_error if the handle was moved from, and what a copy throws;
  // then nothing has changed, and an rvalue item is unmoved with its owner.

  /// See sluice::on_get. Goes out of play at the plain end of its channel if the handler takes
  /// items.
  template <class Handle, class F = detail::no_handler>
  std::size_t on_get(Handle from, F handler = {}) {
    static_assert(detail::getting_handle<Handle>, "sluice: on_get takes a channel or a receiver");
    return keep<detail::get_case<Handle, F>>(std::move(from), std::move(handler));
  }

  /// See sluice::on_put; the item is stored. Goes out of play once it is chosen, or refused because
  /// the channel is closed: then `wait` throws channel_closed and the item is destroyed.
  template <class Handle, class F = detail::no_handler>
  std::size_t on_put(Handle to, detail::item_of<Handle>&& item, F handler = {}) {
    static_assert(detail::putting_handle<Handle>, "sluice: on_put takes a channel or a sender");
    return keep<detail::put_case<Handle, detail::item_of<Handle>, F>>(
        std::move(to), std::move(item), std::move(handler));
  }
  /// As on_put above, with a copy.
  template <class Handle, class F = detail::no_handler>
  requires std::copy_constructible<detail::item_of<Handle>> std::size_t on_put(
      Handle to, const detail::item_of<Handle>& item, F handler = {}) {
    return on_put(std::move(to), detail::item_of<Handle>(item), std::move(handler));
  }

  /// See sluice::on_timeout; a duration counts from the begin of each wait.
  template <class Rep, class Period, class F = detail::no_handler>
  std::size_t on_timeout(std::chrono::duration<Rep, Period> d, F handler = {}) {
    return keep<detail::timeout<detail::after_span, F>>(detail::span_of(d), std::move(handler));
  }
  /// At that time, whenever the wait begins.
  template <class Clock, class Duration, class F = detail::no_handler>
  std::size_t on_timeout(std::chrono::time_point<Clock, Duration> t, F handler = {}) {
    using when = detail::at_time<std::chrono::time_point<Clock, Duration>>;
    return keep<detail::timeout<when, F>>(when{t}, std::move(handler));
  }

  /// See sluice::otherwise: no wait waits any more.
  template <class F = detail::no_handler>
  std::size_t otherwise(F handler = {}) {
    return keep<detail::otherwise_case<F>>(std::move(handler));
  }

  /// Does exactly one case, as select: returns its position, or `all_closed` if all get and put
  /// cases are out of play and there ever was one. Throws what select throws; then it can be called
  /// again. A get case whose channel ended with a cause stays in play, and throws it each time that
  /// it is chosen. Never allocates.
  std::size_t wait();

 private:
  /// Asks for all memory before the case is made, which takes the item.
  template <class Case, class... Parts>
  std::size_t keep(Parts&&... parts) {
    make_room();
    auto fresh = std::make_unique<Case>(std::forward<Parts>(parts)...);
    fresh->prepare(cases_.size());
    return add(std::move(fresh));
  }
  /// For one case more, of any kind.
  void make_room();
  std::size_t add(std::unique_ptr<detail::any_case> fresh) noexcept;
  void forget_those_out_of_play(std::size_t in_play) noexcept;

  detail::trial_order order_ = detail::trial_order::random;
  /// By position; null: out of play.
  std::vector<std::unique_ptr<detail::any_case>> cases_;
  /// Those in play.
  std::vector<detail::channel_case*> channels_;
  std::vector<detail::timeout_case*> timeouts_;
  detail::any_case* otherwise_ = nullptr;
  bool has_channels_ = false;
};

}  // namespace sluice
