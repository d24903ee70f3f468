// Running fibers one after the other. The argument stands in worker.hpp.
#include "sched/worker.hpp"

#include <utility>

#include "sched/scheduler.hpp"
#include "sluice/detail/park/attention.hpp"

namespace sluice::detail {
namespace {

thread_local worker* worker_of_this_thread = nullptr;

}  // namespace

worker::worker(scheduler& home, unsigned index, unsigned workers) : home_(home), index_(index) {
  idle.samples.resize(workers);
  idle.random = index * 2654435761U + 1;
  home.default_pool().promise(stacks_kept + 2);  // what it keeps, and the one between two tasks
}

worker::~worker() { home_.default_pool().release(promises_ + stacks_kept + 2); }

[[gnu::noinline]] worker* worker::current() noexcept { return worker_of_this_thread; }

task_core* worker::running_task() const noexcept {
  fiber* now = running_fiber();
  return now != nullptr ? now->task_ : nullptr;
}

// ---- the thread's life -------------------------------------------------------------------------

void worker::main() noexcept {
  const signal_stack faults;
  enter();
  while (runnable* one = find()) run(*one);
  retire();
}

void worker::enter() noexcept {
  worker_of_this_thread = this;
  here_ = thread_anchor::of_this_thread();
  running_slot_ = parker::current_slot();
  adopt_thread(main_);
}

runnable* worker::find() noexcept {
  if (runnable* one = pick()) return one;
  return home_.idle().rest(*this);
}

void worker::run(runnable& one) noexcept {
  switch_context(here_, main_, prepare(one), this);
  settle_departed();
}

void worker::retire() noexcept {
  while (stacks_ != nullptr) {
    stack_slot& slot = *std::exchange(stacks_, stacks_->next);
    home_.default_pool().give(slot);
  }
  worker_of_this_thread = nullptr;
}

// ---- what runs next ----------------------------------------------------------------------------

runnable* worker::pick() noexcept {
  bump(picks_);
  // order: relaxed, a late end of the slice is cleared by the next pick
  if (slice_over_.load(memory_order_relaxed)) drop_slice_flag();
  if (++turn_ % fair_every == 0) {
    if (runnable* one = pick_fairly()) return one;
  }
  if (runnable* one = take_next()) return one;
  if (runnable* one = ready_.pop()) return one;
  if (runnable* one = fresh_.take_newest()) return one;
  return home_.incoming().pop();
}

/// Those who would starve while the own queues are never empty.
runnable* worker::pick_fairly() noexcept {
  if (timers_.earliest() != no_deadline) timers_.fire(clock::now());
  if ((turn_ / fair_every) % 2 == 0) {
    if (runnable* one = home_.incoming().pop()) return one;
  }
  return fresh_.take_oldest();
}

runnable* worker::take_next() noexcept {
  // order: relaxed, only the owner fills it (I2)
  if (next_.load(memory_order_relaxed) == nullptr) {
    streak_ = 0;
    return nullptr;
  }
  // order: acquire, a thief may empty it meanwhile; pairs with push_woken
  runnable* one = next_.exchange(nullptr, memory_order_acquire);
  if (one == nullptr || ++streak_ < next_limit || ready_.empty()) return one;
  streak_ = 0;
  push_ready(*one);
  return nullptr;
}

void worker::push_woken(fiber& one) noexcept {
  // order: relaxed, only the owner fills it (I2)
  if (next_.load(memory_order_relaxed) == nullptr) {
    // order: release, pairs with take_next and steal_ready
    next_.store(&one, memory_order_release);
    home_.note_surplus();
    return;
  }
  // order: acq_rel, as above; a thief may empty it meanwhile
  if (runnable* before = next_.exchange(&one, memory_order_acq_rel)) push_ready(*before);
}

void worker::push_ready(runnable& one) noexcept {
  while (!ready_.push(one)) {
    const chain shed = ready_.shed_half();
    if (shed.count > 0) home_.inject(shed);
  }
  home_.note_surplus();
}

void worker::push_task(task_core& task) noexcept {
  bump(spawned_);
  while (!fresh_.push(task)) {
    chain shed;
    while (shed.count < task_deque::capacity / 2) {
      task_core* oldest = fresh_.take_oldest();
      if (oldest == nullptr) break;
      if (shed.last != nullptr) shed.last->link = oldest;
      oldest->link = nullptr;
      shed.last = oldest;
      if (shed.first == nullptr) shed.first = oldest;
      ++shed.count;
    }
    if (shed.count > 0) home_.inject(shed);
  }
  home_.note_surplus();
}

// ---- time slices -------------------------------------------------------------------------------

void worker::tick() noexcept {
  const std::uint64_t now = picks();
  if (now != std::exchange(picks_at_tick_, now)) return;
  if (!has_ready() && !has_fresh() && !home_.incoming().maybe_work()) return;
  // order: relaxed, a running fiber may see it late
  if (!slice_over_.exchange(true, memory_order_relaxed)) raise_attention();
}

void worker::drop_slice_flag() noexcept {
  // order: relaxed, the ticker may set it again at once
  if (slice_over_.exchange(false, memory_order_relaxed)) lower_attention();
}

void worker::end_slice_if_over(fiber& self) noexcept {
  // order: relaxed, see tick
  if (slice_over_.load(memory_order_relaxed)) yield(self);
}

void worker::yield(fiber& self) noexcept {
  if (runnable* next = pick()) switch_from(self, departure::yields, next);
}

// ---- switching ---------------------------------------------------------------------------------

void worker::leave(fiber& self, departure how) noexcept { switch_from(self, how, pick()); }

void worker::switch_from(fiber& self, departure how, runnable* next) noexcept {
  left_ = &self;
  how_ = how;
  context& to = next != nullptr ? prepare(*next) : own_context();
  auto* now = static_cast<worker*>(switch_context(here_, self, to, this));
  now->settle_departed();
}

void worker::end(fiber& self, runnable* next) noexcept {
  left_ = &self;
  how_ = departure::ends;
  context& to = next != nullptr ? prepare(*next) : own_context();
  leave_context(here_, self, to, this);
}

/// What the fiber that has just been left could not do for itself.
void worker::settle_departed() noexcept {
  fiber* gone = std::exchange(left_, nullptr);
  if (gone == nullptr) return;
  switch (how_) {
    case departure::parks:
      return gone->announce(*this);
    case departure::yields:
      return push_ready(*gone);
    case departure::ends:
      destroy_context(*gone);
      return keep_stack(*gone->slot_, gone->stack_class_);
    case departure::none:
      break;
  }
}

context& worker::prepare(runnable& next) noexcept {
  fiber* to = nullptr;
  if (next.what == runnable::sort::fiber) {
    to = &static_cast<fiber&>(next);
  } else {
    auto& task = static_cast<task_core&>(next);
    to = &fiber::build(take_stack(task.stack_class_), task.stack_class_);
    bind(*to, task);
  }
  to->worker_ = this;
  *running_slot_ = to;
  return *to;
}

context& worker::own_context() noexcept {
  *running_slot_ = nullptr;
  return main_;
}

void worker::bind(fiber& to, task_core& task) noexcept {
  to.task_ = &task;
  to.slot_->set_owner(&task);
  // order: release, pairs with request_stop
  task.fiber_.store(&to, memory_order_release);
}

// ---- a stack's life ----------------------------------------------------------------------------

void worker::run_tasks(context& self, void* message) {
  auto& me = static_cast<fiber&>(self);
  static_cast<worker*>(message)->settle_departed();
  for (;;) {
    me.task_->invoke();
    worker& here = *me.worker_;  // perhaps another than at the start
    here.finish_task(me);
    runnable* next = here.pick();
    const bool same_stack = next != nullptr && next->what == runnable::sort::task &&
                            static_cast<task_core&>(*next).stack_class_ == me.stack_class_;
    if (!same_stack) here.end(me, next);
    here.bind(me, static_cast<task_core&>(*next));
  }
}

/// The task's function is over.
void worker::finish_task(fiber& self) noexcept {
  self.slot_->clear_owner();
  settle_promise(self.stack_class_);
  bump(finished_);
  self.task_->finish();
}

stack_slot& worker::take_stack(std::uint8_t size_class) noexcept {
  if (size_class != home_.default_class() || stacks_ == nullptr) {
    return stack_pool::of_class(size_class).take();
  }
  stack_slot& slot = *std::exchange(stacks_, stacks_->next);
  --stacks_count_;
  slot.next = nullptr;
  return slot;
}

void worker::keep_stack(stack_slot& slot, std::uint8_t size_class) noexcept {
  slot.poison(sizeof(fiber));
  if (size_class != home_.default_class()) return stack_pool::of_class(size_class).give(slot);
  slot.next = stacks_;
  stacks_ = &slot;
  if (++stacks_count_ <= stacks_kept) return;
  stack_slot* last = stacks_;  // the newer half stays: it is in the cache
  for (std::size_t i = 1; i < stacks_kept / 2; ++i) last = last->next;
  stack_slot* const first = std::exchange(last->next, nullptr);
  std::size_t n = 1;
  stack_slot* end = first;
  for (; end->next != nullptr; end = end->next) ++n;
  stacks_count_ -= n;
  home_.default_pool().give_chain(*first, *end, n);
}

void worker::take_promise() {
  if (promises_ == 0) {
    home_.default_pool().promise(promises_batch);
    promises_ = promises_batch;
  }
  --promises_;
}

void worker::settle_promise(std::uint8_t size_class) noexcept {
  if (size_class != home_.default_class()) return stack_pool::of_class(size_class).release(1);
  if (++promises_ < 2 * promises_batch) return;
  promises_ -= promises_batch;
  home_.default_pool().release(promises_batch);
}

std::uint64_t worker::next_id() noexcept {
  if (ids_next_ == ids_end_) {
    ids_next_ = next_strand_id(ids_batch);
    ids_end_ = ids_next_ + ids_batch;
  }
  return ids_next_++;
}

// ---- stealing ----------------------------------------------------------------------------------

runnable* worker::steal_ready(worker& victim) noexcept {
  const chain taken = victim.ready_.take_half();
  if (taken.count == 0) {
    // order: relaxed, a hint
    if (victim.next_.load(memory_order_relaxed) == nullptr) return nullptr;
    // order: acquire, pairs with push_woken
    runnable* one = victim.next_.exchange(nullptr, memory_order_acquire);
    if (one != nullptr) bump(steals_);
    return one;
  }
  bump(steals_);
  runnable* rest = taken.first->link;
  while (rest != nullptr) push_ready(*std::exchange(rest, rest->link));
  return taken.first;
}

runnable* worker::steal_fresh(worker& victim) noexcept {
  task_core* one = victim.fresh_.take_oldest();
  if (one != nullptr) bump(steals_);
  return one;
}

worker::counts worker::count() const noexcept {
  // order: relaxed, counts; finished before spawned, so that live ones are never negative
  const std::uint64_t finished = finished_.load(memory_order_relaxed);
  // order: relaxed, as above
  return {spawned_.load(memory_order_relaxed), finished, picks(),
          // order: relaxed, as above
          steals_.load(memory_order_relaxed), sleeps_.load(memory_order_relaxed)};
}

}  // namespace sluice::detail
