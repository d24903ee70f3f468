// When workers sleep, who wakes them, and how work spreads. The whole policy is in this room's two
// idle files.
//
// I7 work that has waited longer than the spread delay => somebody looks for it, or nobody sleeps.
//
// Fine hand-overs stay on their core; coarse work spreads. So a push onto a worker's own queue
// wakes nobody by itself, but sees to it that there is a watcher: one idle worker that looks at the
// running ones every spread delay, as long as any runs. The watcher takes work
//   - from a worker whose fibers are coarse: few turns and items in the time since the last look;
//   - that has not begun, and has waited since the last look;
//   - that is fine, if the limit allows one worker more for it (spread.hpp).
// A watcher that finds work makes another idle worker the watcher before it runs.
//
//   going to sleep                              bringing work from outside
//   W1 list, count up (RMW seq_cst)             W4 count the work (RMW seq_cst), after the push
//   W2 load the count of work (seq_cst)         W5 load the count of idle workers (seq_cst):
//   W3 sleep while the own word says so            take one off the list, write its word, wake it
//
// A worker that gives up its seat gives what is ready to another that has one:
//   W6 under the lock of the list, to one that is not listed. Whoever lists itself (W1) takes the
//      same lock, and looks at its backlog before it sleeps.
//
// Whoever starts to run counts himself as running (RMW seq_cst) before his first push, and whoever
// lists himself (W1) looks at that count before he chooses how to sleep: so either the idle one
// becomes the watcher, or the running one's push finds none and elects him.
// One sleeper, the keeper, sleeps no longer than the earliest timer.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include "sched/spread.hpp"
#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/clock.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/base/short_lock.hpp"

namespace sluice::detail {

class scheduler;
class fiber;
class worker;
struct runnable;
struct sample;

class idle_policy {
 public:
  /// Fine fibers run on `most` workers at most.
  idle_policy(scheduler& home, int most) noexcept : home_(home), spread_(most) {}

  /// Called by a worker that has found nothing. Returns with work; null once the runtime is over.
  [[nodiscard]] runnable* rest(worker& me) noexcept;
  /// For a busy worker now and then. True: it has given up its seat and what was ready; what runs
  /// should go too.
  bool reconsider(worker& me) noexcept;
  /// What that one runs is fine. Anybody; one that sleeps gets none.
  void take_seat(worker& one) noexcept;
  /// W6. Gives what is ready to one that has a seat. False: there is none.
  bool give_up(worker& me) noexcept;
  /// W6 for a fiber that has left `me`.
  void move(worker& me, fiber& one) noexcept;
  /// The worker's thread begins, and counts as running.
  void begin() noexcept;

  /// May a fiber that waits stay with its worker, which has nothing else?
  [[nodiscard]] bool is_worth_staying() const noexcept;
  /// Is there anything that an idle worker might take? A hint.
  [[nodiscard]] bool anybody_has_work() const noexcept;

  /// W5. Work came from outside: wakes a sleeper; false: there is none.
  bool wake_for_outside_work() noexcept;
  /// After a push onto an own queue: is there nobody who would see it?
  [[nodiscard]] bool needs_watcher() const noexcept { return anybody_idles() && !is_watched(); }
  /// The same; or should the watcher look at once, since what runs there runs for long?
  [[nodiscard]] bool needs_watcher(const worker& pushed_by) const noexcept;
  /// Wakes the watcher, if it sleeps; if there is none, an idle worker that becomes it.
  void call_watcher() noexcept;
  /// The runtime is over: wakes all, who will not sleep again.
  void wake_all() noexcept;

  [[nodiscard]] bool anybody_runs() const noexcept {
    // order: seq_cst, see the head of the file
    return running_.load(memory_order_seq_cst) > 0;
  }
  /// Does every worker sleep, or is about to?
  [[nodiscard]] bool everybody_is_listed() const noexcept;
  /// The same; adds how many have left the list so far.
  [[nodiscard]] bool all_listed(std::uint64_t& left) noexcept;

 private:
  [[nodiscard]] bool anybody_idles() const noexcept {
    // order: seq_cst, after the own RMW on running_ in the one order with W1 and choose_role
    return idle_count_.load(memory_order_seq_cst) > 0;
  }
  [[nodiscard]] bool is_watched() const noexcept {
    // order: seq_cst, as above
    // mutation: never, only slower: whoever pushes wakes one that watches already
    return watcher_.load(memory_order_seq_cst) != nullptr;
  }

