// flow<T>: the items that come out of a stage, and the stage with all those before it.
#pragma once

#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>

#include "sluice/channel.hpp"
#include "sluice/detail/pipeline/stage.hpp"
#include "sluice/handles.hpp"

namespace sluice::pipeline {

/// What a stage returns: the receiver of its results, and the owner of the stage and of those
/// before it. Gets and iterates as a receiver does; an error of any stage is thrown in place of the
/// end.
///
/// Move-only. The destructor stops all stages behind it and waits until none of their functions
/// runs: so they may refer to whatever outlives the flow. It waits, also while an exception is on
/// its way, for as long as the functions take; their own waits throw `cancelled`. Several strands
/// may get at once; whoever moves or destroys it must be the only one. A moved-from flow can be
/// asked `valid()`, assigned and destroyed; everything else throws std::logic_error.
template <class T>
class [[nodiscard]] flow : private receiver<T> {
 public:
  using value_type = T;

  /// Items that somebody else puts. For what comes after, the channel's end is the end, and its
  /// cause the error. If the pipeline ends before, its handle is dropped: the channel is closed,
  /// unless there are other receivers.
  explicit flow(receiver<T> from) noexcept : receiver<T>(std::move(from)) {}
  explicit flow(const channel<T>& from) : receiver<T>(from) {}

  flow(flow&&) noexcept = default;
  flow& operator=(flow&& other) noexcept {
    flow old(std::move(*this));
    items_of(*this) = std::move(items_of(other));
    stage_ = std::move(other.stage_);
    return *this;
  }
  [[gnu::noinline]] ~flow() {
    // Who did not close it finds a stage that has ended, or is not there (a forked child).
    if (stage_ && items_of(*this).close()) stage_.leave();
  }

  // As those of receiver<T>; each may be called by any strand.
  using receiver<T>::get;
  using receiver<T>::operator>>;
  using receiver<T>::try_get;
  using receiver<T>::get_for;
  using receiver<T>::get_until;
  using receiver<T>::get_batch;
  using receiver<T>::try_get_batch;
  using receiver<T>::begin;
  using receiver<T>::end;
  using receiver<T>::closed;
  using receiver<T>::drained;
  using receiver<T>::empty;
  using receiver<T>::size;
  using receiver<T>::capacity;
  using receiver<T>::valid;

  /// The receiver itself, for select. Copies of it see the end when the flow goes.
  [[nodiscard]] const receiver<T>& items() const noexcept { return *this; }

  /// The first output of a stage that was started. For the library's own use.
  flow(receiver<T> items, detail::stage_handle from) noexcept
      : receiver<T>(std::move(items)), stage_(std::move(from)) {}
  /// Gives all to the next stage. For the library's own use.
  [[nodiscard]] detail::inlet<T> give() && noexcept {
    return detail::inlet<T>(std::move(items_of(*this)), std::move(stage_));
  }

 private:
  static receiver<T>& items_of(flow& of) noexcept { return of; }

  detail::stage_handle stage_;
};

namespace detail {

template <class T>
flow<T> as_flow(flow<T>&& from) noexcept {
  return std::move(from);
}
template <class T>
flow<T> as_flow(const flow<T>& from) {
  static_assert(std::is_void_v<T>,
                "sluice: a flow owns its stages and goes into the next part as a whole: "
                "std::move(flow) | ...");
  return flow<T>(from.items());
}
template <class T>
flow<T> as_flow(const receiver<T>& from) {
  return flow<T>(from);
}
template <class T>
flow<T> as_flow(const channel<T>& from) {
  return flow<T>(from);
}

template <class S>
struct source_traits : std::false_type {};
template <class T>
struct source_traits<flow<T>> : std::true_type {
  using item = T;
};
template <class T>
struct source_traits<receiver<T>> : std::true_type {
  using item = T;
};
template <class T>
struct source_traits<channel<T>> : std::true_type {
  using item = T;
};
/// What can stand on the left of a stage.
template <class S>
concept source = source_traits<std::remove_cvref_t<S>>::value;
template <class S>
using item_of = typename source_traits<std::remove_cvref_t<S>>::item;

/// Starts a stage with one output, `out`, which is a part of the work.
template <class T>
[[gnu::noinline]] flow<T> start_one(const stage_options& how, int fibers,
                                    std::unique_ptr<any_work> work, const channel<T>& out) {
  stage_handle fresh = start_stage(how, fibers, 1, std::move(work));
  return flow<T>(receiver<T>(out), std::move(fresh));
}

/// Starts a stage with one output, which `Work` makes and calls `out`.
template <class Work, class... Args>
[[gnu::noinline]] auto start(const stage_options& how, int fibers, Args&&... args) {
  const auto work = new Work(how, std::forward<Args>(args)...);
  return start_one(how, fibers, std::unique_ptr<any_work>(work), work->out);
}

}  // namespace detail
}  // namespace sluice::pipeline

template <class T>
inline constexpr bool std::ranges::disable_sized_range<sluice::pipeline::flow<T>> = true;
