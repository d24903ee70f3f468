// Running one schedule of one scenario, and what the engine needs of the code under test.
#pragma once

#include "engine/state.hpp"

namespace sluice::explore {

/// Runs `body(of)` as strand 0, which runs the others. The decisions are those of `deciding`.
void run_schedule(void (*body)(const void*), const void* of) noexcept;

/// The mutants of tools/mutate that would have changed a schedule: those of a statement or a
/// condition whose place was met, those of an order as weaker.hpp says.
inline constexpr int most_mutants = 2048;
extern bool met[most_mutants];
/// Those of an order whose operation a schedule has come to.
extern bool reached[most_mutants];
/// Are those looked for whose orders are weaker?
extern bool looks_for_weaker;

/// From here on a strand that touches no memory fails its schedule, and nothing else.
void catch_crashes() noexcept;

// ---- given by parkers.cpp, which knows the shipped parker
/// Where the parker of the strand that runs is found.
extern void** const parker_slot;
/// Where it counts what it gets done.
extern void** const progress_slot;
/// Where that of which it is the owner, and which it is for each strand.
extern void** const owner_slot;
void* owner_of(unsigned strand) noexcept;
/// Where the worker whose thread it is.
extern void** const worker_slot;
/// What the code under test keeps outside of a schedule's memory is as at the start of the program;
/// given by workers.cpp. (Atomics and what is made at its first use the engine resets itself.)
void reset_statics() noexcept;
/// Calls `body` with a parker of its own, which ends with it.
void run_as_thread(void (*body)(void* parker) noexcept) noexcept;

}  // namespace sluice::explore
