// A channel with a timer in it. Whoever fires the timer unparks the alarm, which is a parker that
// always looks parked: its wake() puts the time and arms the timer again.
//
// wake() runs on a worker between two fibers, or on the ticker. It uses the channel below the
// handles, where nothing asks which strand runs, and no user's code is called.
//
// The timer holds no handle. When the last one goes, the destructor takes the timer back:
//
//   fire (timers.hpp)                         destructor
//   A1 claim, armed = false (shard's lock)    B1 armed? then disarm it (shard's lock): done
//   A2 wake: put, perhaps close               B2 ended_? done
//   A3 arm again (shard's lock), or ended_    else look again: somebody is between A1 and A3
//
// I1 the last touch of a wake is the shard's unlock of A3, or the store of ended_.
#include <optional>
#include <ostream>
#include <stdexcept>

#include "sched/scheduler.hpp"
#include "sluice/detail/base/backoff.hpp"
#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/park/attention.hpp"
#include "sluice/detail/park/parker.hpp"
#include "sluice/time.hpp"

namespace sluice::detail {
namespace {

class alarm final : public bounded<clock::time_point>, public parker {
 public:
  explicit alarm(clock::duration period)
      : bounded<clock::time_point>(1, {}),
        period_(period),
        home_(default_scheduler()),
        shard_(home_.shard_for_alarm()) {}
  alarm(const alarm&) = delete;
  alarm& operator=(const alarm&) = delete;

  ~alarm() override {
    if (in_forked_child()) return;  // nobody fires timers here, and locks may be held for ever
    backoff wait;
    // order: B2 acquire, pairs A3
    while (!shard_.disarm(timer_) && !ended_.load(memory_order_acquire)) wait.pause();
  }

  /// Called once, before anybody else knows the channel.
  void begin(deadline first) noexcept {
    at_ = first;
    first <= clock::now() ? wake() : arm();
  }

 private:
  void describe(std::ostream& out) const override {
    out << (period_ == clock::duration::zero() ? "after" : "tick");
  }

  void wait(waiter&, time_limit) noexcept override {}
  verdict check(operation_kind) noexcept override { return verdict::proceed; }
  [[nodiscard]] std::uint64_t strand_id() const noexcept override { return 0; }

  void wake() noexcept override {
    // Time orders nothing, and least of all whoever happens to fire the timer.
    const errand for_nobody(errand::knows::nothing);
    if (ring_the_bell()) return arm();
    end();
  }

  /// False: it was the last time.
  bool ring_the_bell() noexcept {
    clock::time_point now = clock::now();
    const claim found = try_put(now);  // `none`: the one before waits still
    if (period_ == clock::duration::zero()) {
      close(nullptr);
      return false;
    }
    at_ = next_after(now);
    return found != claim::closed;
  }

  /// The first beat after `now`, saturated.
  [[nodiscard]] deadline next_after(deadline now) const noexcept {
    const clock::rep missed = now > at_ ? (now - at_) / period_ : 0;
    const deadline last = at_ + missed * period_;
    return period_ >= no_deadline - last ? no_deadline : last + period_;
  }

  /// A3.
  void arm() noexcept {
    if (at_ == no_deadline) return end();
    wait_.emplace(*this, wait_site{"alarm"});
    // order: relaxed, made visible with the timer, by the shard's lock
    word_.store(parked, memory_order_relaxed);
    scheduler& home = home_;
    const deadline at = at_;
    shard_.arm(timer_, *wait_, at);  // the last touch: the alarm may be gone
    home.note_alarm(at);
  }

  /// A3.
  void end() noexcept {
    // order: A3 release, the last touch; pairs B2
    ended_.store(true, memory_order_release);
  }

  const clock::duration period_;
  scheduler& home_;  ///< the default runtime: never destroyed
  timer_shard& shard_;
  timer timer_;
  std::optional<waiter> wait_;
  deadline at_ = no_deadline;  ///< the next beat; begin's, then the waker's
  /// Written by the last wake; read by the destructor.
  atomic<bool> ended_{false};
};

}  // namespace

channel<clock::time_point> make_alarm(deadline first, clock::duration period) {
  auto* made = new alarm(period);
  auto ch = handle_access::adopt<channel<clock::time_point>>(
      static_cast<bounded<clock::time_point>&>(*made));
  made->begin(first);
  return ch;
}

void throw_bad_period() {
  throw std::invalid_argument(
      "sluice: tick of a period that is not above 0; use a loop with this_fiber::yield");
}

}  // namespace sluice::detail