  /// How long work may wait on a running worker before an idle one may take it.
  static constexpr std::chrono::microseconds spread_delay{50};
  /// A fiber that runs for so long at a time is coarse: it outweighs the cache misses of a theft.
  static constexpr std::chrono::microseconds coarse_turn{5};
  /// Where turns are shorter, two fibers that wake each other lose more apart than they gain: each
  /// hand-over between cores takes so long, about.
  static constexpr std::chrono::nanoseconds worth_a_trip{300};
  /// Between two looks that are compared, at least.
  static constexpr std::chrono::microseconds shortest_look = 4 * coarse_turn;
  /// A longer time since the last look counts as this: what a worker did long ago says little.
  static constexpr clock::duration longest_look = std::chrono::milliseconds(1);
  /// A watcher that has seen nothing but fine turns, and no task that waits, looks half as often
  /// the next time, and so on down to an eighth: each look costs the running worker some cache
  /// misses, and a core that both must share two switches.
  static constexpr std::uint32_t most_doublings = 3;
  /// A worker that moves more than an item in this time is not coarse, however long its turns are.
  static constexpr std::chrono::nanoseconds fine_item{500};
  /// How long a worker that ran what is fine looks for more before it sleeps; how many looks that
  /// may be, and how long it leaves the lines alone between them.
  static constexpr std::chrono::microseconds linger_time{20};
  static constexpr int most_looks = 256;
  static constexpr int pauses_between_looks = 32;

  /// Of what was done in that time.
  [[nodiscard]] static bool is_slow(const work_done& did, clock::duration time) noexcept {
    return std::cmp_less(did.turns, time / coarse_turn);
  }
  /// Slow, and not because many items were moved, or fought for `since_fight` ago.
  [[nodiscard]] static bool is_coarse(const work_done& did, clock::duration time,
                                      clock::duration since_fight) noexcept {
    return is_slow(did, time) && std::cmp_less(did.items, time / fine_item) &&
           since_fight > lost_races::memory;
  }
  /// What did the worker since the look that `before` remembers, `since` ago?
  static void judge(worker& victim, sample& before, deadline now, clock::duration since) noexcept;

  [[nodiscard]] runnable* search(worker& me) noexcept;
  [[nodiscard]] runnable* steal(worker& me) noexcept;
  [[nodiscard]] runnable* steal_again(worker& me) noexcept;
  [[nodiscard]] runnable* steal_fine(worker& me) noexcept;
  [[nodiscard]] runnable* linger(worker& me) noexcept;
  [[nodiscard]] work_done done_by_all() const noexcept;
  void look_how_it_goes(deadline now) noexcept;
  void leave_seat(worker& one) noexcept;
  [[nodiscard]] int seats() const noexcept {
    // order: relaxed, a hint
    return seats_.load(memory_order_relaxed);
  }
  [[nodiscard]] bool leave_to_others(worker& me) noexcept;
  [[nodiscard]] worker* host_for(const worker& me) noexcept;
  [[nodiscard]] static runnable* steal_any(worker& me, worker& victim) noexcept;
  [[nodiscard]] bool has_work(const worker& me) const noexcept;
  void sleep(worker& me) noexcept;
  [[nodiscard]] deadline choose_role(worker& me) noexcept;
  [[nodiscard]] deadline keep_timer(worker& me, deadline earliest) noexcept;
  void pass_watch_on() noexcept;

  void enlist(worker& me) noexcept;
  void delist(worker& me) noexcept;
  worker* pop_sleeper() noexcept;
  void take_off(worker& one) noexcept;
  static void rouse(worker& one) noexcept;

  scheduler& home_;

  /// How many are listed. Written under the lock; read by W5.
  alignas(cache_line) atomic<std::int32_t> idle_count_{0};
  /// How many run fibers. Written by workers that start and stop.
  atomic<std::int32_t> running_{0};
  /// How many of them run what is fine.
  atomic<std::int32_t> seats_{0};
  /// The worker that watches, or was elected to. Written under the lock.
  atomic<worker*> watcher_{nullptr};

  alignas(cache_line) short_lock lock_;
  worker* sleepers_ = nullptr;
  spread_limit spread_;
  std::uint64_t left_list_ = 0;  ///< counted before the worker can act
  worker* keeper_ = nullptr;
  deadline keeper_until_ = no_deadline;
};

}  // namespace sluice::detail
