// Starting, feeding and ending a runtime. The argument stands in scheduler.hpp.
#include "sched/scheduler.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>

#include "fiber/overflow.hpp"
#include "park/ask.hpp"
#include "park/named.hpp"
#include "sched/own_thread.hpp"
#include "sched/worker_switch.hpp"
#include "sluice/cancelled.hpp"
#include "sluice/detail/base/backoff.hpp"
#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/base/no_memory.hpp"
#include "sluice/detail/park/attention.hpp"

namespace sluice::detail {
namespace {

/// For the message of an overrun stack; async-signal-safe.
std::size_t write_fiber_name(void* owner, char* text, std::size_t room) noexcept {
  const auto& task = *static_cast<const task_core*>(owner);
  std::size_t n = 0;
  const auto add = [&](char c) {
    if (n < room) text[n++] = c;
  };
  char digits[20];
  std::size_t count = 0;
  for (std::uint64_t id = task.id(); count == 0 || id != 0; id /= 10) {
    digits[count++] = static_cast<char>('0' + id % 10);
  }
  while (count > 0) add(digits[--count]);
  if (task.name().empty()) return n;
  for (const char c : std::string_view(" \"")) add(c);
  for (const char c : task.name()) add(c);
  add('"');
  return n;
}

int cpus_at_first() noexcept {
  static const int cpus = usable_cpus();
  return cpus;
}

int checked_workers(int workers) {
  if (workers == 0) return default_workers();
  if (workers > 0 && workers <= most_workers) return workers;
  throw std::invalid_argument("sluice: a runtime of " + std::to_string(workers) +
                              " workers; say 1 to " + std::to_string(most_workers) +
                              ", or 0 for one for each CPU");
}

template <class Thread>
void start_thread(Thread& one, const std::string& name) {
  const auto life = [](void* self) -> void* {
    static_cast<Thread*>(self)->main();
    return nullptr;
  };
  const int error = ::pthread_create(&one.thread, nullptr, life, &one);
  if (error != 0) throw std::system_error(error, std::generic_category(), "sluice: no thread");
  ::pthread_setname_np(one.thread, name.c_str());
}

}  // namespace

// ---- start -------------------------------------------------------------------------------------

scheduler::scheduler(scheduler_options options) : idle_(*this, cpus_at_first()) {
  if (in_forked_child()) throw_forked("starting a runtime");
  const int workers = checked_workers(options.workers);
  default_class_ = stack_pool::class_for(options.stack_size != 0 ? options.stack_size
                                                                 : stack_pool::default_size);
  default_pool_ = &stack_pool::of_class(default_class_);
  on_unhandled_ = std::make_shared<const unhandled>(std::move(options.on_unhandled));
  if (options.on_deadlock) {
    on_deadlock_ = std::make_shared<const deadlock_handler>(std::move(options.on_deadlock));
  }
  watch_for_fork();
  watch_for_overflow(&write_fiber_name);
  for (int i = 0; i < workers; ++i) {
    workers_.push_back(
        std::make_unique<worker>(*this, static_cast<unsigned>(i), static_cast<unsigned>(workers)));
  }
  census::all().add(*this);
  try {
    start_threads();
  } catch (...) {
    join_threads();
    throw;
  }
}

scheduler::~scheduler() = default;

void scheduler::start_threads() {
  const signals_held_back guard;
  start_thread(ticker_, "sluice-ticker");
  ticker_started_ = true;
  for (const auto& each : workers_) {
    idle_.begin();
    start_thread(*each, "sluice-" + std::to_string(each->index()));
    ++threads_started_;
  }
}

// ---- tasks -------------------------------------------------------------------------------------

void scheduler::spawn(worker* here, task_core& task, std::size_t stack_size) {
  const std::uint8_t size_class =
      stack_size == 0 ? default_class_ : stack_pool::class_for(stack_size);
  here != nullptr ? here->spawn(task, size_class) : spawn_from_outside(task, size_class);
}

/// Not inlined: what it needs to save would be saved for each spawn by a fiber.
[[gnu::noinline]] void scheduler::spawn_from_outside(task_core& task, std::uint8_t size_class) {
  stack_pool::of_class(size_class).promise(1);
  task.from_.home = this;
  task.stack_class_ = size_class;
  task.id_ = next_strand_id();
  // order: seq_cst, before whoever counts the living can see it finished
  // mutation: acq_rel, whoever counts its end has heard of its spawn
  spawned_outside_.fetch_add(1, memory_order_seq_cst);
  if (!incoming_.push_task(task)) {
    // order: seq_cst, as above
    // mutation: acq_rel, one too many for a moment; whoever asks after E1 has heard of it
    spawned_outside_.fetch_sub(1, memory_order_seq_cst);
    stack_pool::of_class(size_class).release(1);
    throw_no_memory("sluice: go: no memory for another task; let some end first");
  }
  wake_for_outside_work();
}

void scheduler::make_ready_from_outside(fiber& one) noexcept {
  // order: relaxed, made visible with the fiber; before it can run
  visitors_.fetch_add(1, memory_order_relaxed);
  incoming_.push(one);
  wake_for_outside_work();
  // order: release, the last touch of this runtime; pairs with wait_for_visitors
  visitors_.fetch_sub(1, memory_order_release);
}

void scheduler::make_ready_for_all(fiber& one) noexcept {
  incoming_.push(one);
  wake_for_outside_work();
}

void scheduler::make_ready_for_all(const chain& some) noexcept {
  incoming_.push_front(some);
  wake_for_outside_work();
}

[[gnu::noinline]] void scheduler::tell_of_surplus() noexcept {
  idle_.call_watcher();
  if (ticker_.is_at_rest()) wake_ticker();
}

/// A worker has put work into its queue.
void scheduler::wake_ticker() noexcept {
  worker::current()->keep_time();
  ticker_.wake();
}

void scheduler::wake_for_outside_work() noexcept {
  // Nobody is idle: what runs must give the work its turn, and the ticker sees to that.
  if (!idle_.wake_for_outside_work() && ticker_.is_at_rest()) ticker_.wake();
}

void scheduler::fire_timers() noexcept {
  if (!any_timer()) return;
  const deadline now = clock::now();
  for (const auto& each : workers_) each->timers().fire(now);
}

bool scheduler::any_timer() const noexcept {
  const auto has_one = [](const auto& each) { return each->timers().any(); };
  return std::any_of(workers_.begin(), workers_.end(), has_one);
}

deadline scheduler::earliest_timer() const noexcept {
  deadline first = no_deadline;
  for (const auto& each : workers_) first = std::min(first, each->timers().earliest());
  return first;
}

timer_shard& scheduler::shard_for_alarm() noexcept {
  // order: relaxed, spreads them over the locks
  const std::uint32_t turn = alarm_turn_.fetch_add(1, memory_order_relaxed);
  return workers_[turn % workers_.size()]->timers();
}

/// Whoever goes to sleep looks at the timers (earliest, seq_cst) after W1; here W5 comes after the
/// arming. So either he sees the timer, or he is seen here and woken to look.
void scheduler::note_alarm(deadline at) noexcept {
  const worker* here = worker::current();
  if (here == nullptr || &here->home() != this) {
    // Whoever keeps an earlier one looks again when that has fired.
    if (earliest_timer() >= at) wake_for_outside_work();
    return;
  }
  // This worker looks before it sleeps; if it runs on for long, the ticker must.
  if (ticker_.is_at_rest() && idle_.anybody_runs()) ticker_.wake();
}

// ---- everyone asleep ---------------------------------------------------------------------------

void scheduler::note_rest() noexcept {
  if (!census::all().anybody_in_run() || !idle_.everybody_is_listed()) return;
  if (!any_timer() && ticker_.is_at_rest()) ticker_.wake();
}

scheduler::rest scheduler::look_at_rest(bool by_ticker) noexcept {
  rest here{true, closing_now(), workers_.size() + 1, ticker_.naps(), 0};
  here.everybody = idle_.all_listed(here.stirred) && (by_ticker || ticker_.is_at_rest()) &&
                   !incoming_.any_counted() && !any_timer();
  for (const auto& each : workers_) {
    here.everybody = here.everybody && !each->has_ready() && !each->has_fresh();
    here.started += each->starts();
  }
  return here;
}

// ---- the end -----------------------------------------------------------------------------------

void scheduler::close() noexcept {
  edge_from(&idle_);
  // order: seq_cst, E1: before the raise, so that whoever sees that sees this
  closing_.store(true, memory_order_seq_cst);
  raise_attention();
  stop_parked();
  wait_for_fibers();
  lower_attention();
  join_threads();
  wait_for_visitors();
}

/// E2.
void scheduler::stop_parked() noexcept {
  const std::stop_source no_source(std::nostopstate);
  for (stack_slab* slab = stack_pool::all_slabs(); slab != nullptr; slab = slab->older_of_all) {
    const std::size_t used = slab->used();
    for (std::size_t i = 0; i < used; ++i) {
      stack_slot& slot = slab->slot(i);
      auto* task = static_cast<task_core*>(slot.pin());
      if (task == nullptr) continue;
      fiber* runs = task->from_.home == this ? &fiber::on(slot) : nullptr;
      std::stop_source watched = runs != nullptr ? task->watched_stop() : no_source;
      slot.unpin();
      if (runs == nullptr) continue;
      runs->cancel_wait();
      ask(watched);
    }
  }
}

/// E3.
void scheduler::wait_for_fibers() noexcept {
  constexpr std::chrono::seconds patience{5};
  deadline until = clock::now() + patience;
  for (;;) {
    waiter self(parker::current(), {"~runtime"}, on_stop::keep_waiting);
    {
      const std::lock_guard guard(closer_lock_);
      closer_ = &self;
    }
    // One that sleeps already looks again, and tells; if none does, the next to go to sleep tells.
    idle_.wake_for_outside_work();
    const outcome how = park(self, until);
    {
      const std::lock_guard guard(closer_lock_);
      closer_ = nullptr;
    }
    if (how == outcome::completed) {
      edge_to(this);
      return;
    }
    report_waiting();
    until = no_deadline;
  }
}

void scheduler::tell_closer() noexcept {
  // order: seq_cst, after W1; pairs E1
  if (!closing_.load(memory_order_seq_cst) || !all_gone()) return;
  parker* wakes = nullptr;
  {
    const std::lock_guard guard(closer_lock_);
    if (closer_ != nullptr && closer_->try_claim(outcome::completed)) wakes = &closer_->strand();
    closer_ = nullptr;
  }
  if (wakes != nullptr) wakes->unpark();
}

void scheduler::report_waiting() noexcept {
  try {
    std::cerr << "sluice: ~runtime still waits for fibers that were asked to stop:\n";
    dump(std::cerr);
    write_named(std::cerr);
  } catch (...) {
    std::fputs("sluice: ~runtime still waits for fibers that were asked to stop\n", stderr);
  }
}

/// E4.
void scheduler::join_threads() noexcept {
  census::all().remove(*this);
  // order: seq_cst, before wake_all; pairs over()
  // mutation: release, the lock in wake_all tells whoever lists himself later
  over_.store(true, memory_order_seq_cst);
  idle_.wake_all();
  for (std::size_t i = 0; i < threads_started_; ++i) ::pthread_join(workers_[i]->thread, nullptr);
  if (!ticker_started_) return;
  ticker_.stop();
  ::pthread_join(ticker_.thread, nullptr);
  for (const auto& each : workers_) each->forget_slice();
}

void scheduler::wait_for_visitors() const noexcept {
  backoff wait;
  // order: acquire, pairs with the end of make_ready
  while (visitors_.load(memory_order_acquire) != 0) wait.pause();
}

// ---- counts ------------------------------------------------------------------------------------

bool scheduler::all_gone() const noexcept {
  // Gone first, spawned later, as in live().
  std::uint64_t gone = 0;
  for (const auto& each : workers_) gone += each->count().gone;
  // order: seq_cst, as in spawn
  // mutation: acquire, as in spawn
  std::uint64_t spawned = spawned_outside_.load(memory_order_seq_cst);
  for (const auto& each : workers_) spawned += each->count().spawned;
  return spawned == gone;
}

std::uint64_t scheduler::live() const noexcept {
  // Finished first, spawned later: equal sums mean that nobody lived at some moment between.
  std::uint64_t finished = 0;
  for (const auto& each : workers_) finished += each->count().finished;
  // order: seq_cst, as in spawn
  // mutation: acquire, as in spawn
  std::uint64_t spawned = spawned_outside_.load(memory_order_seq_cst);
  for (const auto& each : workers_) spawned += each->count().spawned;
  return spawned - finished;
}

scheduler_counts scheduler::count() const noexcept {
  scheduler_counts all{
      .workers = workers_.size(), .fibers = live(), .stacks = stack_pool::counts()};
  // order: relaxed, a count
  all.spawned = spawned_outside_.load(memory_order_relaxed);
  all.injected = incoming_.total();
  for (const auto& each : workers_) {
    const worker::counts one = each->count();
    all.spawned += one.spawned;
    all.turns += one.turns;
    all.parks += one.parks;
    all.steals += one.steals;
    all.sleeps += one.sleeps;
    all.wakes += one.wakes;
  }
  return all;
}

}  // namespace sluice::detail
