// The state of the one schedule that runs, shared by the engine's files.
//
// All strands are coroutines of one OS thread. Each atomic operation first calls before_operation,
// which may let another strand run; everything else is done without a switch.
#pragma once

#include <atomic>
#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <cstdint>
#include <source_location>

#include "engine/clocks.hpp"
#include "engine/strategy.hpp"

namespace sluice::explore {

/// Stacks first, one for each strand, then the heap, then what mmap gives.
inline constexpr std::size_t stack_bytes = 64 * 1024;
inline constexpr std::size_t stacks_bytes = most_strands * stack_bytes;
inline constexpr std::size_t heap_bytes = 1024 * 1024;
inline constexpr std::size_t mapped_bytes = 1024 * 1024;
/// A schedule has two mappings. The second one begins in the middle.
inline constexpr std::size_t second_mapping = stacks_bytes + heap_bytes + mapped_bytes / 2;
inline constexpr std::size_t region_bytes = stacks_bytes + heap_bytes + mapped_bytes;
/// Atomics outside of the region (statics) get a number from here on, 8 bytes each.
inline constexpr unsigned most_statics = 64;

/// More steps than any scenario needs: who comes here runs in circles.
inline constexpr std::uint32_t most_steps = 12'000;  // twice that fits the clocks of a strand

enum class failure : std::uint8_t {
  none,
  check,       ///< a claim of the scenario does not hold
  data_race,   ///< two accesses that nothing orders, one of them plain
  dead_frame,  ///< an access to a frame that has returned
  freed,       ///< an access to memory that was given back
  leak,        ///< memory that nobody has given back
  deadlock,    ///< everybody waits
  livelock,    ///< everybody spins, or the steps do not end
  exception,   ///< left a strand
  crash,       ///< an access to no memory at all
  engine,      ///< out of the explorer's own limits
};

struct strand {
  boost::context::detail::fcontext_t context;
  char* frame;  ///< of a strand that does not run: what lies below is dead
  clocks seen;
  void* exceptions[2];
  void (*entry)(void*);
  void* (*life)(void*);  ///< instead, of a thread that a strand has started
  void* argument;
  void* parker;
  void* worker;      ///< whose thread it is; null: none's
  void* progress;    ///< where it counts what it gets done; null: nowhere
  const void* word;  ///< in futex_wait, or who waits for that strand or condition
  std::int64_t until;
  bool begun;  ///< it is in the scenario's code: its steps matter
  bool timed_out;
  bool looks_fresh;       ///< its next load after a pause reads the newest value
  unsigned makes_static;  ///< objects at their first use, one in the other
};

struct schedule_state {
  bool running = false;
  bool tracing = false;
  /// Distinguishes the shadows of this schedule from those of earlier ones.
  std::uint32_t generation = 0;

  strand strands[most_strands + 1];  ///< the last is the driver
  unsigned count = 0;
  unsigned current = most_strands;
  unsigned came_from = most_strands;
  unsigned ready = 0;   ///< bit set: can run
  unsigned paused = 0;  ///< of those, who spins until another changes something
  /// Who has paused in this turn; the turn is over when all that can run have.
  unsigned spinners = 0;
  unsigned timed = 0;  ///< not ready, but its time may be over
  unsigned unfinished = 0;
  bool wants_pause = false;
  bool may_rest = false;  ///< strand 0 wants to see that everybody waits
  bool rests = false;
  unsigned rounds = 0;  ///< in which everybody spun
  std::uint32_t step = 0;
  std::int64_t now = 0;
  int items = 0;

  failure how = failure::none;
  const char* claim = nullptr;
  const void* at = nullptr;  ///< the address that it is about

  std::size_t heap_used = 0;
  unsigned mappings = 0;  ///< that were given out, of two
  std::uint64_t steps_in_all = 0;
};

extern schedule_state s;
extern char* const region;

inline unsigned bit(unsigned strand) noexcept { return 1U << strand; }
inline strand& me() noexcept { return s.strands[s.current]; }
inline std::int16_t tick() noexcept { return ++me().seen[s.current]; }
inline bool in_schedule() noexcept { return s.running && s.current < most_strands; }
inline std::size_t offset_of(const void* at) noexcept {
  return static_cast<std::size_t>(static_cast<const char*>(at) - region);
}

/// Leaves the schedule for good.
[[noreturn]] void fail(failure how, const char* claim, const void* at = nullptr) noexcept;

// ---- scheduler.cpp
/// A step begins. Another strand may come first, if it `matters`.
void before_operation(bool matters) noexcept;
/// The value of something has changed: who spins may look again.
inline void note_change() noexcept {
  s.paused &= bit(s.current);
  s.rounds = 0;
}

/// Sleeps until somebody wakes whoever sleeps on that address; false: the time was over.
bool sleep_on(const void* address, std::int64_t until) noexcept;
/// Is who would sleep there woken at once, though nobody wakes him?
[[nodiscard]] bool wakes_anyway(const void* address) noexcept;
/// Of those that sleep on the address, `count` at most; no step.
void wake_those_on(const void* address, int count) noexcept;
/// A thread of its own from here on; its number.
unsigned start_strand(void* (*life)(void*), void* argument) noexcept;
/// Waits for its end.
void join_strand(unsigned number) noexcept;

// ---- memory.cpp
void begin_memory() noexcept;
/// After the schedule: a block of the heap that nobody has given back, and that no static object
/// knows, directly or through others; null if there is none.
[[nodiscard]] const void* lost_block() noexcept;
/// A read or write of plain memory, or the begin and end of an atomic (as writes).
void plain_access(const void* at, std::size_t size, bool writes, const void* pc) noexcept;
/// An atomic operation: conflicts with plain writes only.
void atomic_access(const void* at, unsigned size) noexcept;

// ---- locations.cpp
void begin_locations() noexcept;
/// What the running strand has stored happens now, if it has not.
void make_stores() noexcept;
void end_locations() noexcept;
void forget_sharing() noexcept;
/// Was an address found to be shared in this schedule that was not known to be?
[[nodiscard]] bool learned_sharing() noexcept;
[[nodiscard]] std::uint64_t newest_value(const void* at, unsigned size) noexcept;
/// Does an atomic outside of the schedule's memory hold an address in that piece of it?
[[nodiscard]] bool static_atomic_holds(const void* from, std::size_t size) noexcept;
/// The memory of atomics goes away.
void forget_locations(const void* from, std::size_t size) noexcept;

// ---- trace.cpp
struct event {
  const char* what;
  const void* at;
  const void* pc = nullptr;  ///< of a plain access
  std::source_location where{};
  std::uint64_t value = 0, former = 0;
  std::memory_order order = std::memory_order_relaxed;
  bool stale = false;
  std::uint8_t strand = 0;
};
void note_event(const event& one) noexcept;
void begin_trace() noexcept;

}  // namespace sluice::explore
