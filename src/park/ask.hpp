// Requesting a stop of a source whose tokens users have.
#pragma once

#include <stop_token>

#include "sluice/detail/base/edges.hpp"

namespace sluice::detail {

/// As request_stop, which happens before every answer of a token that says so. This library is not
/// instrumented where edges are told by hand, so the place has to be that of libstdc++'s own word,
/// which users' tokens read: behind the count of the state's owners.
inline bool ask(std::stop_source& whom) noexcept {
  if constexpr (precise_races) {
    const char* const state = *reinterpret_cast<const char* const*>(&whom);
    if (state != nullptr) edge_from(state + sizeof(unsigned));
  }
  return whom.request_stop();
}

}  // namespace sluice::detail
