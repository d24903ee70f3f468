// A worker's freed task objects, kept for the next ones: spawning is mostly allocating.
//
// Owned by one worker, used on its thread only. Under AddressSanitizer nothing is kept, so that it
// sees every use after the end; nor in ThreadSanitizer's precise mode, to which the next task would
// be a user of the same object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "fiber/sanitizers.hpp"

namespace sluice::detail {

class task_memory {
 public:
  task_memory() = default;
  task_memory(const task_memory&) = delete;
  task_memory& operator=(const task_memory&) = delete;
  ~task_memory() {
    for (list& each : lists_) {
      while (void* room = take(each)) ::operator delete(room);
    }
  }

  /// Throws std::bad_alloc.
  [[nodiscard]] void* allocate(std::size_t size) {
    if (size > largest) return ::operator new(size);
    void* room = take(list_for(size));
    return room != nullptr ? room : more(rounded(size));
  }
  void free(void* room, std::size_t size) noexcept {
    list& kept = list_for(size);
    if (keeps_nothing || size > largest || kept.count == most_kept) return ::operator delete(room);
    *static_cast<void**>(room) = kept.first;
    kept.first = room;
    ++kept.count;
  }
  /// What allocate() takes from the system for an object of `size` bytes.
  [[nodiscard]] static std::size_t rounded(std::size_t size) noexcept {
    return size > largest ? size : (size + step - 1) / step * step;
  }

 private:
  static constexpr bool keeps_nothing = SLUICE_ASAN != 0 || SLUICE_PRECISE != 0;
  static constexpr std::size_t step = 16;
  static constexpr std::size_t largest = 512;
  /// Of each size: a batch of a thousand tasks finds its memory again.
  static constexpr std::uint32_t most_kept = 1024;

  static constexpr std::size_t ahead = std::size_t{64} * 1024;

  struct list {
    void* first = nullptr;
    std::uint32_t count = 0;
  };

  [[nodiscard]] list& list_for(std::size_t size) noexcept {
    return lists_[size > largest ? 0 : (size - 1) / step];
  }
  /// From the system. Where glibc's heap of a thread has come to its end, it grows by a page, with
  /// a system call each time: for 25 tasks. So now and then it is made to grow by more.
  [[nodiscard]] void* more(std::size_t size) {
    taken_ += size;
    if (taken_ >= ahead && !keeps_nothing) {
      taken_ = 0;
      ::operator delete(::operator new(ahead, std::nothrow));
    }
    return ::operator new(size);
  }

  static void* take(list& from) noexcept {
    void* room = from.first;
    if (room == nullptr) return nullptr;
    from.first = *static_cast<void**>(room);
    --from.count;
    return room;
  }

  std::size_t taken_ = 0;  ///< from the system since the heap was made to grow
  list lists_[largest / step];
};

}  // namespace sluice::detail
