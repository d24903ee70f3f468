// Stands in for the shipped header of this name: a task's memory goes back at once, so that the
// engine sees every use after the end.
#pragma once

namespace sluice::detail {

inline constexpr bool keeps_tasks = false;

}  // namespace sluice::detail
