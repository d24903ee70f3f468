// How the positions of a bounded ring count its places: in laps, see ring.hpp.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "sluice/detail/base/no_memory.hpp"
#include "sluice/detail/ring/ends.hpp"

namespace sluice::detail {

class ring_positions : public queue_ends {
 public:
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// How far apart head and tail are when it is full.
  [[nodiscard]] position lap() const noexcept { return lap_; }
  /// How many places there were before that one, closed or not.
  [[nodiscard]] std::uint64_t count_to(position at) const noexcept {
    return (plain(at) >> std::countr_zero(lap_)) * capacity_ + index_of(at);
  }

  /// 0 if at that look a put (a get) could have been done, or it was closed; else a mark, and the
  /// same at two looks says that it could not at any moment between.
  [[nodiscard]] position full_mark(const ends& at) const noexcept {
    return bare(at.tail) == bare(at.head) + lap_ ? bare(at.tail) + 1 : 0;
  }
  [[nodiscard]] static position empty_mark(const ends& at) noexcept {
    return bare(at.tail) == bare(at.head) ? bare(at.tail) + 1 : 0;
  }

 protected:
  /// Throws std::length_error if that many places of such a size cannot be represented.
  ring_positions(std::size_t capacity, std::size_t place_size)
      : capacity_(capacity), lap_(lap_for(capacity, place_size)) {}

  [[nodiscard]] std::size_t index_of(position at) const noexcept { return at & mask_; }
  [[nodiscard]] position lap_of(position at) const noexcept { return bare(at) & ~mask_; }
  // Those that follow keep the bits above.
  [[nodiscard]] position next(position at) const noexcept { return behind_run(at, 1); }
  [[nodiscard]] position behind_run(position at, std::size_t n) const noexcept {
    return index_of(at) + n < capacity_ ? at + n : (at & ~mask_) + lap_;
  }

  /// Whoever puts into the last place of a lap counts it as progress; of small ones, one of many.
  [[nodiscard]] bool is_told(position lap) const noexcept { return (lap & told_) == told_; }
  [[nodiscard]] std::uint64_t items_told() const noexcept { return count_to(told_ + lap_); }

 private:
  static position lap_for(std::size_t capacity, std::size_t place_size) {
    const std::size_t most =
        static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / place_size / 2;
    if (capacity > most) {
      throw_too_long("sluice: channel: no memory could hold that capacity; take less");
    }
    return std::bit_ceil(static_cast<position>(capacity) + 1);
  }
  [[nodiscard]] static position laps_told(std::size_t capacity) noexcept {
    return capacity < 32 ? std::bit_ceil(position{32} / capacity) : 1;
  }

 protected:
  const std::size_t capacity_;
  const position lap_;
  const position mask_ = lap_ - 1;       ///< of the index in a position
  const position last_ = capacity_ - 1;  ///< the index of the last place
 private:
  const position told_ = (laps_told(capacity_) - 1) * lap_;
};

}  // namespace sluice::detail
