// What the fibers of each kind of stage do. The rules that they follow stand in stage.hpp.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "sluice/channel.hpp"
#include "sluice/detail/pipeline/stage.hpp"
#include "sluice/status.hpp"

namespace sluice::pipeline::detail {

/// A work with one output.
template <class T>
struct feeds : any_work {
  using output = T;
  explicit feeds(const stage_options& how) : out(make_output<T>(how)) {}
  const channel<T> out;
};

/// A work with one input and one output.
template <class In, class Out>
struct relays : feeds<Out> {
  relays(const stage_options& how, inlet<In>&& from) : feeds<Out>(how), in(std::move(from)) {}
  [[gnu::noinline]] ~relays() override = default;
  void leave() noexcept final { in.leave(); }
  void end(const std::exception_ptr& error) noexcept final {
    in.drop();
    this->out.close(error);
  }
  inlet<In> in;
};

/// A work that has no input.
template <class T>
struct begins : feeds<T> {
  using feeds<T>::feeds;
  void leave() noexcept final {}
  void end(const std::exception_ptr& error) noexcept final { this->out.close(error); }
};

/// Puts each element. `Range` is a reference if the range is somebody else's: then, as from a view,
/// elements are copied; out of a container of ours they are moved.
template <class Range>
void put_each(std::remove_reference_t<Range>& range,
              const channel<std::ranges::range_value_t<Range>>& to) {
  using item = std::ranges::range_value_t<Range>;
  constexpr bool ours = !std::is_reference_v<Range> && !std::ranges::view<Range> &&
                        !std::ranges::borrowed_range<Range> &&
                        std::same_as<std::ranges::range_reference_t<Range>, item&>;
  for (auto&& each : range) {
    if constexpr (ours) {
      to.put(std::move(each));
    } else {
      to.put(item(std::forward<decltype(each)>(each)));
    }
  }
}

template <class Range>
struct range_source : begins<std::ranges::range_value_t<Range>> {
  range_source(const stage_options& how, Range&& items)
      : begins<std::ranges::range_value_t<Range>>(how), range(std::forward<Range>(items)) {}

  std::exception_ptr run(int) override {
    put_each<Range>(range, this->out);
    return nullptr;
  }

  Range range;
};

template <class T, class F>
struct call_source : begins<T> {
  call_source(const stage_options& how, F&& next) : begins<T>(how), f(std::move(next)) {}

  std::exception_ptr run(int) override {
    while (std::optional<T> item = std::invoke(f)) this->out.put(std::move(*item));
    return nullptr;
  }

  F f;
};

/// A function that puts as it likes.
template <class T, class F>
struct own_source : begins<T> {
  own_source(const stage_options& how, F&& make) : begins<T>(how), f(std::move(make)) {}

  std::exception_ptr run(int) override {
    std::invoke(f, this->out);
    return nullptr;
  }

  F f;
};

/// A function that gets and puts as it likes. An error of the input, which it meets there, becomes
/// the stage's if it lets it through.
template <class In, class Out, class F>
struct own_stage : relays<In, Out> {
  own_stage(const stage_options& how, inlet<In>&& from, F&& work)
      : relays<In, Out>(how, std::move(from)), f(std::move(work)) {}

  std::exception_ptr run(int) override {
    std::invoke(f, this->in.items(), this->out);
    return nullptr;
  }

  F f;
};

/// Results as they come. `Step` makes a std::optional<Out> of an In.
template <class In, class Out, class Step>
struct map : relays<In, Out> {
  map(const stage_options& how, inlet<In>&& from, Step&& s)
      : relays<In, Out>(how, std::move(from)), step(std::move(s)) {}

  std::exception_ptr run(int) override {
    return for_items(this->in.items(), [this](In& item) {
      if (std::optional<Out> result = step(std::move(item))) this->out.put(std::move(*result));
    });
  }

  Step step;
};

template <class T, class Linger>
struct gather_batches : relays<T, std::vector<T>> {
  gather_batches(const stage_options& how, inlet<T>&& from, std::size_t n, Linger l)
      : relays<T, std::vector<T>>(how, std::move(from)), size(n), wait(l) {}

  std::exception_ptr run(int) override {
    for (;;) {
      std::vector<T> batch = this->in.items().get_batch(size, wait);
      if (batch.empty()) return nullptr;
      this->out.put(std::move(batch));
    }
  }

  const std::size_t size;
  const Linger wait;
};

template <class In>
struct spread : relays<In, std::ranges::range_value_t<In>> {
  using relays<In, std::ranges::range_value_t<In>>::relays;

  std::exception_ptr run(int) override {
    return for_items(this->in.items(), [this](In& item) { put_each<In>(item, this->out); });
  }
};

template <class T>
struct join_flows : feeds<T> {
  join_flows(const stage_options& how, std::vector<inlet<T>>&& from)
      : feeds<T>(how), inputs(std::move(from)) {}

  std::exception_ptr run(int which) override {
    const auto& items = inputs[static_cast<std::size_t>(which)].items();
    if (const std::exception_ptr cause =
            for_items(items, [this](T& item) { this->out.put(std::move(item)); })) {
      std::rethrow_exception(cause);  // stops the others
    }
    return nullptr;
  }
  void leave() noexcept override {
    for (const auto& one : inputs) one.leave();
  }
  void end(const std::exception_ptr& error) noexcept override {
    for (auto& one : inputs) one.drop();
    this->out.close(error);
  }

  std::vector<inlet<T>> inputs;
};

template <class T>
struct double_output : any_work {
  double_output(const stage_options& how, inlet<T>&& from)
      : left(make_output<T>(how)), right(make_output<T>(how)), in(std::move(from)) {}

  std::exception_ptr run(int) override {
    return for_items(in.items(), [this](T& item) {
      if (left_wanted) left_wanted = offer(left, right_wanted ? T(item) : std::move(item));
      if (right_wanted) right_wanted = offer(right, std::move(item));
      if (!left_wanted && !right_wanted) throw channel_closed("sluice: both outputs were left");
    });
  }
  void leave() noexcept override { in.leave(); }
  void end(const std::exception_ptr& error) noexcept override {
    in.drop();
    left.close(error);
    right.close(error);
  }

  static bool offer(const channel<T>& to, T item) {
    try {
      to.put(std::move(item));
      return true;
    } catch (const channel_closed&) {
      return false;
    }
  }

  const channel<T> left;
  const channel<T> right;
  inlet<T> in;
  bool left_wanted = true;
  bool right_wanted = true;
};

/// Calls a function for each item, and has nothing to say but the end.
template <class In, class F>
struct consume : relays<In, std::monostate> {
  consume(const stage_options& how, inlet<In>&& from, F&& each)
      : relays<In, std::monostate>(how, std::move(from)), f(std::move(each)) {}

  std::exception_ptr run(int) override {
    return for_items(this->in.items(),
                     [this](In& item) { static_cast<void>(std::invoke(f, std::move(item))); });
  }

  F f;
};

}  // namespace sluice::pipeline::detail
