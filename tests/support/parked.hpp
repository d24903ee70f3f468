// Waits until a fiber is parked in an operation, by what its runtime's dump says.
#pragma once

#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>

#include "sluice/runtime.hpp"
#include "strands.hpp"

namespace test {

/// How many fibers of `rt` wait in `operation`?
inline std::size_t count_waiting(const sluice::runtime& rt, std::string_view operation) {
  std::ostringstream out;
  rt.dump(out);
  const std::string text = out.str();
  const std::string words = "waits in " + std::string(operation);
  std::size_t n = 0;
  for (auto at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) ++n;
  return n;
}

/// Returns when `n` fibers of `rt` are parked in `operation`.
inline void await_waiting(const sluice::runtime& rt, std::string_view operation,
                          std::size_t n = 1) {
  await([&] { return count_waiting(rt, operation) == n; });
}

}  // namespace test
