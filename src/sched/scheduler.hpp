// A runtime's inside: its workers, its inbox, its ticker, its end.
//
// The end, by numbers: E1 closing is set and attention raised, so every fiber sees its stop at its
// next wait. E2 each parked fiber is held and its wait ended. E3 the closer waits until no fiber
// is alive; a worker that goes to sleep tells it. E4 over is set, all threads end and are joined,
// and the last visitor leaves.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string_view>
#include <vector>

#include "fiber/stack_pool.hpp"
#include "sched/census.hpp"
#include "sched/idle.hpp"
#include "sched/inbox.hpp"
#include "sched/ticker.hpp"
#include "sched/worker.hpp"
#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/base/short_lock.hpp"
#include "sluice/detail/sched/task_core.hpp"

namespace sluice::detail {

struct scheduler_options {
  int workers = 0;             ///< 0: see usable_cpus
  std::size_t stack_size = 0;  ///< 0: stack_pool::default_size
  std::function<void(std::string_view, std::exception_ptr)> on_unhandled = {};
  deadlock_handler on_deadlock = {};
};

struct scheduler_counts {
  std::size_t workers = 0, fibers = 0;
  std::uint64_t spawned = 0, turns = 0, parks = 0, steals = 0, injected = 0, sleeps = 0, wakes = 0;
  stack_counts stacks;  ///< of the process
};

class scheduler {
 public:
  /// Starts the threads. Throws as runtime's constructor says.
  explicit scheduler(scheduler_options options);
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;
  ~scheduler();

  /// Stops all fibers, waits for them, ends the threads. Called once, by no fiber of its own.
  void close() noexcept;

  // ---- doors for tasks ------------------------------------------------------------------------
  /// See detail::spawn. `here`: the own worker whose thread it is; null: another thread.
  void spawn(worker* here, task_core& task, std::size_t stack_size);
  /// A fiber that is not parked any more. Any thread but the workers; never fails.
  void make_ready_from_outside(fiber& one) noexcept;
  /// A fiber whose slice is over: whichever worker comes first. A worker; never fails.
  void make_ready_for_all(fiber& one) noexcept;
  /// The same for those that waited behind it; not an empty chain.
  void make_ready_for_all(const chain& some) noexcept;
  void wake_for_outside_work() noexcept;
  /// A worker has pushed onto its own queue.
  void note_surplus() noexcept {
    if (idle_.needs_watcher() || ticker_.is_at_rest()) [[unlikely]]
      tell_of_surplus();
  }
  /// The same for a fiber that what runs on `me` has made ready: it should not wait for the end of
  /// a long turn.
  void note_woken(const worker& me) noexcept {
    if (idle_.needs_watcher(me) || ticker_.is_at_rest()) [[unlikely]]
      tell_of_surplus();
  }
  /// A worker, which runs, has given stacks to their pool: before the ticker sleeps for good it
  /// gives their memory back. Fibers that run one at a time do not wake it otherwise.
  void note_free_stacks() noexcept {
    if (ticker_.is_at_rest()) wake_ticker();
  }
  /// A worker has begun to run, and counts as running. What it put into its own queues before may
  /// need a watcher, and timers or work from outside the ticker. Who brought some while the ticker
  /// was still awake has left it to this look.
  void note_running(worker& me) noexcept {
    if (me.has_ready() || me.has_fresh()) return note_surplus();
    if (ticker_.is_at_rest() && (any_timer() || incoming_.any_counted())) ticker_.wake();
  }
  using unhandled = std::function<void(std::string_view, std::exception_ptr)>;
  [[nodiscard]] const std::shared_ptr<const unhandled>& on_unhandled() const noexcept {
    return on_unhandled_;
  }
  /// Null: none was given.
  [[nodiscard]] const std::shared_ptr<const deadlock_handler>& on_deadlock() const noexcept {
    return on_deadlock_;
  }

