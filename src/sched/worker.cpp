// Running fibers one after the other. The argument stands in worker.hpp.
#include "sched/worker.hpp"

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

#include "sched/scheduler.hpp"
#include "sched/strand_end.hpp"
#include "sched/worker_switch.hpp"
#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/base/owner.hpp"

namespace sluice::detail {

thread_local constinit worker* worker_of_this_thread = nullptr;

worker::worker(scheduler& home, unsigned index, unsigned workers)
    : home_(home),
      index_(index),
      alone_(workers == 1),
      gate_(has_process_barrier() && workers > 1) {
  progress_.look_in = fair_every;
  idle.samples.resize(workers);
  idle.random = index * 2654435761U + 1;
  home.default_pool().promise(stacks_kept + 2);  // what it keeps, and the one between two tasks
}

worker::~worker() {
  assert(!has_ready() && !has_fresh());
  home_.default_pool().release(promises_ + stacks_kept + 2);
}

[[gnu::noinline]] worker* worker::current() noexcept { return worker_of_this_thread; }

task_core* worker::running_task() const noexcept {
  fiber* now = running_fiber();
  return now != nullptr ? now->task_ : nullptr;
}

// ---- the thread's life -------------------------------------------------------------------------

void worker::main() noexcept {
  const signal_stack faults;
  const ownership homes;
  enter();
  while (runnable* one = find()) run(*one);
  retire();
}

void worker::enter() noexcept {
  worker_of_this_thread = this;
  if (!alone_) progress_.call = []() noexcept { current()->look_up(); };
  count_progress_in(&progress_);
  here_ = thread_anchor::of_this_thread();
  // order: release, pairs with runs()
  // mutation: relaxed, as there
  running_slot_.store(parker::current_slot(), memory_order_release);
  adopt_thread(main_);
}

runnable* worker::find() noexcept {
  if (runnable* one = pick()) return one;
  return home_.idle().rest(*this);
}

void worker::run(runnable& one) noexcept {
  how_ = departure::none;
  context& left = switch_context(here_, main_, prepare(one));
  keep_time();  // the fiber that has left may have run for long with no ticker
  settle_departed(left);
}

void worker::retire() noexcept {
  while (stacks_ != nullptr) {
    stack_slot& slot = *std::exchange(stacks_, stacks_->next());
    home_.default_pool().give(slot);
  }
  // order: release, as in enter; the place goes with the thread
  // mutation: relaxed, whoever finds none looks at nothing
  running_slot_.store(nullptr, memory_order_release);
  worker_of_this_thread = nullptr;
}

// ---- what runs next ----------------------------------------------------------------------------

/// Apart, so that fibers that wake each other pay for no registers that only this needs.
[[gnu::noinline]] runnable* worker::pick_queued() noexcept {
  if (!enter_alone()) [[unlikely]]
    return pick_beside_thieves();
  runnable* const one = ready_.pop_alone();
  task_core* const task = one == nullptr ? fresh_.take_newest_alone() : nullptr;
  leave_alone();
  if (one == nullptr) return task != nullptr ? task : pick_from_afar();
  prefetch_ready(*one);
  return one;
}

/// Fetches the blocks of the next two fibers, and the frames of the next; of a crowd, whose fibers
/// nobody has touched for long, what the next one is likely to need, and the task of this one.
/// Beside thieves a fiber in the queue is not ours to look into: its block is fetched, not read.
inline void worker::prefetch_ready(const runnable& now) const noexcept {
  const runnable* soon = ready_.peek(0);
  if (soon == nullptr) return;
  if (backlog_.size() >= crowd) [[unlikely]] {
    static_cast<const fiber&>(now).prefetch_task();
    return static_cast<const fiber*>(soon)->prefetch_shallow();
  }
  if (const runnable* later = ready_.peek(1)) __builtin_prefetch(later, 1);
  if (alone_) return static_cast<const fiber*>(soon)->prefetch();
  __builtin_prefetch(soon, 1);
}

[[gnu::noinline]] runnable* worker::pick_beside_thieves() noexcept {
  if (runnable* one = ready_.pop()) {
    prefetch_ready(*one);
    return one;
  }
  if (task_core* one = fresh_.take_newest()) return one;
  return pick_from_afar();
}

[[gnu::noinline]] runnable* worker::pick_from_afar() noexcept {
  if (!backlog_.empty()) {
    if (runnable* one = adopt(backlog_.take(batch))) return one;
  }
  return take_from_outside();
}

/// Leaves others their share.
runnable* worker::take_from_outside() noexcept {
  inbox& outside = home_.incoming();
  chain some;
  if (outside.maybe_work()) {
    const std::size_t share = outside.size() / home_.worker_count() + 1;
    some = outside.pop_some(std::min(share, batch));
  }
  if (some.count == 0) {
    drop_old_slice();
    bump(empty_picks_);
    return nullptr;
  }
  bump(injected_, some.count);
  keep_time();
  return adopt(some);
}

/// The first of them is to run; the others are queued here.
runnable* worker::adopt(const chain& some) noexcept {
  if (some.first == nullptr) return nullptr;
  runnable* rest = std::exchange(some.first->link, nullptr);
  while (rest != nullptr) {
    runnable& one = *std::exchange(rest, rest->link);
    one.what == runnable::sort::fiber ? push_ready(static_cast<fiber&>(one))
                                      : queue_task(static_cast<task_core&>(one));
  }
  return some.first;
}

void worker::push_ready(fiber& one) noexcept {
  if (!ready_.push(one)) [[unlikely]]
    return push_and_shed(one);
  home_.note_surplus();
}

[[gnu::noinline, gnu::cold]] void worker::push_and_shed(fiber& one) noexcept {
  do {
    const chain shed = ready_.shed_half();
    if (shed.count > 0) backlog_.push(shed);
  } while (!ready_.push(one));
  home_.note_surplus();
}

// ---- what a spawn needs ------------------------------------------------------------------------

inline void worker::take_promise() {
  if (promises_ == 0) [[unlikely]]
    take_promises();
  --promises_;
}

[[gnu::noinline, gnu::cold]] void worker::take_promises() {
  try {
    home_.default_pool().promise(promises_batch);
    promises_ = promises_batch;
  } catch (const std::bad_alloc&) {
    home_.default_pool().promise(1);  // no room for a whole batch
    promises_ = 1;
  }
}

[[gnu::noinline, gnu::cold]] void worker::take_ids() noexcept {
  // order: relaxed, the owner's own
  const std::uint64_t now = spawned_.load(memory_order_relaxed);
  ids_shift_ = next_strand_id(ids_batch) - now;
  ids_end_ = now + ids_batch;
}

void worker::spawn(task_core& task) {
  take_promise();
  admit(task, home_.default_class());
}

void worker::spawn(task_core& task, std::uint8_t size_class) {
  if (size_class == home_.default_class()) return spawn(task);
  stack_pool::of_class(size_class).promise(1);
  admit(task, size_class);
}

inline void worker::admit(task_core& task, std::uint8_t size_class) noexcept {
  // order: relaxed, the owner's own
  const std::uint64_t before = spawned_.load(memory_order_relaxed);
  if (before >= ids_end_) [[unlikely]]
    take_ids();
  task.from_.home = &home_;
  task.stack_class_ = size_class;
  task.id_ = before + ids_shift_;
  push_task(task);
}

void worker::push_task(task_core& task) noexcept {
  bump(spawned_);
  queue_task(task);
}

inline void worker::queue_task(task_core& task) noexcept {
  while (!fresh_.push(task)) [[unlikely]] shed_tasks();
  home_.note_surplus();
}

[[gnu::noinline, gnu::cold]] void worker::shed_tasks() noexcept {
  chain shed;
  while (shed.count < task_deque::capacity / 2) {
    task_core* oldest = alone_ ? fresh_.take_oldest_alone() : fresh_.take_oldest();
    if (oldest == nullptr) break;
    shed.push_back(*oldest);
  }
  if (shed.count > 0) backlog_.push(shed);
}

// ---- switching ---------------------------------------------------------------------------------

void worker::end(fiber& self, runnable* next) noexcept {
  how_ = departure::ends;
  context& to = next != nullptr ? prepare(*next) : own_context();
  leave_context(here_, self, to);
}

[[gnu::noinline]] void worker::settle_rarely(context& left) noexcept {
  switch (std::exchange(how_, departure::parks)) {
    case departure::gives_way:
      return home_.make_ready_for_all(static_cast<fiber&>(left));
    case departure::moves:
      return home_.idle().move(*this, static_cast<fiber&>(left));
    case departure::ends:
      return settle_ended(static_cast<fiber&>(left));
    default:
      return;  // it was the worker's own context
  }
}

// ---- a stack's life ----------------------------------------------------------------------------

/// A fiber for a task that has not begun.
[[gnu::noinline]] fiber& worker::start(task_core& task) noexcept {
  fiber& to = fiber::build(take_stack(task.stack_class_), task.stack_class_);
  bind(to, task);
  return to;
}

[[gnu::noinline]] void worker::settle_ended(fiber& gone) noexcept {
  const std::uint8_t size_class = gone.stack_class_;
  destroy_context(gone);
  keep_stack(*gone.slot_, size_class);  // the block may be gone now
  // Only now: whoever holds a promise shall find a stack.
  settle_promise(size_class);
}

void worker::run_tasks(context& self, context& left) {
  auto& me = static_cast<fiber&>(self);
  me.worker_->settle_departed(left);
  for (;;) {
    edge_to(me.task_);  // pairs with spawn
    me.task_->invoke();
    finish_task(me);
    worker& here = *me.worker_;  // perhaps another than at the start
    runnable* next = here.pick();
    const bool same_stack = next != nullptr && next->what == runnable::sort::task &&
                            static_cast<task_core&>(*next).stack_class_ == me.stack_class_;
    if (!same_stack) here.end(me, next);
    here.settle_promise(me.stack_class_);  // the next task has one of its own
    renew_context(me);
    here.bind(me, static_cast<task_core&>(*next));
  }
}

/// The task may be gone already.
void worker::tell_listener(fiber& self) noexcept {
  self.ends_specially_ = false;
  if (self.listener_ != nullptr) std::exchange(self.listener_, nullptr)->task_ended();
}

/// The task's function is over.
void worker::finish_task(fiber& self) noexcept {
  if (in_forked_child()) self.task_->end_forked_child();
  // User's code, which may wait and go on elsewhere: the handler of an error that nobody joins,
  // and the destructor of a value.
  ++self.stops_.shields;
  if (self.ends_specially_ && self.last_ != nullptr) [[unlikely]] {
    self.last_->strand_ends();
    self.last_ = nullptr;
  }
  self.task_->report_if_detached();
  self.slot_->clear_owner();
  atomic<std::uint64_t>& finished = self.worker_->finished_;
  // order: relaxed, one writer; release after the spawn that is counted too, pairs with count
  finished.store(finished.load(memory_order_relaxed) + 1, memory_order_release);
  self.task_->finish();
  if (self.ends_specially_) [[unlikely]]
    tell_listener(self);
  --self.stops_.shields;
  edge_from(&self.worker_->home_);  // pairs with wait_for_fibers
  atomic<std::uint64_t>& gone = self.worker_->gone_;
  // order: relaxed, one writer; release after the last user's code, pairs with count
  gone.store(gone.load(memory_order_relaxed) + 1, memory_order_release);
}

stack_slot& worker::take_stack(std::uint8_t size_class) noexcept {
  if (size_class != home_.default_class() || stacks_ == nullptr) {
    return stack_pool::of_class(size_class).take();
  }
  --stacks_count_;
  return *std::exchange(stacks_, stacks_->next());
}

void worker::keep_stack(stack_slot& slot, std::uint8_t size_class) noexcept {
  slot.poison(sizeof(fiber));
  if (size_class != home_.default_class()) {
    stack_pool::of_class(size_class).give(slot);
    return home_.note_free_stacks();
  }
  slot.set_next(stacks_);
  stacks_ = &slot;
  if (++stacks_count_ <= stacks_kept) return;
  stack_slot* last = stacks_;  // the newer half stays: it is in the cache
  for (std::size_t i = 1; i < stacks_kept / 2; ++i) last = last->next();
  stack_slot* const first = last->next();
  last->set_next(nullptr);
  std::size_t n = 1;
  stack_slot* end = first;
  for (; end->next() != nullptr; end = end->next()) ++n;
  stacks_count_ -= n;
  home_.default_pool().give_chain(*first, *end, n);
  home_.note_free_stacks();
}

void worker::settle_promise(std::uint8_t size_class) noexcept {
  if (size_class != home_.default_class()) return stack_pool::of_class(size_class).release(1);
  if (++promises_ < 2 * promises_batch) return;
  promises_ -= promises_batch;
  home_.default_pool().release(promises_batch);
}

}  // namespace sluice::detail
