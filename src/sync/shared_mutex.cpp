// Readers and writers in turns.
//
// The word: `written`, the number of readers, and `contended`, which sends everybody to lock_.
//
// I1 contended is set exactly while somebody waits.
// I2 while it is set, the word changes under lock_ only, and only settle() lets anybody in: the
//    mutex is handed over, nobody overtakes.
// I3 after settle(): writers wait only beside a holder, readers only beside a writer, who has it or
//    waits.
//
// settle, when nobody holds it: if a writer had it last, all readers that wait come in together,
// else the longest waiting writer; if there is none of the kind, the other. When only readers hold
// it and no writer waits, the readers that wait come in.
//
// Who touches last: claims.hpp, I1. Who leaves does it in `leave`, the last touch, or under lock_
// beside those who wait, and unparks those whom settle let in.
#include "sluice/shared_mutex.hpp"

#include <mutex>

#include "sync/claims.hpp"

namespace sluice {

using namespace detail;

// ---- under lock_ -------------------------------------------------------------------------------

/// A newcomer comes in, or makes sure that whoever leaves comes here.
bool shared_mutex::take_or_contend(std::uint64_t share) noexcept {
  const std::uint64_t bars = share == written ? ~std::uint64_t{0} : written | contended;
  // order: relaxed, a guess that the compare-and-swap verifies
  std::uint64_t seen = word_.load(memory_order_relaxed);
  for (;;) {
    const bool comes_in = (seen & bars) == 0;
    // order: acquire, pairs with the release in leave
    if (word_.compare_exchange_weak(seen, comes_in ? seen + share : seen | contended,
                                    memory_order_acquire, memory_order_relaxed)) {
      return comes_in;
    }
  }
}

/// All readers that wait; how many.
std::uint64_t shared_mutex::admit_readers(job_list& won) noexcept {
  std::uint64_t count = 0;
  while (wait_node* next = win_front(readers_)) {
    won.push_back(*next, job::none);
    ++count;
  }
  return count;
}

/// I1, I3. Called while contended is set.
void shared_mutex::settle(job_list& won) noexcept {
  // order: relaxed, changed under the lock only
  std::uint64_t now = word_.load(memory_order_relaxed) & ~contended;
  if (now == 0 && readers_turn_) now += reader * admit_readers(won);
  if (now == 0) {
    if (wait_node* next = win_front(writers_)) {
      won.push_back(*next, job::none);
      now = written;
    }
  }
  if ((now & written) == 0 && writers_.empty()) now += reader * admit_readers(won);
  const bool waits = !writers_.empty() || !readers_.empty();
  // order: release, what those before did is handed on to those who come in by compare-and-swap
  word_.store(waits ? now | contended : now, memory_order_release);
}

// ---- waiting -----------------------------------------------------------------------------------

outcome shared_mutex::wait_for(std::uint64_t share, deadline until, on_stop stop,
                               const char* operation) {
  begin_to_wait(operation);
  waiter self(parker::current(), {operation}, stop);
  wait_node node(self);
  wait_list& mine = share == written ? writers_ : readers_;
  {
    const std::lock_guard guard(lock_);
    if (take_or_contend(share)) {
      note_taken(share);
      return outcome::completed;
    }
    mine.push_back(node);
  }
  const outcome how = park(self, until);
  if (how == outcome::completed) {
    note_taken(share);
    return how;
  }
  job_list won;
  {
    const std::lock_guard guard(lock_);
    // Not linked: whoever unlinked it has settled since.
    if (node.linked) {
      mine.remove(node);
      settle(won);
    }
  }
  unpark_all(won);
  return how;
}

void shared_mutex::wait_to_lock() {
  static_cast<void>(wait_for(written, no_deadline, on_stop::keep_waiting, "lock"));
}

void shared_mutex::wait_to_lock_shared() {
  static_cast<void>(wait_for(reader, no_deadline, on_stop::keep_waiting, "lock_shared"));
}

bool shared_mutex::lock_before(deadline until, const char* operation) {
  check_strand(operation_kind::may_wait, operation);
  return take_free() || completed_or_throw(wait_for(written, until, on_stop::end_wait, operation));
}

bool shared_mutex::lock_shared_before(deadline until, const char* operation) {
  check_strand(operation_kind::may_wait, operation);
  return take_shared() || completed_or_throw(wait_for(reader, until, on_stop::end_wait, operation));
}

// ---- leaving -----------------------------------------------------------------------------------

void shared_mutex::leave_contended(std::uint64_t share) noexcept {
  if (in_forked_child()) {
    // order: relaxed, the child has one thread, and those who waited are not in it
    word_.store((word_.load(memory_order_relaxed) & ~contended) - share, memory_order_relaxed);
    return;
  }
  job_list won;
  for (;;) {
    {
      const std::lock_guard guard(lock_);
      // order: relaxed, changed under the lock only while contended is set
      if ((word_.load(memory_order_relaxed) & contended) != 0) {
        // order: relaxed, settle hands it on
        word_.fetch_sub(share, memory_order_relaxed);
        readers_turn_ = share == written;
        settle(won);
        break;
      }
    }
    if (leave(share)) return;  // those who waited have left
  }
  unpark_all(won);
}

}  // namespace sluice
