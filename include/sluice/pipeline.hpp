// pipeline: stages that run beside each other, composed with `|`.
//
//   auto sizes = sluice::pipeline::generate(paths)
//              | sluice::pipeline::transform(4, read_and_pack)  // 4 workers, order kept
//              | sluice::pipeline::filter(is_small)
//              | sluice::pipeline::batch(100)
//              | sluice::pipeline::collect();                   // waits
//
// Each stage has fibers of its own, on the runtime of the fiber that composes it, else on the
// default one, and a bounded channel for its results: a slow stage slows down those before it. The
// stages run from the moment in which they are composed. What comes out of a stage is a `flow<T>`
// (detail/pipeline/flow.hpp): a receiver that owns the stage and all those before it.
//
// The end     A stage closes its output when its input has ended: the end runs down.
// Errors      The first exception that escapes a stage's function stops this stage and all those
//             before it. It is the cause with which the stage closes its output, runs down and is
//             rethrown, once, by the sink or by whoever reads the last flow. Results made before
//             it arrive before it. Nothing reaches on_unhandled. If nobody reads the flow to its
//             end, errors are dropped with it.
// Leaving     When a flow goes before its end, its stages are stopped, their waits throw
//             `cancelled`, and the flow waits until none of their functions runs: the functions may
//             refer to what outlives the flow. A sink holds the flow that it drains; so when the
//             strand in a sink is stopped, the sink throws `cancelled`, and nothing is left behind.
// Stopped     Stages that are stopped from elsewhere, by the end of their runtime, fail with
//             `cancelled`: what is not complete never looks complete.
//
// Items are moved from stage to stage and may be move-only, but for tee. Functions are kept by the
// stage and called by its fibers, by several at once if it has several workers; they may wait.
// Composing never waits. It throws std::invalid_argument for impossible options, and what channels
// and go throw; then what stood before is stopped.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "sluice/channel.hpp"
#include "sluice/detail/pipeline/adaptor.hpp"
#include "sluice/detail/pipeline/flow.hpp"
#include "sluice/detail/pipeline/ordered.hpp"
#include "sluice/detail/pipeline/stage.hpp"
#include "sluice/detail/pipeline/works.hpp"
#include "sluice/handles.hpp"

