// with_stop: waits that obey a std::stop_token too, on a fiber or a plain thread.
//
//   std::jthread reader([ch](std::stop_token stop) {
//     sluice::with_stop(stop, [&] { for (auto& line : ch) print(line); });
//   });
#pragma once

#include <functional>
#include <stop_token>
#include <utility>

#include "sluice/detail/park/stops.hpp"

namespace sluice {

/// Runs `f()` and returns what it returns, or lets pass what it throws. Meanwhile the waits of this
/// strand and this_fiber::stop_requested() obey `token` as they obey the fiber's own stop: once it
/// is requested, each wait that may throw `cancelled` does. `f` begins in any case. Nests: the
/// token of each with_stop around is obeyed. Fibers that `f` starts do not obey it.
///
/// Never waits itself but for a callback of the token that runs at its end, a moment. Whoever
/// requests the stop runs the callbacks of the same source: those must not wait. A fiber that
/// requests it after a wait does so in a function that is not inlined, since the standard library
/// asks for the thread's id there, which compilers keep across a wait. Any strand.
template <class F>
decltype(auto) with_stop(std::stop_token token, F&& f) {
  const detail::obeyed_stop guard(std::move(token));
  return std::invoke(std::forward<F>(f));
}

}  // namespace sluice
