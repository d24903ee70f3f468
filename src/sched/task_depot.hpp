// Memory for the task objects of one size: from the system in slabs, to the workers in chains.
//
// One depot for the process and each size, never destroyed: a task may outlive its runtime. Workers
// keep what they need often (task_memory.hpp) and come here for many at once; whoever is no worker
// comes for one. Any thread.
//
// A slab lies at a multiple of its size, so that an object tells which slab it is of. A million
// tasks take some fifty slabs, and most of what such a crowd costs is the first touch of its
// memory: the first slab of a depot takes it page by page, the others may take a huge one.
//
// I1 used counts the objects of a slab that are out; the others are in its chain, or uncarved.
// I2 a slab stands in the list if and only if it has an object to give.
// I3 of a slab that is empty nothing remains, but for a last small one: the memory goes back with
//    the tasks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/base/short_lock.hpp"

namespace sluice::detail {

/// An object that is not in use.
struct free_task {
  free_task* next;
};

struct task_slab;

class alignas(cache_line) task_depot {
 public:
  /// Sizes are multiples of `step`.
  static constexpr std::size_t step = 16;
  static constexpr std::size_t largest = 512;
  static constexpr std::size_t slab_size = std::size_t{2} << 20;

  /// That of the objects of `size` bytes, from 1 to `largest`.
  [[nodiscard]] static task_depot& of(std::size_t size) noexcept;

  struct chain {
    free_task* first = nullptr;
    std::uint32_t count = 0;
  };
  /// Up to `most`, but one at least. Throws std::bad_alloc.
  [[nodiscard]] chain take(std::uint32_t most);
  /// All of a chain.
  void give(free_task* first) noexcept;

  /// Bytes of the slabs of all depots; as of some moment.
  [[nodiscard]] static std::size_t mapped() noexcept;

 private:
  /// What an empty slab may have used up and still be kept.
  static constexpr std::size_t small = std::size_t{256} * 1024;
  /// Objects put back under the lock at once.
  static constexpr int at_once = 64;

  /// A new slab in the list. Throws std::bad_alloc.
  void grow();
  [[nodiscard]] free_task* take_one(task_slab& from) noexcept;
  /// Null, or the slab that has become empty and left the list.
  [[nodiscard]] task_slab* put_back(free_task& one) noexcept;
  void link(task_slab& one, task_slab* before) noexcept;
  void unlink(task_slab& one) noexcept;

  short_lock lock_;
  std::uint32_t size_ = 0;  ///< of an object; written before anybody comes
  // Under the lock.
  task_slab* first_ = nullptr;  ///< of those with room (I2): given from first
  task_slab* last_ = nullptr;
  std::size_t slabs_ = 0;
};

}  // namespace sluice::detail
