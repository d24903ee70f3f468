// fiber_local<T>: a value of its own for each fiber, as thread_local is for threads.
//
//   sluice::fiber_local<int> depth{0};
//   ...
//   ++*depth;
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "sluice/detail/go/locals.hpp"

namespace sluice {

/// Each fiber that asks gets a T of its own; outside of fibers each thread does. Made at the first
/// use: T{}, a copy of the value given, or what the function given returns. Destroyed at the end of
/// the fiber, on its own stack, under a shield, the last made first, before a join of it returns;
/// at the thread's end. A destructor may use other fiber_locals; its own would be made anew. So is
/// that of a thread for what it destroys later, and that one goes too; at the end of the process,
/// once objects with static storage go, it stays.
///
/// Instances are independent of each other. One that is destroyed leaves the values that strands
/// have of it: each until its strand ends, or makes one of an instance that came later. References
/// to a value stay valid until then; unlike those to a thread_local they may be kept across a wait.
/// A helper thread of blocking keeps its values for the next job. Any strand.
template <class T>
class fiber_local {
 public:
  /// What each strand has one of.
  using value_type = T;

  /// Throws std::bad_alloc.
  fiber_local() requires std::default_initializable<T> : fiber_local(from(), &make_default) {}
  /// `maker()` is called by each strand at its first use. It may be called by several at once.
  template <class F>
  requires(std::invocable<const F&>&& std::convertible_to<std::invoke_result_t<const F&>, T> &&
           !std::same_as<std::remove_cvref_t<F>, fiber_local>) explicit fiber_local(F maker)
      : fiber_local(from(), std::move(maker)) {}
  /// Each strand gets a copy.
  explicit fiber_local(T value) requires(std::copy_constructible<T> && !std::invocable<const T&>)
      : fiber_local(from(), [value = std::move(value)] { return value; }) {}
  fiber_local(const fiber_local&) = delete;
  fiber_local& operator=(const fiber_local&) = delete;
  /// The values of strands stay. No strand may use the instance meanwhile.
  ~fiber_local() = default;

  /// This strand's value. Throws std::bad_alloc and what making a T throws; then there is none.
  /// Never waits, unless making one does.
  [[nodiscard]] T& get() const {
    if (void* there = detail::find_local(key_)) [[likely]]
      return *static_cast<T*>(there);
    return make();
  }
  /// As get.
  [[nodiscard]] T& operator*() const { return get(); }
  /// As get.
  [[nodiscard]] T* operator->() const { return std::addressof(get()); }

 private:
  struct from {};
  static T make_default() { return T{}; }
  template <class F>
  fiber_local(from, F maker) : make_(std::move(maker)) {}

  [[nodiscard]] T& make() const {
    auto fresh = std::make_unique<detail::local_value<T>>(make_);
    // What made it may have asked for the value, and so made another one: that one stays.
    if (void* there = detail::find_local(key_)) return *static_cast<T*>(there);
    return static_cast<detail::local_value<T>&>(detail::keep_local(key_, std::move(fresh))).value;
  }

  const std::function<T()> make_;
  const detail::local_key key_;
};

}  // namespace sluice
