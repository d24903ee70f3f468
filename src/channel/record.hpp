// What is counted of a channel that has a name, and how a dump shows it.
//
// What was put and got is read off the queue's own positions; a rendezvous, which has none, counts
// its meetings. Waits are counted under the channel's lock. The peak is the highest of what putters
// saw right after their puts: never more than was inside at some moment, and less than the highest
// only if getters took something between a put and its look. A putter that waits has seen it full.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "park/named.hpp"
#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/channel/core.hpp"

namespace sluice::detail {

class channel_record final : public named {
 public:
  channel_record(const channel_core& of, std::string name) noexcept
      : of_(of), name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  void write_line(std::ostream& out) const override;

  /// So many items were inside at some moment.
  void note_fill(std::size_t now) noexcept {
    // order: relaxed, a number for people
    std::size_t seen = peak_.load(memory_order_relaxed);
    // order: relaxed, as above
    // mutation: won, a number for people; tests/named_channel_test.cpp looks at it
    while (seen < now &&
           !peak_.compare_exchange_weak(seen, now, memory_order_relaxed, memory_order_relaxed)) {
    }
  }
  void count_meeting() noexcept {
    // order: relaxed, a number for people; the partner, once unparked, sees it
    meetings_.fetch_add(1, memory_order_relaxed);
  }
  void count_put_wait() noexcept { bump(put_waits_); }
  void count_get_wait() noexcept { bump(get_waits_); }
  void count_discarded(std::uint64_t n) noexcept {
    // order: relaxed, a number for people; written once
    discarded_.store(n, memory_order_relaxed);
  }

 private:
  /// Under the channel's lock.
  static void bump(atomic<std::uint64_t>& count) noexcept {
    // order: relaxed, one writer at a time
    count.store(count.load(memory_order_relaxed) + 1, memory_order_relaxed);
  }
  static std::uint64_t read(const atomic<std::uint64_t>& count) noexcept {
    // order: relaxed, a number for people
    return count.load(memory_order_relaxed);
  }

  const channel_core& of_;
  const std::string name_;
  atomic<std::uint64_t> put_waits_{0};
  atomic<std::uint64_t> get_waits_{0};
  /// What the end of the last receiver destroyed.
  atomic<std::uint64_t> discarded_{0};
  /// Written by putters.
  alignas(cache_line) atomic<std::size_t> peak_{0};
  /// Of a rendezvous. Written by all who meet.
  atomic<std::uint64_t> meetings_{0};
};

}  // namespace sluice::detail
