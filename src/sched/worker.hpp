// A worker: an OS thread that runs fibers, one after the other.
//
//   enter; while (find) run; retire.
//
// A fiber that must leave picks the next one and switches straight to it; the worker's own context
// runs only when there is none. What remains to be done for the fiber that left (announce it as
// parked, queue it, keep its stack) is done by the context that runs next: settle_departed.
//
// I1 a fiber is in one place at most: running, parked, in a queue, or in a next slot; and it is
//    queued only after its context is saved.
// I2 only the owner fills the next slot; thieves may empty it.
// I3 the queues of a worker are pushed by its own thread only, but for gifts to its backlog (W6).
// I4 when a fiber parks, time() is about two ticks old at most: the ticker sets it, and where the
//    ticker may have slept the worker itself does (keep_time).
#pragma once

#include <pthread.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "fiber/context.hpp"
#include "fiber/overflow.hpp"
#include "fiber/stack_pool.hpp"
#include "sched/backlog.hpp"
#include "sched/coarse_clock.hpp"
#include "sched/fiber.hpp"
#include "sched/gate.hpp"
#include "sched/run_queue.hpp"
#include "sched/spread.hpp"
#include "sched/task_deque.hpp"
#include "sched/task_memory.hpp"
#include "sched/timers.hpp"
#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/base/progress.hpp"

namespace sluice::detail {

class scheduler;
class worker;

/// worker::current() without a call: only in functions that are never inlined, and there once,
/// before anything may switch.
[[gnu::tls_model("initial-exec")]] extern thread_local constinit worker* worker_of_this_thread;

/// Why a fiber leaves.
enum class departure : std::uint8_t { none, parks, yields, gives_way, moves, ends };

/// What an idle worker remembers of another, to see whether work waits there.
struct sample {
  std::uint64_t picks = 0;
  work_done done;
  std::uint64_t lost = 0;
  deadline fought{};  ///< when it was last found to lose many races
  std::int64_t fresh_head = 0;
  bool fresh_waits = false;
  bool may_part = false;           ///< had turns so long that two that wake each other gain apart
  bool slow = false;               ///< had few turns for the time between the last two looks
  bool coarse = false;             ///< and not because they moved many items, or fought for them
  std::uint64_t backlog_mark = 0;  ///< all up to it were in the backlog at the last look
};

class alignas(cache_line) worker {
 public:
  worker(scheduler& home, unsigned index, unsigned workers);
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;
  ~worker();

  /// The worker whose thread this is; null: another thread. Never inlined.
  [[nodiscard]] static worker* current() noexcept;

  /// The thread's life.
  void main() noexcept;

  [[nodiscard]] scheduler& home() const noexcept { return home_; }
  [[nodiscard]] unsigned index() const noexcept { return index_; }
  [[nodiscard]] const thread_anchor& anchor() const noexcept { return here_; }

  /// What runs now; null: none. Own thread.
  [[nodiscard]] fiber* running_fiber() const noexcept {
    // order: relaxed, written by this thread
    return static_cast<fiber*>(own_slot()->load(memory_order_relaxed));
  }
  [[nodiscard]] task_core* running_task() const noexcept;

  // ---- called on its own thread, by its fibers or for them ------------------------------------
  /// The running fiber leaves to wait; returns when it is resumed, perhaps by another worker.
  void park(fiber& self) noexcept;
  /// Lets others run, if there are any.
  void yield(fiber& self) noexcept;
  void end_slice_if_over(fiber& self) noexcept;
  void give_way(fiber& self) noexcept;
  /// I4. Cheap, but not for every turn.
  void keep_time() noexcept { set_time(coarse_now()); }
  void arm(timer& t, waiter& w, time_limit until) noexcept {
    until.is_span() ? timers_.arm_span(t, w, until.length()) : timers_.arm(t, w, until.from_now());
  }
  /// A fiber that was just made ready: runs next here.
  void push_woken(fiber& one) noexcept;
  void push_ready(fiber& one) noexcept;
  /// See scheduler::spawn. Throws std::bad_alloc; then the task was not touched. The first: with a
  /// stack of the usual size.
  void spawn(task_core& task);
  void spawn(task_core& task, std::uint8_t size_class);
  /// The rest of it: counts the task and queues it.
  void push_task(task_core& task) noexcept;
  [[nodiscard]] task_memory& memory() noexcept { return memory_; }
  /// A context's life on one stack: one task after the other.
  static void run_tasks(context& self, context& left);

