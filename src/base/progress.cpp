// Where this thread counts.
#include "sluice/detail/base/progress.hpp"

namespace sluice::detail {
namespace {

thread_local progress* of_this_thread = nullptr;

void add(atomic<std::uint64_t>& count, std::uint64_t by) noexcept {
  // order: relaxed, a count with one writer
  count.store(count.load(memory_order_relaxed) + by, memory_order_relaxed);
}

}  // namespace

void count_progress_in(progress* mine) noexcept { of_this_thread = mine; }

[[gnu::noinline]] void count_moved(std::uint64_t items) noexcept {
  progress* mine = of_this_thread;
  if (mine == nullptr) return;
  add(mine->moved, items);
  // order: relaxed, the thread's own
  const std::uint64_t moved = mine->moved.load(memory_order_relaxed);
  if (mine->call == nullptr || moved < mine->call_at) return;
  mine->call_at = moved + progress::items_between_calls;
  mine->call();
}

[[gnu::noinline]] void count_lost_race() noexcept {
  progress* mine = of_this_thread;
  if (mine == nullptr) return;
  add(mine->lost, 1);
  // order: relaxed, the thread's own
  if (mine->lost.load(memory_order_relaxed) % progress::many == 0) mine->look_in = 1;
}

}  // namespace sluice::detail
