// scope: fibers that do not outlive a block, and whose errors are not lost.
//
//   sluice::scope s;
//   for (const auto& url : urls) s.go([&] { fetch(url); });
//   s.join();  // the first error stops the rest and is rethrown here
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "sluice/detail/go/scope_core.hpp"
#include "sluice/task.hpp"

namespace sluice {

/// Owns the fibers that it starts. Not movable. Its fibers may start more in it; any strand may,
/// while somebody holds the scope open.
class scope {
 public:
  /// Throws std::bad_alloc.
  scope() : core_(detail::heeds::all_but_stops) {}
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;
  /// Stops the fibers and waits for them, whatever they take. An error that no join has rethrown
  /// reaches on_unhandled of its fiber's runtime, unless this is part of unwinding: then the
  /// exception that unwinds speaks for both. In a forked child it waits for nothing.
  ~scope() = default;

  /// As sluice::go. An exception that escapes `f` belongs to the scope: the first one, `cancelled`
  /// aside, stops the other fibers and is rethrown by join; later ones are dropped. on_unhandled
  /// hears of none of them. The task can be joined, stopped or dropped beside that; its join
  /// rethrows too. In a scope that was asked to stop the fiber begins and finds its stop requested.
  template <class F, class... Args>
  requires detail::startable<F, Args...>
  [[gnu::always_inline]] auto go(fiber_options options, F&& f, Args&&... args) {
    auto name = options.name.empty() ? nullptr
                                     : std::make_unique<const std::string>(std::move(options.name));
    auto one = detail::start_in(core_, std::move(name), options.stack_size, std::forward<F>(f),
                                std::forward<Args>(args)...);
    return task<detail::call_result<F, Args...>>(*one.release());
  }
  /// As go above, without options.
  template <class F, class... Args>
  requires detail::startable<F, Args...>
  [[gnu::always_inline]] auto go(F&& f, Args&&... args) {
    auto one = detail::start_in(core_, nullptr, 0, std::forward<F>(f), std::forward<Args>(args)...);
    return task<detail::call_result<F, Args...>>(*one.release());
  }

  /// Waits until all fibers of the scope have ended, then rethrows the first error, once. If the
  /// caller's stop is requested, before or meanwhile: stops the fibers, waits for them and throws
  /// `cancelled`; an error then stays for the next join or the destructor. Throws std::logic_error
  /// in a forked child and if one of the scope's own fibers asks. After a join without an error the
  /// scope can be used again. Any strand.
  void join() { core_.join(); }

  /// Asks all fibers of the scope to stop, also those that will be started: true for the call that
  /// was first. They obey it as they obey with_stop. Never waits; any strand.
  bool request_stop() noexcept { return core_.request_stop(); }

 private:
  detail::scope_core core_;
};

}  // namespace sluice
