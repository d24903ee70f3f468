// A mutex that lets newcomers overtake, but not for ever.
//
// The word: `held`, and `contended`, which sends everybody but the free-and-alone to lock_.
//
//   0 ---------------- held                    lock, unlock: one compare-and-swap each
//   held ------------- held + contended        a strand that must wait
//   contended -------- held + contended        whoever takes it while others wait
//
// I1 contended is set exactly while somebody waits: in the list, or woken and on its way (coming).
// I2 while it is set, the word changes under lock_ only.
// I3 free and contended: one is coming. So nobody waits beside a free mutex.
//
//   unlock, contended                           a waiter that was woken
//   one is coming: let go                       takes it, if it is free
//   else let go, and wake the longest waiter    else links itself in front, and nobody may
//                                                 overtake it any more
//
// So a strand that runs can take the mutex again and again while a sleeper is on its way: if the
// mutex were handed over, threads in turns would pay two switches for each lock (a convoy). But a
// waiter is overtaken `most_overtakings` times at most, or as often as others are faster than its
// way from the wake to the look; then newcomers queue, and the next free mutex is the waiter's.
//
// Who touches last: see claims.hpp, I1. unlock lets go as its last touch (leave_uncontended); or
// under lock_ while one is coming, or was claimed to come: it needs lock_ before it can return.
#include "sluice/mutex.hpp"

#include <mutex>

#include "sluice/detail/base/edges.hpp"
#include "sync/claims.hpp"

namespace sluice {

using namespace detail;

namespace {

/// How often newcomers may take the mutex before a waiter gets it: a strand that locks in a loop
/// then pays for the wake of a sleeping thread, which costs as much as some hundred locks, once in
/// so many turns. Fibers of its own worker, which cannot come before it parks, wait as long as
/// these take.
constexpr std::uint8_t most_overtakings = 250;

}  // namespace

// ---- under lock_ -------------------------------------------------------------------------------

/// A newcomer takes the mutex, or makes sure that its unlock comes here.
bool mutex::take_or_contend() noexcept {
  const bool others = somebody_waits();
  // order: relaxed, a guess that the compare-and-swap verifies
  std::uint32_t seen = word_.load(memory_order_relaxed);
  for (;;) {
    const bool is_held = (seen & held) != 0;
    if (!is_held && others && overtaken_ == most_overtakings) return false;  // I3
    // order: acquire, pairs with the release of whoever let go
    if (word_.compare_exchange_weak(seen, seen | (is_held ? contended : held), memory_order_acquire,
                                    memory_order_relaxed)) {
      if (!is_held && others) ++overtaken_;
      return !is_held;
    }
  }
}

bool mutex::take_if_free() noexcept {
  // order: relaxed, a guess that the compare-and-swap verifies
  std::uint32_t seen = word_.load(memory_order_relaxed);
  while ((seen & held) == 0) {
    // order: acquire, pairs with the release of whoever let go
    if (word_.compare_exchange_weak(seen, seen | held, memory_order_acquire,
                                    memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

/// I1, after one has stopped waiting. The mutex is held, or one is coming.
void mutex::calm_down() noexcept {
  if (somebody_waits()) return;
  overtaken_ = 0;
  // order: relaxed, nothing is handed over
  word_.fetch_and(~contended, memory_order_relaxed);
}

// ---- locking -----------------------------------------------------------------------------------

outcome mutex::lock_slowly(deadline until, on_stop stop, const char* operation) {
  begin_to_wait(operation);
  lock_.lock();
  bool mine = take_or_contend();
  for (bool first_look = true; !mine; first_look = false) {
    waiter self(parker::current(), {operation}, stop);
    wait_node node(self);
    first_look ? waiters_.push_back(node) : waiters_.push_front(node);
    lock_.unlock();
    const outcome how = park(self, until);
    lock_.lock();
    if (how != outcome::completed) {
      unlink(waiters_, node);
      calm_down();
      lock_.unlock();
      return how;
    }
    one_is_coming_ = false;
    mine = take_if_free();
    overtaken_ = mine ? 0 : most_overtakings;
    if (mine) calm_down();
  }
  lock_.unlock();
  edge_to(&word_);
  return outcome::completed;
}

void mutex::wait_to_lock() {
  static_cast<void>(lock_slowly(no_deadline, on_stop::keep_waiting, "lock"));
}

bool mutex::lock_before(deadline until, const char* operation) {
  check_strand(operation_kind::may_wait, operation);
  return take_free() || completed_or_throw(lock_slowly(until, on_stop::end_wait, operation));
}

bool mutex::try_to_overtake() noexcept {
  // order: relaxed, an answer as of some moment during the call
  // mutation: never, only slower; but in a forked child, which no schedule has, lock_ may be held
  if (word_.load(memory_order_relaxed) != contended || in_forked_child()) return false;
  const std::lock_guard guard(lock_);
  const bool others = somebody_waits();
  if (others && overtaken_ == most_overtakings) return false;
  if (!take_if_free()) return false;
  if (others) ++overtaken_;
  edge_to(&word_);
  return true;
}

// ---- unlocking ---------------------------------------------------------------------------------

void mutex::unlock_contended() noexcept {
  if (in_forked_child()) {
    // order: relaxed, the child has one thread, and those who waited are not in it
    word_.store(0, memory_order_relaxed);
    return;
  }
  do {
    lock_.lock();
    if (one_is_coming_) {
      // order: relaxed, I2: whoever takes it next has had lock_ after this unlock
      word_.store(contended, memory_order_relaxed);
      lock_.unlock();
      return;
    }
    if (wait_node* next = win_front(waiters_)) {
      parker& strand = next->owner->strand();
      one_is_coming_ = true;
      // order: relaxed, as above
      word_.store(contended, memory_order_relaxed);
      lock_.unlock();
      strand.unpark();
      return;
    }
    calm_down();  // the last one is leaving without the mutex
    lock_.unlock();
  } while (!leave_uncontended());
}

}  // namespace sluice
