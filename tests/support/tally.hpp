// What became of items, counted by all strands of a test.
#pragma once

#include <atomic>
#include <cstdint>

namespace test {

struct tally {
  std::atomic<std::uint64_t> made{0};       ///< items that were there to be put
  std::atomic<std::uint64_t> accepted{0};   ///< puts that returned normally
  std::atomic<std::uint64_t> returned{0};   ///< items that stayed with their owner
  std::atomic<std::uint64_t> got{0};        ///< items that somebody got
  std::atomic<std::uint64_t> cancelled{0};  ///< waits that were cut short
};

}  // namespace test