  // ---- for workers, idle policy and ticker ----------------------------------------------------
  [[nodiscard]] std::size_t worker_count() const noexcept { return workers_.size(); }
  [[nodiscard]] worker& worker_at(std::size_t i) const noexcept { return *workers_[i]; }
  [[nodiscard]] idle_policy& idle() noexcept { return idle_; }
  [[nodiscard]] inbox& incoming() noexcept { return incoming_; }
  [[nodiscard]] std::uint8_t default_class() const noexcept { return default_class_; }
  [[nodiscard]] stack_pool& default_pool() const noexcept { return *default_pool_; }
  void fire_timers() noexcept;
  /// Where a timer is armed that belongs to no fiber. Any thread.
  [[nodiscard]] timer_shard& shard_for_alarm() noexcept;
  /// Such a timer was armed for `at`: sees to it that somebody fires it. Any thread.
  void note_alarm(deadline at) noexcept;
  /// Of those whose moment is known.
  [[nodiscard]] deadline earliest_timer() const noexcept;
  [[nodiscard]] bool any_timer() const noexcept;
  [[nodiscard]] bool closing() const noexcept {
    // order: acquire, pairs E1: what came before it. Whoever must not miss it has read `attention`
    // after its own RMW (P5)
    // mutation: relaxed, what came before it is promised to users, whose code is in no schedule
    return closing_.load(memory_order_acquire);
  }
  /// For whoever has just made something that the closer asks for after E1.
  [[nodiscard]] bool closing_now() const noexcept {
    // order: seq_cst, pairs E1
    return closing_.load(memory_order_seq_cst);
  }
  [[nodiscard]] bool over() const noexcept {
    // order: seq_cst, after W1 in the one order with E4
    // mutation: acquire, as E4: the lock of the list tells
    return over_.load(memory_order_seq_cst);
  }
  /// E3. If the runtime is closing and no fiber is left, wakes the closer.
  void tell_closer() noexcept;
  /// A worker that has listed itself goes to sleep, or a thread waits in `run`: if no other will
  /// act here, sees to it that the ticker looks whether everyone is asleep (census.hpp).
  void note_rest() noexcept;
  struct rest {
    bool everybody;  ///< all threads are at rest, and nothing is there that would wake one
    bool closing;
    std::uint64_t threads, stirred, started;
  };
  /// Under the census's lock. `by_ticker`: its own ticker asks.
  [[nodiscard]] rest look_at_rest(bool by_ticker) noexcept;
  scheduler* next_of_all = nullptr;  ///< under the census's lock

  [[nodiscard]] scheduler_counts count() const noexcept;
  /// The lines of workers and fibers. Throws what the stream throws.
  void dump(std::ostream& out) const;

 private:
  [[nodiscard]] const void* describe(std::ostream& text, stack_slot& slot) const;
  void describe_state(std::ostream& text, fiber& one) const;
  void spawn_from_outside(task_core& task, std::uint8_t size_class);
  void tell_of_surplus() noexcept;
  void wake_ticker() noexcept;
  void start_threads();
  void join_threads() noexcept;
  void wait_for_visitors() const noexcept;
  void stop_parked() noexcept;
  void wait_for_fibers() noexcept;
  void report_waiting() noexcept;
  [[nodiscard]] std::uint64_t live() const noexcept;
  /// Is nothing left to be done for any task?
  [[nodiscard]] bool all_gone() const noexcept;

  std::uint8_t default_class_ = 0;
  stack_pool* default_pool_ = nullptr;
  std::shared_ptr<const unhandled> on_unhandled_;
  std::shared_ptr<const deadlock_handler> on_deadlock_;
  idle_policy idle_;
  inbox incoming_;
  ticker ticker_{*this};
  std::vector<std::unique_ptr<worker>> workers_;
  bool ticker_started_ = false;
  std::size_t threads_started_ = 0;

  /// Tasks started from outside the workers.
  alignas(cache_line) atomic<std::uint64_t> spawned_outside_{0};
  /// Threads that are in make_ready_from_outside. The fiber that they bring may run and end, and
  /// the runtime with it, while they still look for a worker to wake.
  atomic<std::uint32_t> visitors_{0};
  /// E1. Written once.
  atomic<bool> closing_{false};
  /// E4. Written once.
  atomic<bool> over_{false};
  /// Whose turn it is to take a timer that belongs to no fiber.
  atomic<std::uint32_t> alarm_turn_{0};
  short_lock closer_lock_;
  waiter* closer_ = nullptr;  ///< under its lock
};

/// How many workers a runtime has whose options say 0: SLUICE_WORKERS, or else one for each CPU
/// that the process may use. Throws std::invalid_argument if the variable is no such number.
[[nodiscard]] int default_workers();
/// CPUs of the affinity mask, at most what the cgroup's quota allows, rounded up.
[[nodiscard]] int usable_cpus() noexcept;

/// More workers than this are taken for a mistake.
inline constexpr int most_workers = 1024;

}  // namespace sluice::detail
