// shield: a piece of work that no stop interrupts.
//
//   catch (...) { sluice::shield([&] { log.put("failed"); }); throw; }
#pragma once

#include <functional>
#include <utility>

#include "sluice/detail/park/stops.hpp"

namespace sluice {

/// Runs `f()` and returns what it returns, or lets pass what it throws. Until it is over no wait of
/// this strand throws `cancelled`, whoever asks for the stop: a request made before or meanwhile
/// takes effect at the next wait after it. Shields nest, and cover a with_stop within them too.
/// this_fiber::stop_requested() still tells the truth. Fibers that `f` starts are not shielded.
/// Any strand.
template <class F>
decltype(auto) shield(F&& f) {
  const detail::shielded_here guard;
  return std::invoke(std::forward<F>(f));
}

}  // namespace sluice
