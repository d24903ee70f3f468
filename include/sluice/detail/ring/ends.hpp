// The two ends of a queue of items: what the top bits of a position say, and how an end moves on.
#pragma once

#include <cstdint>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/base/home_lock.hpp"

namespace sluice::detail {

class queue_ends {
 public:
  using position = std::uint64_t;

  /// Both ends, as they were read: head, and then tail, which has been further at all times.
  struct ends {
    position head;
    position tail;
    /// Then only its owner, or who holds the lock, knows where they are now.
    [[nodiscard]] bool are_at_home() const noexcept { return ((head | tail) & home_bit) != 0; }
  };

 protected:
  using word = claim_word<position>;

  /// Of tail: no put can claim any more.
  static constexpr position closed_bit = position{1} << 63;
  /// Of both: claims are made by the owner, or under the lock (base/home_lock.hpp).
  static constexpr position home_bit = position{1} << 62;

  static constexpr position bare(position at) noexcept { return at & ~home_bit; }
  static constexpr position plain(position at) noexcept { return at & ~(home_bit | closed_bit); }

  /// S1 and G1: a claim, if `end` is still at `from`.
  template <class Home>
  [[nodiscard]] [[gnu::always_inline]] static bool advance(word& end, position& from, position to,
                                                           const Home& home) noexcept {
    if ((from & home_bit) != 0) [[unlikely]]
      return home.advance(end, from, to);
    // order: S1, G1 seq_cst, before S3 and G3 in the one order with R4 and R5
    return end.compare_exchange_strong(from, to, memory_order_seq_cst, memory_order_relaxed);
  }

  /// Are ends that were read where they are? Else it is asked again: perhaps the latest claims of
  /// their owner are not seen yet.
  template <class Home>
  [[nodiscard]] static bool is_certain(const ends& at, const Home& home) noexcept {
    return !at.are_at_home() || home.knows();
  }

  [[nodiscard]] static bool is_at_home(const word& end) noexcept {
    // order: relaxed, whoever relies on it looks again
    // mutation: never, only slower: the whole operation does it
    return (end.load(memory_order_relaxed) & home_bit) != 0;
  }
  /// From here on claims are made by the owner, or under the lock. The lock is held.
  static void bring_home(word& tail, word& head) noexcept {
    // order: relaxed, claims that are under way fail by it
    tail.fetch_or(home_bit, memory_order_relaxed);
    // order: relaxed, as above
    head.fetch_or(home_bit, memory_order_relaxed);
  }
  /// As at first. The lock is held, by no owner; or nobody else is there.
  static void share(word& tail, word& head) noexcept {
    // order: release, whoever claims from here on, without the lock, has seen R4 at home, for S3
    // mutation: relaxed, needed where L4 falls before that R4; no scenario has it and such a claim
    tail.fetch_and(~home_bit, memory_order_release);
    // order: release, as above, for G3
    // mutation: relaxed, as above
    head.fetch_and(~home_bit, memory_order_release);
  }
};

}  // namespace sluice::detail