  /// The next to run here: own queues, then the inbox. Null: nothing.
  [[nodiscard]] runnable* pick() noexcept;
  /// Takes work from another; null: there was none. On the thread's own stack.
  /// The first: from its queue only.
  [[nodiscard]] runnable* steal_queued(worker& victim) noexcept;
  [[nodiscard]] runnable* steal_ready(worker& victim) noexcept;
  [[nodiscard]] runnable* steal_fresh(worker& victim) noexcept;
  [[nodiscard]] runnable* steal_backlog(worker& victim) noexcept;
  /// W6. What is ready here, of a crowd a part, goes to the backlog of `host`, which is awake.
  /// False: nothing is.
  bool give_ready(worker& host) noexcept;
  /// W6. From another worker: runs here in a while.
  void accept(fiber& one) noexcept {
    chain gift;
    gift.push_back(one);
    backlog_.push(gift);
  }

  // ---- read by others -------------------------------------------------------------------------
  [[nodiscard]] bool has_ready() const noexcept {
    // order: relaxed, a hint
    return !ready_.empty() || next_.load(memory_order_relaxed) != nullptr;
  }
  [[nodiscard]] bool has_fresh() const noexcept { return !fresh_.empty() || !backlog_.empty(); }
  [[nodiscard]] std::uint64_t picks() const noexcept {
    // order: relaxed, a count
    return picks_.load(memory_order_relaxed);
  }
  /// What it has got done so far.
  [[nodiscard]] work_done done() const noexcept {
    // order: relaxed, counts
    const std::uint64_t alone = lone_yields_.load(memory_order_relaxed);
    // order: relaxed, as above
    return {.turns = picks() - empty_picks_.load(memory_order_relaxed) + alone,
            // order: relaxed, as above
            .items = progress_.moved.load(memory_order_relaxed)};
  }
  [[nodiscard]] std::uint64_t lost() const noexcept {
    // order: relaxed, a count
    return progress_.lost.load(memory_order_relaxed);
  }
  /// Is it running `one` at this moment? For dumps.
  [[nodiscard]] bool runs(const fiber& one) const noexcept;
  /// Does it sleep, or is about to? A hint.
  [[nodiscard]] bool is_idle() const noexcept {
    // order: relaxed, a hint
    return idle.word.load(memory_order_relaxed) != 0;
  }
  /// Does what it runs take long turns? As somebody idle has seen it; a hint.
  [[nodiscard]] bool seems_coarse() const noexcept {
    // order: relaxed, a hint
    // mutation: never, policy: the watcher is not called, and looks a little later
    return idle.seems_coarse.load(memory_order_relaxed);
  }
  /// About what time it is, for those that park here.
  [[nodiscard]] coarse_time time() const noexcept {
    // order: relaxed, a late one is a little older
    return time_.load(memory_order_relaxed);
  }
  /// Called by the worker or by the ticker.
  void set_time(coarse_time now) noexcept {
    // order: relaxed, both write about the same
    time_.store(now, memory_order_relaxed);
  }
  [[nodiscard]] const run_queue& ready() const noexcept { return ready_; }
  [[nodiscard]] const task_deque& fresh() const noexcept { return fresh_; }
  [[nodiscard]] const backlog& overflow() const noexcept { return backlog_; }
  [[nodiscard]] timer_shard& timers() noexcept { return timers_; }
  /// The ticker: was one fiber running since the last tick while others waited here?
  void tick(coarse_time now) noexcept;
  /// What runs gives way at its next operation on a channel. Anybody.
  void end_slice() noexcept;
  /// What runs lets its worker reconsider there; its slice goes on. Anybody.
  void ask_to_reconsider() noexcept;
  /// Many items have been moved on this thread. In one turn? Then what runs lets it reconsider, at
  /// the next operation.
  void look_up() noexcept;
  /// The worker is about to sleep; or the ticker is, or has ended: nobody may be there to clear
  /// what it has set.
  void forget_slice() noexcept;

  struct counts {
    std::uint64_t spawned, finished, gone, turns, parks, steals, sleeps, wakes, injected;
  };
  [[nodiscard]] counts count() const noexcept;
  void count_sleep() noexcept { bump(sleeps_); }
  void count_wake() noexcept { bump(wakes_); }
  void count_steal() noexcept { bump(steals_); }
  /// It has found work after it had none.
  void count_start() noexcept { bump(starts_); }
  [[nodiscard]] std::uint64_t starts() const noexcept {
    // order: relaxed, whoever must see the last one found it listed after that
    return starts_.load(memory_order_relaxed);
  }

