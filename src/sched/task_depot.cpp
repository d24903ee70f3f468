// Slabs of task objects. The argument stands in task_depot.hpp.
#include "sched/task_depot.hpp"

#include <sys/mman.h>

#include <mutex>
#include <new>
#include <utility>

#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/base/no_memory.hpp"
#include "sluice/detail/park/attention.hpp"

namespace sluice::detail {

/// The head of a slab, at its lowest address.
struct alignas(cache_line) task_slab {
  task_slab* before = nullptr;
  task_slab* next = nullptr;
  free_task* free = nullptr;
  std::uint32_t used = 0;
  std::uint32_t carved = sizeof(task_slab);  ///< bytes from the start that were given once
};

namespace {

constinit atomic<std::size_t> all_mapped{0};

std::uintptr_t up_to_slab(std::uintptr_t at) noexcept {
  return (at + task_depot::slab_size - 1) / task_depot::slab_size * task_depot::slab_size;
}

void* map(std::size_t size) noexcept {
  void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at != MAP_FAILED ? at : nullptr;
}

/// Null if there is no address space.
void* map_slab() noexcept {
  constexpr std::size_t size = task_depot::slab_size;
  void* tried = map(size);  // mostly next to the one before, or placed well by the kernel
  if (tried == nullptr || reinterpret_cast<std::uintptr_t>(tried) % size == 0) return tried;
  ::munmap(tried, size);
  void* wide = map(2 * size);
  if (wide == nullptr) return nullptr;
  const auto from = reinterpret_cast<std::uintptr_t>(wide);
  const std::uintptr_t at = up_to_slab(from);
  if (at != from) ::munmap(wide, at - from);
  const std::uintptr_t end = from + 2 * size;
  if (at + size != end) ::munmap(reinterpret_cast<void*>(at + size), end - (at + size));
  return reinterpret_cast<void*>(at);
}

task_slab& slab_of(free_task& one) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(&one);
  return *reinterpret_cast<task_slab*>(at - at % task_depot::slab_size);
}

}  // namespace

task_depot& task_depot::of(std::size_t size) noexcept {
  // Never destroyed, as the tasks of the default runtime.
  static task_depot* const depots = [] {
    alignas(task_depot) static std::byte room[largest / step * sizeof(task_depot)];
    auto* first = reinterpret_cast<task_depot*>(room);
    for (std::size_t i = 0; i < largest / step; ++i) {
      auto* one = ::new (static_cast<void*>(first + i)) task_depot;
      one->size_ = static_cast<std::uint32_t>((i + 1) * step);
    }
    return first;
  }();
  return depots[(size - 1) / step];
}

std::size_t task_depot::mapped() noexcept {
  // order: relaxed, a count for people
  return all_mapped.load(memory_order_relaxed);
}

// ---- slabs -------------------------------------------------------------------------------------

void task_depot::grow() {
  bool first = false;
  {
    const std::lock_guard guard(lock_);
    first = slabs_ == 0;
  }
  void* room = map_slab();
  if (room == nullptr) {
    throw_no_memory("sluice: go: no memory for another task; let some end first");
  }
  // What there is shall at most double.
  ::madvise(room, slab_size, first ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
  // order: relaxed, a count for people
  all_mapped.fetch_add(slab_size, memory_order_relaxed);
  auto* fresh = ::new (room) task_slab;
  const std::lock_guard guard(lock_);
  ++slabs_;
  link(*fresh, last_);
}

void task_depot::link(task_slab& one, task_slab* before) noexcept {
  one.before = before;
  one.next = before != nullptr ? std::exchange(before->next, &one) : std::exchange(first_, &one);
  (one.next != nullptr ? one.next->before : last_) = &one;
}

void task_depot::unlink(task_slab& one) noexcept {
  (one.before != nullptr ? one.before->next : first_) = one.next;
  (one.next != nullptr ? one.next->before : last_) = one.before;
}

// ---- objects -----------------------------------------------------------------------------------

/// From one in the list.
inline free_task* task_depot::take_one(task_slab& from) noexcept {
  free_task* one = from.free;
  if (one != nullptr) {
    from.free = one->next;
  } else {
    one = ::new (reinterpret_cast<std::byte*>(&from) + from.carved) free_task;
    from.carved += size_;
  }
  ++from.used;
  if (from.free == nullptr && from.carved + size_ > slab_size) unlink(from);
  return one;
}

task_depot::chain task_depot::take(std::uint32_t most) {
  chain some;
  for (;;) {
    {
      const std::lock_guard guard(lock_);
      while (some.count < most && first_ != nullptr) {
        free_task* one = take_one(*first_);
        one->next = some.first;
        some.first = one;
        ++some.count;
      }
    }
    if (some.count != 0) return some;
    grow();
  }
}

inline task_slab* task_depot::put_back(free_task& one) noexcept {
  task_slab& to = slab_of(one);
  const bool was_full = to.free == nullptr && to.carved + size_ > slab_size;
  one.next = std::exchange(to.free, &one);
  if (was_full) link(to, last_);
  if (--to.used != 0) return nullptr;
  if (slabs_ == 1 && to.carved <= small) return nullptr;  // I3
  unlink(to);
  --slabs_;
  return &to;
}

void task_depot::give(free_task* first) noexcept {
  if (in_forked_child()) return;  // another thread may have had the lock
  task_slab* gone = nullptr;
  while (first != nullptr) {
    const std::lock_guard guard(lock_);
    for (int i = 0; i < at_once && first != nullptr; ++i) {
      task_slab* empty = put_back(*std::exchange(first, first->next));
      if (empty == nullptr) continue;
      empty->next = gone;
      gone = empty;
    }
  }
  while (gone != nullptr) {
    ::munmap(std::exchange(gone, gone->next), slab_size);
    // order: relaxed, a count for people
    all_mapped.fetch_sub(slab_size, memory_order_relaxed);
  }
}

}  // namespace sluice::detail
