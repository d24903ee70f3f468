// How plain OS threads park, and which strand runs on this thread.
//
// A thread's parker lives in thread_local storage. Its waker's last touch is P3, the exchange in
// unpark(); the wake that may follow names only the address, so the thread may be gone by then.
#include <atomic>
#include <cassert>
#include <exception>
#include <mutex>
#include <type_traits>

#include "park/futex.hpp"
#include "park/running_parker.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/base/short_lock.hpp"
#include "sluice/detail/park/parker.hpp"

namespace sluice::detail {
namespace {

/// Turns that a thread looks at its word before it sleeps in the kernel: a hand-over between
/// two running cores takes far less than the two system calls that it saves.
constexpr int spin_turns = 100;

class thread_parker final : public parker {
 public:
  thread_parker() noexcept : id_(next_strand_id()) {}

  void wait(waiter& w, time_limit limit) noexcept override {
    const deadline until = limit.from_now();
    if (stops_.innermost == nullptr || w.stop_mode() != on_stop::end_wait ||
        protected_from_stops()) {
      return wait_until_notified(w, until);
    }
    show(&w);
    const bool stopped = stops_.requested() && w.try_claim_for_stop();
    if (!stopped) wait_until_notified(w, until);  // if it was stopped, nobody else will unpark
    show(nullptr);
    if (precise_races && w.result() == outcome::cancelled) stops_.note_stop();
  }

  verdict check(operation_kind kind) noexcept override {
    if (in_forked_child()) return verdict::forked;
    const bool stops = kind == operation_kind::may_wait && stop_requested();
    return stops && !protected_from_stops() ? verdict::stop : verdict::proceed;
  }

  stop_scopes* stops() noexcept override { return &stops_; }
  bool stop_requested() const noexcept override {
    const bool found = stops_.requested();
    if (precise_races && found) stops_.note_stop();
    return found;
  }

  void end_wait_by_stop() noexcept override {
    bool ours = false;
    {
      const std::lock_guard guard(lock_);
      ours = waiting_ != nullptr && waiting_->try_claim_for_stop();
    }
    if (ours) unpark();  // the thread ends its obeyed_stop only after this call
  }

  std::uint64_t strand_id() const noexcept override { return id_; }

 private:
  void wake() noexcept override {}  // it is never parked, but asleep
  [[nodiscard]] bool protected_from_stops() const noexcept {
    return stops_.shields != 0 || std::uncaught_exceptions() != 0;
  }

  /// The wait that a stop may end; null: there is none.
  void show(waiter* w) noexcept {
    const std::lock_guard guard(lock_);
    waiting_ = w;
  }

  void wait_until_notified(waiter& w, deadline until) noexcept {
    if (spin_until_notified()) return consume(w);
    std::uint32_t seen = empty;
    // order: P1 announce, acq_rel; acquire on failure pairs with P3
    // mutation: acquire|release, a thread hands nothing on by it, and finds nothing
    if (!word_.compare_exchange_strong(seen, asleep, memory_order_acq_rel, memory_order_acquire)) {
      return consume(w);
    }
    // order: acquire, pairs with P3
    while (word_.load(memory_order_acquire) == asleep) {
      if (futex_wait(word_, asleep, until) != futex_result::timed_out) continue;
      if (clock::now() < until) continue;
      if (w.try_claim(outcome::timed_out)) break;  // nobody else will unpark
      until = no_deadline;                         // the winner's unpark is on its way
    }
    consume(w);
  }

  bool spin_until_notified() const noexcept {
    for (int i = 0; i < spin_turns; ++i) {
      // order: acquire, pairs with P3
      // mutation: never, only slower: the announcement finds it
      if (word_.load(memory_order_acquire) == notified) return true;
      cpu_pause();
    }
    return false;
  }

  void consume([[maybe_unused]] const waiter& w) noexcept {
    assert(w.has_ended());
    // order: P2, relaxed: the one unpark of this wait has been seen or can never come
    word_.store(empty, memory_order_relaxed);
  }

  const std::uint64_t id_;
  stop_scopes stops_;
  short_lock lock_;
  waiter* waiting_ = nullptr;  ///< under the lock
};

// It works to the thread's very end, whatever was destroyed before: no destructor may do anything.
// The atomics of a test build have some.
static_assert(std::is_trivially_destructible_v<thread_parker> ||
              !std::is_trivially_destructible_v<atomic<std::uint32_t>>);

parker& parker_of_this_thread() noexcept {
  thread_local thread_parker own;
  return own;
}

}  // namespace

thread_local constinit atomic<parker*> current_strand{nullptr};

[[gnu::noinline]] parker& parker::current() noexcept {
  // order: relaxed, written by this thread
  parker* const fiber = current_strand.load(memory_order_relaxed);
  return fiber != nullptr ? *fiber : parker_of_this_thread();
}

[[gnu::noinline]] atomic<parker*>* parker::current_slot() noexcept { return &current_strand; }

void parker::wake_in_kernel(const atomic<std::uint32_t>& word) noexcept { futex_wake(word, 1); }

std::uint64_t next_strand_id(std::uint64_t count) noexcept {
  static atomic<std::uint64_t> last{0};
  // order: relaxed, only that no number is given twice
  return last.fetch_add(count, memory_order_relaxed) + 1;
}

}  // namespace sluice::detail