  // ---- owned by the idle policy ---------------------------------------------------------------
  struct idle_state {
    atomic<std::uint32_t> word{0};  ///< 1 while it may sleep; its waker writes 0
    worker* next = nullptr;
    bool listed = false;
    std::vector<sample> samples;     ///< of all workers, by index
    deadline looked = clock::now();  ///< when the samples were taken
    std::uint32_t calm_looks = 0;    ///< since the last one that saw coarse work or a task
    std::uint32_t random = 0;
    lost_races races;
    atomic<bool> seated{false};        ///< what it runs is fine; thieves may find that too
    atomic<bool> seems_coarse{false};  ///< what it runs, at the last look of another
    bool gave_up = false;              ///< its seat: what runs should go too
    deadline reconsidered = clock::now();
    deadline fought{};  ///< when it last lost many races
    work_done done;     ///< then
  } idle;
  pthread_t thread{};

 private:
  /// Turns between two looks at the inbox, the timers and the oldest task while the own queues
  /// are never empty. A prime, so that it does not beat with regular programs.
  static constexpr std::uint32_t fair_every = 61;
  /// The same while tasks wait beside ready fibers: they would fall behind without limit.
  static constexpr std::uint32_t fair_beside_tasks = 8;
  /// And after turns that took a whole slice: each is as long as some hundred thousand others.
  static constexpr std::uint32_t fair_beside_slices = 2;
  /// Of so many looks one shuffles turns, about. Oftener would cost a pipeline its waves.
  static constexpr std::uint32_t looks_to_shuffle = 8;
  /// Turns are short where so few items for each go through channels, as far as they are counted.
  static constexpr std::uint32_t few_items = 8;
  /// Fibers in a row that come from the next slot while others wait: two that wake each other
  /// must not starve the rest, and a longer row keeps more hand-overs in the cache.
  static constexpr std::uint32_t next_limit = 32;
  /// So few that wait behind a turn that took a whole slice wait among those of all workers; the
  /// one whose slice it was comes after them, and would wait too long for more.
  static constexpr std::uint64_t few = 16;
  /// How long a fiber that waits stays with a worker that has nothing else; and how long between
  /// two looks whether anybody has something for that worker.
  static constexpr std::chrono::microseconds stay_time{20};
  static constexpr std::chrono::microseconds undisturbed{2};
  /// Stacks kept for the next tasks; beyond that half of them go to the pool.
  static constexpr std::size_t stacks_kept = 64;
  /// What is taken out of the inbox or the backlog at once, at most.
  static constexpr std::size_t batch = 64;
  /// So many fibers in the backlog that the next ones are in no cache of their core: a wait needs
  /// some 20 lines of each.
  static constexpr std::uint64_t crowd = 4096;
  /// Promises taken from and given back to the pool at once.
  static constexpr std::size_t promises_batch = 128;
  static constexpr std::uint64_t ids_batch = 1024;

  /// Written by the owner alone, read by others.
  static void bump(atomic<std::uint64_t>& count, std::uint64_t by = 1) noexcept {
    // order: relaxed, one writer
    count.store(count.load(memory_order_relaxed) + by, memory_order_relaxed);
  }

  [[nodiscard]] atomic<parker*>* own_slot() const noexcept {
    // order: relaxed, written by this thread
    return running_slot_.load(memory_order_relaxed);
  }
  void show_running(fiber* one) noexcept {
    // order: relaxed, this thread's own; others only compare it
    own_slot()->store(one, memory_order_relaxed);
  }

  void enter() noexcept;
  [[nodiscard]] runnable* find() noexcept;
  void run(runnable& one) noexcept;
  void retire() noexcept;

  /// May it take from its queues as if there were no thieves? Then until leave_alone().
  [[nodiscard]] bool enter_alone() noexcept { return alone_ || gate_.enter(); }
  void leave_alone() noexcept {
    if (!alone_) gate_.leave();
  }
  [[nodiscard]] fiber* take_next() noexcept;
  [[nodiscard]] fiber* exchange_next(fiber* one) noexcept;
  void prefetch_ready(const runnable& now) const noexcept;
  void push_and_shed(fiber& one) noexcept;
  void share_few() noexcept;
  void queue_task(task_core& task) noexcept;
  void shed_tasks() noexcept;
  /// Room for one more stack of the default size. Throws std::bad_alloc.
  void take_promise();
  void take_promises();
  [[nodiscard]] runnable* pick_queued() noexcept;
  void take_ids() noexcept;
  void admit(task_core& task, std::uint8_t size_class) noexcept;
  [[nodiscard]] runnable* pick_fairly() noexcept;
  void reconsider_if_due() noexcept;
  void shuffle() noexcept;
  [[nodiscard]] runnable* pick_beside_thieves() noexcept;
  [[nodiscard]] runnable* pick_from_afar() noexcept;
  [[nodiscard]] runnable* take_from_outside() noexcept;
  [[nodiscard]] runnable* adopt(const chain& some) noexcept;
  void drop_slice_flag() noexcept;
  void drop_old_slice() noexcept;

