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
  // Made by hand: a state that is made at its first use would be asked for twice.
  thread_local constinit std::uint64_t state = 0;
  std::uint64_t now = state;
  if (now == 0) [[unlikely]]
    now = start_of_sequence();
  now += 0xd1342543de82ef95;  // odd: it comes back after 2^64 draws
  state = now;
  return mix(now);
}

}  // namespace sluice::detail
