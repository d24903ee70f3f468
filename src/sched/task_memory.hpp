// A worker's freed task objects, kept for the next ones: spawning is mostly allocating.
//
// Owned by one worker, used on its thread only. What is more than it keeps goes back to the depot,
// and all of it when the worker goes to sleep: a few objects here and there would hold much memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "sched/keeps_tasks.hpp"
#include "sched/task_depot.hpp"
#include "sluice/cancelled.hpp"
#include "sluice/detail/park/attention.hpp"

namespace sluice::detail {

class task_memory {
 public:
  task_memory() = default;
  task_memory(const task_memory&) = delete;
  task_memory& operator=(const task_memory&) = delete;
  ~task_memory() { give_all(); }

  /// Throws std::bad_alloc; in a forked child, where none may be left, std::logic_error.
  [[nodiscard]] void* allocate(std::size_t size) {
    if (!keeps_tasks || size > largest) [[unlikely]]
      return ::operator new(size);
    list& kept = list_for(size);
    if (kept.now.first == nullptr) [[unlikely]]
      return allocate_from_afar(kept, size);
    return take_first(kept);
  }
  void free(void* room, std::size_t size) noexcept {
    if (!keeps_tasks || size > largest) [[unlikely]]
      return ::operator delete(room);
    list& kept = list_for(size);
    if (kept.now.count == most_kept / 2) [[unlikely]]
      return shed(kept, size, room);
    put_first(kept, room);
  }

  /// The same for whoever is no worker.
  [[nodiscard]] static void* allocate_outside(std::size_t size) {
    return keeps_tasks && size <= largest ? take(size, 1).first : ::operator new(size);
  }
  static void free_outside(void* room, std::size_t size) noexcept {
    if (!keeps_tasks || size > largest) return ::operator delete(room);
    task_depot::of(size).give(::new (room) free_task{nullptr});
  }

  /// Before a sleep. A few may stay, so that a short one costs nothing.
  void give_back() noexcept {
    std::uint32_t kept = 0;
    for (const list& each : lists_) kept += each.now.count + each.before.count;
    if (kept > few) give_all();
  }

 private:
  static constexpr std::size_t largest = task_depot::largest;
  /// Of each size: a batch of a thousand tasks finds its memory again. In two halves, so that one
  /// can go as a whole, the older.
  static constexpr std::uint32_t most_kept = 1024;
  /// Taken at once.
  static constexpr std::uint32_t batch = 64;
  /// In a sleep, of all sizes together.
  static constexpr std::uint32_t few = 32;

  struct list {
    task_depot::chain now;
    task_depot::chain before;
  };

  [[nodiscard]] list& list_for(std::size_t size) noexcept {
    return lists_[(size - 1) / task_depot::step];
  }

  [[nodiscard]] static void* take_first(list& kept) noexcept {
    --kept.now.count;
    return std::exchange(kept.now.first, kept.now.first->next);
  }
  static void put_first(list& kept, void* room) noexcept {
    kept.now.first = ::new (room) free_task{kept.now.first};
    ++kept.now.count;
  }

  // Both end in the same way as without a look at the depot: then what calls them saves nothing.
  [[gnu::noinline]] static void* allocate_from_afar(list& kept, std::size_t size) {
    if (kept.before.first != nullptr) {
      kept.now = std::exchange(kept.before, {});
    } else {
      kept.now = take(size, batch);
    }
    return take_first(kept);
  }
  /// In a forked child the depot's lock may be held for ever, and no task can be spawned anyway.
  [[nodiscard]] static task_depot::chain take(std::size_t size, std::uint32_t most) {
    if (in_forked_child()) throw_forked("go or run");
    return task_depot::of(size).take(most);
  }
  [[gnu::noinline]] static void shed(list& kept, std::size_t size, void* room) noexcept {
    if (kept.before.first != nullptr) task_depot::of(size).give(kept.before.first);
    kept.before = std::exchange(kept.now, {});
    put_first(kept, room);
  }

  [[gnu::noinline]] void give_all() noexcept {
    std::size_t size = 0;
    for (list& each : lists_) {
      size += task_depot::step;
      for (task_depot::chain* some : {&each.now, &each.before}) {
        if (some->first != nullptr) task_depot::of(size).give(std::exchange(*some, {}).first);
      }
    }
  }

  list lists_[largest / task_depot::step];
};

}  // namespace sluice::detail