  [[nodiscard]] runnable* look_around() noexcept;
  [[nodiscard]] context* next_context(fiber& self) noexcept;
  [[nodiscard]] context* nothing_is_ready(const fiber& self) noexcept;
  [[nodiscard]] bool stays_while_waiting(const fiber& self) noexcept;
  [[nodiscard]] context& prepare(fiber& next) noexcept;
  [[nodiscard]] context& prepare(runnable& next) noexcept;
  [[nodiscard]] context& own_context() noexcept;
  void bind(fiber& to, task_core& task) noexcept;
  [[nodiscard]] fiber& start(task_core& task) noexcept;
  void settle_ended(fiber& gone) noexcept;
  static void finish_task(fiber& self) noexcept;
  static void tell_listener(fiber& self) noexcept;
  void switch_from(fiber& self, departure how, runnable* next) noexcept;
  void switch_to(context& to, fiber& self, departure how) noexcept;
  [[noreturn]] void end(fiber& self, runnable* next) noexcept;
  void settle_departed(context& left) noexcept;
  void settle_rarely(context& left) noexcept;

  [[nodiscard]] stack_slot& take_stack(std::uint8_t size_class) noexcept;
  void keep_stack(stack_slot& slot, std::uint8_t size_class) noexcept;
  void settle_promise(std::uint8_t size_class) noexcept;

  scheduler& home_;
  const unsigned index_;
  const bool alone_;  ///< the only worker: no thieves
  int fair_turn_ = 0;
  work_done shuffled_;  ///< what it had got done when it last was to shuffle the order of turns
  std::uint32_t next_left_ = next_limit;  ///< until the queue gets its turn
  /// Of the one that leaves, until settle_departed. What is usual need not be written.
  departure how_ = departure::parks;
  /// Its thread's; null before and after.
  atomic<atomic<parker*>*> running_slot_{nullptr};
  thread_anchor here_;
  context main_;
  stack_slot* stacks_ = nullptr;
  std::size_t stacks_count_ = 0;
  std::size_t promises_ = 0;
  task_memory memory_;
  /// The next task's number is by so much larger than spawned_, up to where that is ids_end_.
  std::uint64_t ids_shift_ = 0;
  std::uint64_t ids_end_ = 0;

  /// Written by the owner; read by watchers, the ticker, stats. What most turns need comes first.
  alignas(cache_line) atomic<std::uint64_t> picks_{0};
  atomic<std::uint64_t> parks_{0};
  progress progress_;  ///< in `look_in` turns those that would starve get theirs
  /// I4. Written by the ticker too.
  atomic<coarse_time> time_{0};
  atomic<std::uint64_t> spawned_{0};
  atomic<std::uint64_t> finished_{0};
  /// Tasks of which nothing is left to be done; those that are finished run their last code.
  atomic<std::uint64_t> gone_{0};
  /// What runs should look up. Anybody sets it, the owner (or the ticker before it sleeps) clears
  /// it; while it is set `attention` is raised.
  atomic<bool> slice_over_{false};
  atomic<std::uint64_t> slice_of_{0};  ///< the turn whose slice is over, about
  std::uint64_t picks_at_tick_ = 0;    ///< the ticker's own
  std::uint64_t picks_at_look_up_ = 0;
  std::uint64_t picks_at_reconsider_ = 0;
  std::uint64_t lost_at_tick_ = 0;
  atomic<std::uint64_t> empty_picks_{0};
  atomic<std::uint64_t> lone_yields_{0};  ///< among those, but something was done
  atomic<std::uint64_t> steals_{0};
  atomic<std::uint64_t> sleeps_{0};
  atomic<std::uint64_t> wakes_{0};
  atomic<std::uint64_t> injected_{0};
  atomic<std::uint64_t> starts_{0};

  /// I2.
  alignas(cache_line) atomic<fiber*> next_{nullptr};
  gate gate_;  ///< for the slot and the two queues that follow
  run_queue ready_;
  task_deque fresh_;
  backlog backlog_;
  timer_shard timers_;
};

}  // namespace sluice::detail