namespace sluice::pipeline {

// ---- where items come from ---------------------------------------------------------------------
// Besides these, a channel, a receiver or a flow can stand at the left of the first `|`.

/// The elements of a range, in its order. An rvalue range is kept, and elements are moved out of a
/// container; an lvalue is referred to, must outlive the flow, and its elements are copied.
template <std::ranges::input_range Range>
auto generate(stage_options options, Range&& range) {
  return detail::start<detail::range_source<Range>>(
      detail::checked_single(std::move(options), "generate"), 1, std::forward<Range>(range));
}
template <std::ranges::input_range Range>
auto generate(Range&& range) {
  return generate(stage_options{}, std::forward<Range>(range));
}

/// What `f()` returns, a std::optional, until it returns nothing. One fiber calls it.
template <class F>
requires detail::generator<F>
auto generate(stage_options options, F f) {
  using item = typename std::remove_cvref_t<std::invoke_result_t<F&>>::value_type;
  return detail::start<detail::call_source<item, F>>(
      detail::checked_single(std::move(options), "generate"), 1, std::move(f));
}
template <class F>
requires detail::generator<F>
auto generate(F f) { return generate(stage_options{}, std::move(f)); }

/// What `f(out)` puts into the channel `out` until it returns. One fiber calls it. A loop that
/// waits in the kernel can have a thread of its own, without a hand-over for each item:
///   produce<chunk>([&](const auto& out) {
///     const auto stop = this_fiber::stop_token();
///     blocking([&] { with_stop(stop, [&] { while (...) out << read(); }); });
///   })
/// What the loop waits for besides channels must be ended by a callback of that token.
template <class T, class F>
auto produce(stage_options options, F f) {
  static_assert(std::invocable<F&, const channel<T>&>,
                "sluice: produce: the function does not take a channel of the items");
  return detail::start<detail::own_source<T, F>>(
      detail::checked_single(std::move(options), "produce"), 1, std::move(f));
}
template <class T, class F>
auto produce(F f) {
  return produce<T>(stage_options{}, std::move(f));
}

/// The items of several flows, receivers or channels of one type, as they come; those of each in
/// their order. Ends when all have ended; the first error stops the others.
template <class T>
flow<T> merge(stage_options options, std::vector<flow<T>> from) {
  options = detail::checked_single(std::move(options), "merge");
  std::vector<detail::inlet<T>> inputs;
  inputs.reserve(from.size());
  for (auto& one : from) inputs.push_back(std::move(one).give());
  const int fibers = static_cast<int>(inputs.size());
  return detail::start<detail::join_flows<T>>(options, fibers, std::move(inputs));
}
template <class T>
flow<T> merge(std::vector<flow<T>> from) {
  return merge(stage_options{}, std::move(from));
}
template <detail::source First, detail::source... Others>
requires(std::same_as<detail::item_of<First>, detail::item_of<Others>>&&...) auto merge(
    stage_options options, First&& first, Others&&... others) {
  std::vector<flow<detail::item_of<First>>> all;
  all.reserve(1 + sizeof...(others));
  all.push_back(detail::as_flow(std::forward<First>(first)));
  (all.push_back(detail::as_flow(std::forward<Others>(others))), ...);
  return merge(std::move(options), std::move(all));
}
template <detail::source First, detail::source... Others>
requires(std::same_as<detail::item_of<First>, detail::item_of<Others>>&&...) auto merge(
    First&& first, Others&&... others) {
  return merge(stage_options{}, std::forward<First>(first), std::forward<Others>(others)...);
}

// ---- stages ------------------------------------------------------------------------------------

/// `f(item)` for each item. With several workers and ordering::kept at most workers + capacity
/// items are between input and output at any time, so a slow one holds up a bounded number behind
/// it; an error then comes at its item's place, after all results before it. With ordering::free
/// results that other workers have not passed on when one fails are dropped.
template <class F>
auto transform(stage_options options, F f) {
  return detail::adaptor([options = detail::checked(std::move(options), "transform"),
                          f = std::move(f)]<class T>(flow<T> from) mutable {
    static_assert(std::invocable<F&, T>, "sluice: transform: the function does not take the items");
    using result = std::remove_cvref_t<std::invoke_result_t<F&, T>>;
    static_assert(!std::is_void_v<result>,
                  "sluice: transform: the function returns nothing; use for_each, or filter");
    return detail::start_map<result>(
        options, std::move(from), [f = std::move(f)](T&& item) mutable {
          return std::optional<result>(std::in_place, std::invoke(f, std::move(item)));
        });
  });
}
template <class F>
auto transform(int workers, F f) {
  return transform(stage_options{.workers = workers}, std::move(f));
}
template <class F>
auto transform(F f) {
  return transform(stage_options{}, std::move(f));
}

/// The items for which `keep(const item)` is true. Workers and order as for transform.
template <class F>
auto filter(stage_options options, F keep) {
  return detail::adaptor([options = detail::checked(std::move(options), "filter"),
                          keep = std::move(keep)]<class T>(flow<T> from) mutable {
    static_assert(std::predicate<F&, const T&>,
                  "sluice: filter: the function is no question about a const item");
    return detail::start_map<T>(options, std::move(from),
                                [keep = std::move(keep)](T&& item) mutable {
                                  std::optional<T> result;
                                  if (std::invoke(keep, std::as_const(item))) {
                                    result.emplace(std::move(item));
                                  }
                                  return result;
                                });
  });
}
template <class F>
auto filter(int workers, F keep) {
  return filter(stage_options{.workers = workers}, std::move(keep));
}
template <class F>
auto filter(F keep) {
  return filter(stage_options{}, std::move(keep));
}

/// What `f(in, out)` makes of the items that it gets from the receiver `in`, at its own pace and in
/// any number: it puts results of type T into the channel `out`, also after the end of the input.
/// The error of a stage before is thrown by `in` in place of the end. When `f` returns before
/// that, the rest is not taken, and the stages before find their output closed.
template <class T, class F>
auto process(stage_options options, F f) {
  return detail::adaptor([options = detail::checked_single(std::move(options), "process"),
                          f = std::move(f)]<class In>(flow<In> from) mutable {
    static_assert(std::invocable<F&, const receiver<In>&, const channel<T>&>,
                  "sluice: process: the function does not take a receiver of the items and a "
                  "channel of the results");
    return detail::start<detail::own_stage<In, T, F>>(options, 1, std::move(from).give(),
                                                      std::move(f));
  });
}
template <class T, class F>
auto process(F f) {
  return process<T>(stage_options{}, std::move(f));
}

/// Vectors of `size` items; the last one is shorter, also before an error. With `linger` a batch
/// that is not full is passed on when its first item has waited that long.
template <class Rep, class Period>
auto batch(stage_options options, std::size_t size, std::chrono::duration<Rep, Period> linger) {
  if (size == 0) throw std::invalid_argument("sluice: batch: a batch needs 1 item or more");
  return detail::adaptor([options = detail::checked_single(std::move(options), "batch"), size,
                          linger]<class T>(flow<T> from) mutable {
    using work = detail::gather_batches<T, std::chrono::duration<Rep, Period>>;
    return detail::start<work>(options, 1, std::move(from).give(), size, linger);
  });
}
inline auto batch(stage_options options, std::size_t size) {
  return batch(std::move(options), size, std::chrono::steady_clock::duration::max());
}
template <class Rep, class Period>
auto batch(std::size_t size, std::chrono::duration<Rep, Period> linger) {
  return batch(stage_options{}, size, linger);
}
inline auto batch(std::size_t size) { return batch(stage_options{}, size); }

/// The elements of items that are ranges, one by one: moved out of containers, copied from views.
inline auto flatten(stage_options options = {}) {
  return detail::adaptor([options = detail::checked_single(std::move(options), "flatten")]<class T>(
                             flow<T> from) mutable {
    static_assert(std::ranges::input_range<T>, "sluice: flatten: the items are no ranges");
    return detail::start<detail::spread<T>>(options, 1, std::move(from).give());
  });
}

/// Two flows that both get every item: `auto [a, b] = flow | tee();`. Items are copied. The slower
/// reader holds up the other one, once `capacity` items wait for it: so read both at once. A flow
/// that goes leaves the other running; the error of the stages before comes out of both.
inline auto tee(stage_options options = {}) {
  return detail::adaptor(
      [options = detail::checked_single(std::move(options), "tee")]<class T>(flow<T> from) mutable {
        static_assert(std::copy_constructible<T>,
                      "sluice: tee: both sides get each item, which must be copyable; use a "
                      "std::shared_ptr<const T>");
        return detail::start_two(options, std::move(from).give());
      });
}

// ---- sinks -------------------------------------------------------------------------------------
// They wait for the end, and throw the first error; `cancelled` if the strand is stopped.

/// All items, in a std::vector.
inline auto collect() {
  return detail::adaptor([]<class T>(flow<T> from) { return detail::all_of(std::move(from)); });
}

/// Calls `f(item)` for each item on the strand that waits.
template <class F>
auto for_each(F f) {
  return detail::adaptor([f = std::move(f)]<class T>(flow<T> from) mutable {
    static_assert(std::invocable<F&, T>, "sluice: for_each: the function does not take the items");
    for (T& item : from) static_cast<void>(std::invoke(f, std::move(item)));
  });
}
/// Calls it on as many fibers, in no order, and waits.
template <class F>
auto for_each(stage_options options, F f) {
  return detail::adaptor([options = detail::checked(std::move(options), "for_each"),
                          f = std::move(f)]<class T>(flow<T> from) mutable {
    static_assert(std::invocable<F&, T>, "sluice: for_each: the function does not take the items");
    const flow<std::monostate> end = detail::start<detail::consume<T, F>>(
        options, options.workers, std::move(from).give(), std::move(f));
    for ([[maybe_unused]] const auto& never : end) {
    }
  });
}
template <class F>
auto for_each(int workers, F f) {
  return for_each(stage_options{.workers = workers}, std::move(f));
}

/// Puts all items into a channel or sender and closes it; if there is an error, or the strand is
/// stopped, with that exception as the cause, which is thrown too. Throws channel_closed if
/// somebody else closes it.
template <class Handle>
auto into(Handle to) {
  return detail::adaptor([to = std::move(to)]<class T>(flow<T> from) {
    try {
      for (T& item : from) to.put(std::move(item));
      to.close();
    } catch (...) {
      to.close(std::current_exception());
      throw;
    }
  });
}

}  // namespace sluice::pipeline
