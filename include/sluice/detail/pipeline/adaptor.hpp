// What stands on the right of a `|`, and the `|` itself.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "sluice/detail/pipeline/flow.hpp"
#include "sluice/detail/pipeline/ordered.hpp"
#include "sluice/detail/pipeline/stage.hpp"
#include "sluice/detail/pipeline/works.hpp"

namespace sluice::pipeline::detail {

struct any_adaptor {};

/// A stage or sink that waits for its input. Used up by it; copies of one with copyable functions
/// can be used each.
template <class F>
class adaptor : public any_adaptor {
 public:
  explicit adaptor(F f) : f_(std::move(f)) {}

  template <class T>
  auto operator()(flow<T> from) && {
    return std::move(f_)(std::move(from));
  }

 private:
  F f_;
};

template <class A>
concept is_adaptor = std::derived_from<std::remove_cvref_t<A>, any_adaptor>;

/// `source | stage`: starts the stage; `source | sink`: waits.
template <source Source, is_adaptor Adaptor>
[[gnu::noinline]] auto operator|(Source&& from, Adaptor&& to) {
  return std::remove_cvref_t<Adaptor>(std::forward<Adaptor>(to))(
      as_flow(std::forward<Source>(from)));
}

/// `stage | stage` and `stage | sink`: to be used as one.
template <is_adaptor First, is_adaptor Second>
auto operator|(First&& first, Second&& second) {
  return adaptor(
      [first = std::remove_cvref_t<First>(std::forward<First>(first)),
       second = std::remove_cvref_t<Second>(std::forward<Second>(second))]<class T>(
          flow<T> from) mutable { return std::move(second)(std::move(first)(std::move(from))); });
}

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
/// Called without arguments, returns a std::optional; is no range.
template <class F>
concept generator =
    std::invocable<F&> && is_optional<std::remove_cvref_t<std::invoke_result_t<F&>>>::value;

/// Starts what tee is.
template <class T>
[[gnu::noinline]] std::pair<flow<T>, flow<T>> start_two(const stage_options& how, inlet<T> from) {
  const auto work = new double_output<T>(how, std::move(from));
  const stage_handle fresh = start_stage(how, 1, 2, std::unique_ptr<any_work>(work));
  return {flow<T>(receiver<T>(work->left), fresh), flow<T>(receiver<T>(work->right), fresh)};
}

/// What collect is.
template <class T>
[[gnu::noinline]] std::vector<T> all_of(flow<T> from) {
  std::vector<T> all;
  for (T& item : from) all.push_back(std::move(item));
  return all;
}

/// Starts what transform and filter are.
template <class Out, class In, class Step>
flow<Out> start_map(const stage_options& how, flow<In> from, Step step) {
  if (how.workers == 1 || how.order == ordering::free) {
    return start<map<In, Out, Step>>(how, how.workers, std::move(from).give(), std::move(step));
  }
  return start<ordered_map<In, Out, Step>>(how, how.workers, std::move(from).give(),
                                           std::move(step));
}

}  // namespace sluice::pipeline::detail
