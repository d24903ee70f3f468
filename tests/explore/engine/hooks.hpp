// What the instrumented code calls: the shadow headers, and the scenarios' checks.
//
// Every function here is called by a strand of a schedule, or by code that runs outside of any; then
// it does what the plain operation would do.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <source_location>

#include "engine/clocks.hpp"

namespace sluice::explore {

using place = std::source_location;

enum class change : std::uint8_t { exchange, add, subtract, bits_or, bits_and, bits_xor };

std::uint64_t atomic_load(const void* at, unsigned size, std::memory_order order,
                          const place& where) noexcept;
void atomic_store(void* at, unsigned size, std::uint64_t value, std::memory_order order,
                  const place& where) noexcept;
/// Returns the former value.
std::uint64_t atomic_change(void* at, unsigned size, change how, std::uint64_t operand,
                            std::memory_order order, const place& where) noexcept;
enum class strength : std::uint8_t { strong, weak };
/// `expected` gets what was found. A weak one may fail though that is what it expects.
bool atomic_compare_exchange(void* at, unsigned size, std::uint64_t& expected,
                             std::uint64_t desired, std::memory_order on_success,
                             std::memory_order on_failure, strength how,
                             const place& where) noexcept;
/// An atomic begins (its value is there) or ends.
void atomic_begins(void* at, unsigned size) noexcept;
void atomic_ends(void* at, unsigned size) noexcept;

/// Every strand passes a full barrier, wherever it is.
void process_barrier() noexcept;

/// The strand spins: it has nothing to do until another changes something.
void pause() noexcept;

inline constexpr std::int64_t never = INT64_MAX;
/// The kernel's wait on a word, and its wake. False: the time was over. True says nothing: it may
/// wake without a cause.
bool futex_wait(const void* word, std::uint32_t expected, std::int64_t until) noexcept;
void futex_wake(const void* word, int count) noexcept;
std::int64_t virtual_now() noexcept;
/// Threads that have not ended, without strand 0.
[[nodiscard]] unsigned strands_alive() noexcept;

/// That memory, given by mmap, is used for the first time: it must be there, and reads as zeros.
void prepare_mapped(void* at, std::size_t size) noexcept;

/// Ends the schedule as failed, unless `holds`.
void check(bool holds, const char* claim) noexcept;
/// Which fault of check_faults is in; 0: none. The shipped sources never ask.
extern int fault;
/// The same for tools/mutate: is that mutant in? Notes that a schedule has come to its place.
bool mutant(int number) noexcept;
/// The order of an operation: the weaker one if that mutant is in. Without it, see weaker.hpp.
std::memory_order weakened(int number, std::memory_order weaker, std::memory_order order) noexcept;

/// How many items live, for the items themselves.
void count_item(int change) noexcept;

enum class rest : std::uint8_t { is_an_error, is_looked_at };
/// Runs the strands and returns true when all have ended; false if all that are left wait, for each
/// other or for strand 0.
bool run_strands(unsigned count, void (*const* entry)(void*), void* const* argument,
                 rest at_rest) noexcept;
[[nodiscard]] bool has_ended(unsigned strand) noexcept;
/// Goes on with those that are left.
bool wait_for_strands(rest at_rest) noexcept;

/// What the running strand has seen of all.
struct moment {
  clocks seen;
  unsigned strand;
  /// Did that happen before `later` began?
  [[nodiscard]] bool is_before(const moment& later) const noexcept {
    return seen[strand] <= later.seen[strand];
  }
};
[[nodiscard]] moment now() noexcept;
/// What comes afterwards is later than that.
[[nodiscard]] moment now_and_after() noexcept;

}  // namespace sluice::explore
