// gather and gather_results: several functions at once, and all of what they return.
//
//   auto [page, ad] = sluice::gather([&] { return fetch(url); }, [&] { return pick_ad(); });
#pragma once

#include <cstddef>
#include <memory>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "sluice/detail/go/scope_core.hpp"
#include "sluice/outcome.hpp"
#include "sluice/task.hpp"

namespace sluice {

namespace detail {

template <class R>
using or_monostate = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

/// A range of functions, and not a function itself.
template <class Range>
concept functions = std::ranges::input_range<Range> && !startable<Range> &&
                    startable<std::ranges::range_reference_t<Range>>;

template <class Range>
using function_result = call_result<std::ranges::range_reference_t<Range>>;

/// What a vector keeps of an R.
template <class R>
struct kept_in_vector {
  static_assert(!std::is_reference_v<R>,
                "sluice: no vector holds references; let the functions return pointers");
  /// R itself where it is a value, else std::monostate.
  using type = or_monostate<std::remove_reference_t<R>>;
};
template <class Range>
using values_of = std::vector<typename kept_in_vector<function_result<Range>>::type>;

/// What the task has returned. It is over.
template <class R>
or_monostate<R> value_of(owned_task<R>& one) {
  if constexpr (std::is_void_v<R>) {
    return {};
  } else {
    return one->take();
  }
}

template <class R>
sluice::outcome<R> outcome_of(owned_task<R>& one) {
  if (std::exception_ptr error = one->take_error()) return sluice::outcome<R>(std::move(error));
  if constexpr (std::is_void_v<R>) {
    return sluice::outcome<R>();
  } else {
    return sluice::outcome<R>(std::in_place, one->take());
  }
}

/// Starts each function of the range: moves them out of a container that is given away.
template <class Range>
std::vector<owned_task<function_result<Range>>> start_all(scope_core& in, Range&& range) {
  constexpr bool moves = !std::is_lvalue_reference_v<Range> &&
                         !std::ranges::borrowed_range<Range> &&
                         !std::ranges::view<std::remove_cvref_t<Range>>;
  std::vector<owned_task<function_result<Range>>> tasks;
  if constexpr (std::ranges::sized_range<Range>) tasks.reserve(std::ranges::size(range));
  for (auto&& f : range) {
    if constexpr (moves) {
      tasks.push_back(start_in(in, nullptr, 0, std::move(f)));
    } else {
      tasks.push_back(start_in(in, nullptr, 0, std::forward<decltype(f)>(f)));
    }
  }
  return tasks;
}

}  // namespace detail

/// Runs each function as a fiber of its own, waits for all and returns what they return: a tuple,
/// in their order, with std::monostate for void. On the first error, `cancelled` included, stops
/// the others, waits for them and rethrows it; later errors are dropped. If the caller's stop is
/// requested: stops all, waits for them and throws `cancelled`. Throws what go throws; then what
/// was started has been stopped and has ended. Any strand.
template <class... Fs>
requires(detail::startable<Fs>&&...)
    std::tuple<detail::or_monostate<detail::call_result<Fs>>...> gather(Fs&&... fs) {
  detail::scope_core group(detail::heeds::all);
  std::tuple<detail::owned_task<detail::call_result<Fs>>...> tasks{
      detail::start_in(group, nullptr, 0, std::forward<Fs>(fs))...};
  group.join();
  return std::apply(
      [](auto&... one) {
        return std::tuple<detail::or_monostate<detail::call_result<Fs>>...>{
            detail::value_of(one)...};
      },
      tasks);
}

/// The same for a range of functions: a vector, in their order. They are moved out of a container
/// that is given away, else copied.
template <class Range>
requires detail::functions<Range> detail::values_of<Range> gather(Range&& functions) {
  detail::scope_core group(detail::heeds::all);
  auto tasks = detail::start_all(group, std::forward<Range>(functions));
  group.join();
  detail::values_of<Range> values;
  values.reserve(tasks.size());
  for (auto& one : tasks) values.push_back(detail::value_of(one));
  return values;
}

/// As gather, but waits for all functions whatever happens to some, and says of each how it ended:
/// a tuple of outcome<R>. Throws `cancelled` as gather does, and what go throws. Any strand.
template <class... Fs>
requires(detail::startable<Fs>&&...) std::tuple<outcome<detail::call_result<Fs>>...> gather_results(
    Fs&&... fs) {
  detail::scope_core group(detail::heeds::nothing);
  std::tuple<detail::owned_task<detail::call_result<Fs>>...> tasks{
      detail::start_in(group, nullptr, 0, std::forward<Fs>(fs))...};
  group.join();
  return std::apply(
      [](auto&... one) {
        return std::tuple<outcome<detail::call_result<Fs>>...>{detail::outcome_of(one)...};
      },
      tasks);
}

/// The same for a range of functions: a vector.
template <class Range>
requires detail::functions<Range> std::vector<outcome<detail::function_result<Range>>>
gather_results(Range&& functions) {
  detail::scope_core group(detail::heeds::nothing);
  auto tasks = detail::start_all(group, std::forward<Range>(functions));
  group.join();
  std::vector<outcome<detail::function_result<Range>>> ends;
  ends.reserve(tasks.size());
  for (auto& one : tasks) ends.push_back(detail::outcome_of(one));
  return ends;
}

}  // namespace sluice
