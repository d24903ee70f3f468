// Where each thread keeps its sequence.
#include "select/random.hpp"

#include <chrono>

#include "sluice/detail/park/parker.hpp"

namespace sluice::detail {
namespace {

std::uint64_t start_of_sequence() noexcept {
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return mix(static_cast<std::uint64_t>(now) + mix(next_strand_id()));
}

}  // namespace

[[gnu::noinline]] std::uint64_t draw_seed() noexcept {
  thread_local std::uint64_t state = start_of_sequence();
  state += 0xd1342543de82ef95;  // odd: it comes back after 2^64 draws
  return mix(state);
}

}  // namespace sluice::detail
