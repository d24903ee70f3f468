// One wait of one strand: who decides how it ends, and how the strand is told.
//
// A strand that must wait puts a `waiter` on its stack, shows it to everybody who may end the
// wait (a channel, a timer, a stop request), and parks. All cases of one wait share its claim
// word, so exactly one party ends it (I5):
//
//            try_reserve                conclude
//   waiting ------------> reserved ----------------> completed | closed
//      |  <------------                              (the operation was done for the strand)
//      |     unreserve
//      +-- try_claim --> completed | closed | timed_out | cancelled
//
// Where all who may end a wait hold the same lock, the object's, a claim need not be a
// read-modify-write (try_claim_locked). So it is for a fiber's wait in one list and without a time
// limit: a stop takes the lock then too (try_claim_for_stop).
//
// C-steps of the winner: claim, do the work, unpark, and touch nothing of the strand's after
// that: its frame may be gone. The strand leaves its wait only after the winner's unpark.
#pragma once

#include <cstdint>
#include <iosfwd>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/backoff.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

class parker;
class waiter;

enum class outcome : std::uint32_t {
  waiting,
  reserved,   ///< a short while: some party finds out whether it can complete the operation
  completed,  ///< the operation was done
  closed,     ///< what was waited for can never come
  timed_out,
  cancelled,  ///< the strand's stop was requested
};

/// Does the wait end when the strand's stop is requested?
enum class on_stop : std::uint8_t { end_wait, keep_waiting };

/// How those who would end a wait agree.
enum class decided : std::uint8_t { by_claim, under_lock };

/// What a strand waits for, as far as a dump can tell.
class SLUICE_API waited_for {
 public:
  /// In a few words. Any thread, while the wait goes on. Never waits.
  virtual void describe(std::ostream& out) const = 0;
  /// Claims a wait of `decided::under_lock` as cancelled, under the lock. False: it has ended, or
  /// this is nothing for which strands wait so. Anybody, while its strand cannot go on.
  [[nodiscard]] virtual bool claim_for_stop(waiter& w) const noexcept;

 protected:
  ~waited_for() = default;
};

/// What a dump says of a wait. Both outlive the wait; the object may be null.
struct wait_site {
  const char* operation = "wait";
  const waited_for* object = nullptr;
};

class waiter {
 public:
  waiter(parker& strand, wait_site site, on_stop stop = on_stop::end_wait,
         decided how = decided::by_claim) noexcept
      : on_stop_(stop), decided_(how), strand_(&strand), site_(site) {}
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;

  /// waiting -> reserved, false if the wait has ended. Spins while another holds it reserved. The
  /// lock of a list in which it stands is held.
  [[nodiscard]] bool try_reserve() noexcept {
    return decided_ == decided::by_claim ? leave_waiting(outcome::reserved)
                                         : try_claim_locked(outcome::reserved);
  }

  /// reserved -> `how`, by the party that reserved it; it must unpark.
  void conclude(outcome how) noexcept {
    // order: release, pairs with the acquire in leave_waiting and result()
    // mutation: relaxed, P3 tells the strand, and who lost touches nothing that this guards
    claim_.store(how, memory_order_release);
  }

  /// reserved -> waiting, by the party that reserved it and could not complete.
  void unreserve() noexcept {
    // order: release, pairs with the acquire in leave_waiting
    claim_.store(outcome::waiting, memory_order_release);
  }

  /// waiting -> `how`, false if the wait has ended already. The winner must unpark.
  [[nodiscard]] bool try_claim(outcome how) noexcept { return leave_waiting(how); }

  /// The same, false also if somebody holds it reserved.
  [[nodiscard]] bool try_claim_at_once(outcome how) noexcept {
    outcome seen = outcome::waiting;
    // mutation: acquire, as in leave_waiting
    // order: acq_rel, one claim decides (I5); a loser asks again
    return claim_.compare_exchange_strong(seen, how, memory_order_acq_rel, memory_order_relaxed);
  }

  /// The same, for one that stands in a list of an object whose lock is held.
  [[nodiscard]] bool try_claim_locked(outcome how) noexcept {
    if (decided_ == decided::by_claim) [[unlikely]]
      return try_claim_at_once(how);
    // order: relaxed, under the lock that all take who may claim it
    if (claim_.load(memory_order_relaxed) != outcome::waiting) [[unlikely]]
      return false;
    // order: relaxed, as above; P3 tells the strand
    claim_.store(how, memory_order_relaxed);
    return true;
  }

  /// As try_claim, for a stop. A fiber is held, and whoever serves it waits for that (P6): so what
  /// it waits for is there.
  [[nodiscard]] bool try_claim_for_stop() noexcept {
    return decided_ == decided::by_claim ? try_claim(outcome::cancelled)
                                         : site_.object->claim_for_stop(*this);
  }

  /// How the wait ended. The waiting strand reads it after it was unparked.
  [[nodiscard]] outcome result() const noexcept {
    // order: acquire, pairs with the winner's claim
    // mutation: relaxed, P3 has come before
    return claim_.load(memory_order_acquire);
  }

  /// Has it been claimed for good?
  [[nodiscard]] bool has_ended() const noexcept {
    const outcome now = result();
    return now != outcome::waiting && now != outcome::reserved;
  }

  [[nodiscard]] parker& strand() const noexcept { return *strand_; }
  [[nodiscard]] const wait_site& site() const noexcept { return site_; }
  [[nodiscard]] on_stop stop_mode() const noexcept { return on_stop_; }

 private:
  bool leave_waiting(outcome to) noexcept {
    for (;;) {
      outcome seen = outcome::waiting;
      // mutation: acquire, what the winner did is handed on by P3
      // mutation: failure relaxed, who lost touches nothing that the winner guards by it
      // order: acq_rel, one claim decides (I5); acquire on failure pairs with the winner's store
      if (claim_.compare_exchange_strong(seen, to, memory_order_acq_rel, memory_order_acquire))
          [[likely]] {
        return true;
      }
      if (seen != outcome::reserved) return false;
      wait_while_reserved();
    }
  }

  [[gnu::noinline, gnu::cold]] void wait_while_reserved() const noexcept {
    // order: relaxed, only a hint that the claim may succeed now
    for (backoff wait; claim_.load(memory_order_relaxed) == outcome::reserved;) wait.pause();
  }

  /// Written by whoever wins; read by the strand after its unpark and by those who lost.
  atomic<outcome> claim_{outcome::waiting};
  const on_stop on_stop_;
  const decided decided_;
  parker* const strand_;
  const wait_site site_;
};

inline bool waited_for::claim_for_stop(waiter&) const noexcept { return false; }

}  // namespace sluice::detail
