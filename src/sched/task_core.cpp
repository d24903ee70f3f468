// A task's end, and who waits for it. The argument stands in task_core.hpp.
#include "sluice/detail/sched/task_core.hpp"

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <ostream>
#include <utility>

#include "park/ask.hpp"
#include "sched/fiber.hpp"
#include "sched/scheduler.hpp"
#include "sched/task_extras.hpp"
#include "sched/worker.hpp"
#include "sluice/cancelled.hpp"
#include "sluice/detail/base/backoff.hpp"
#include "sluice/detail/base/edges.hpp"

namespace sluice::detail {
namespace {

void print_unjoined(const std::exception_ptr& error, std::uint64_t id,
                    std::string_view name) noexcept {
  const char* const quote = name.empty() ? "" : "\"";
  const auto print = [&](const char* text) {
    std::fprintf(stderr,
                 "sluice: fiber %llu%s%s%.*s%s ended with an exception that nobody joined: %s\n",
                 static_cast<unsigned long long>(id), name.empty() ? "" : " ", quote,
                 static_cast<int>(name.size()), name.data(), quote, text);
  };
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& what) {
    print(what.what());
  } catch (...) {
    print("an exception of unknown type");
  }
}

}  // namespace

[[gnu::noinline]] void task_core::drop_rest() noexcept {
  if (keeps_handler_) on_unhandled_.~shared_ptr();
  if (failed_) error_.~exception_ptr();
  // order: relaxed, nobody else has the task any more
  const std::uintptr_t there = more_.load(memory_order_relaxed);
  task_extras* const more = extras_in(there);
  if (more == nullptr) {
    delete reinterpret_cast<const std::string*>(there & ~name_bit);
    return;
  }
  {
    const std::lock_guard guard(more->lock);
    more->task = nullptr;
  }
  more->drop_user();
}

std::string_view task_core::name_in(std::uintptr_t more) noexcept {
  const task_extras* const extras = extras_in(more);
  const auto* name = extras != nullptr ? extras->name.get()
                                       : reinterpret_cast<const std::string*>(more & ~name_bit);
  return name != nullptr ? std::string_view(*name) : std::string_view();
}

void* task_core::operator new(std::size_t size) {
  worker* here = worker::current();
  return here != nullptr ? here->memory().allocate(size) : task_memory::allocate_outside(size);
}

void task_core::operator delete(void* room, std::size_t size) noexcept {
  worker* here = worker::current();
  here != nullptr ? here->memory().free(room, size) : task_memory::free_outside(room, size);
}

void task_core::describe(std::ostream& out) const {
  if (name().empty()) {
    out << "fiber " << id();
  } else {
    out << '"' << name() << '"';
  }
}

// ---- joining -----------------------------------------------------------------------------------

outcome task_core::wait_until_done(deadline until, on_stop stop) noexcept {
  waiter self(parker::current(), {"join", this}, stop);
  wait_node node(self);
  {
    const std::lock_guard guard(lock_);
    // order: J1 acq_rel, either T1 sees that somebody waits, or this sees T1
    // mutation: acquire, the lock hands the list on, and T3 the rest
    if ((state_.fetch_or(waited_bit, memory_order_acq_rel) & done_bit) != 0) {
      edge_to(&state_);
      return outcome::completed;
    }
    joiners_.push_back(node);
  }
  const outcome how = park(self, until);
  if (how == outcome::completed) {
    edge_to(&state_);
  } else {
    const std::lock_guard guard(lock_);
    if (node.linked) joiners_.remove(node);
  }
  return how;
}

void task_core::wake_joiners() noexcept {
  job_list won;
  {
    const std::lock_guard guard(lock_);
    while (wait_node* node = joiners_.front()) {
      const bool ours = node->owner->try_claim(outcome::completed);
      joiners_.remove(*node);
      if (ours) won.push_back(*node, job::none);
    }
  }
  while (wait_node* node = won.pop_front()) node->owner->strand().unpark();
}

// ---- the end -----------------------------------------------------------------------------------

inline void task_core::report_unjoined() noexcept {
  if (failed_ && error_ && !stopped_) report(*on_unhandled_);
}

void task_core::report_own_if_detached() noexcept {
  if (stopped_) return;
  // order: acquire, pairs T3
  if ((state_.load(memory_order_acquire) & detached_bit) == 0) return;
  edge_to(&state_);
  report(*from_.home->on_unhandled());
}

/// The runtime may be gone when the last handle goes. No look from outside comes any more.
void task_core::keep_handler() noexcept {
  std::shared_ptr<const error_handler> handler = from_.home->on_unhandled();
  ::new (static_cast<void*>(&on_unhandled_)) std::shared_ptr(std::move(handler));
  keeps_handler_ = true;
}

void task_core::finish_slowly() noexcept {
  if (failed_ && error_ && !stopped_) keep_handler();
  edge_from(&state_);
  // order: acquire, pairs N1, which no read-modify-write verifies before end_notes
  std::uint32_t before = state_.load(memory_order_acquire);
  bool alone = false;
  while ((before & (waited_bit | noted_bit)) == 0 && !alone) {
    // order: T1 and T2 acq_rel, gives the result away; nobody waits, so this is the last touch.
    // Acquire on failure: as the look before
    // mutation: release, the look before has acquired what it finds
    alone = state_.compare_exchange_weak(before, before | done_bit | released_bit,
                                         memory_order_acq_rel, memory_order_acquire);
  }
  if (!alone) {
    if ((before & noted_bit) != 0) end_notes();
    // order: T1 acq_rel, gives the result to joiners; pairs J1 and N1
    before = state_.fetch_or(done_bit, memory_order_acq_rel);
    if ((before & noted_bit) != 0) end_notes();  // again: more may have been noted since
    wake_joiners();
  }
  if ((before & stop_bit) != 0) lower_attention();
  if (!alone) {
    // order: T2 acq_rel, the last touch; pairs T3
    before = state_.fetch_or(released_bit, memory_order_acq_rel);
  }
  if ((before & detached_bit) != 0) {
    edge_to(&state_);
    report_unjoined();
    delete this;
  }
}

[[gnu::noinline]] void task_core::delete_detached() noexcept {
  edge_to(&state_);
  delete this;
}

void task_core::drop() noexcept {
  if (in_forked_child()) return;  // it is the parent's to report
  edge_from(&state_);
  // order: acquire, pairs T2: then nobody else knows the task any more, as after a join
  if ((state_.load(memory_order_acquire) & released_bit) == 0 &&
      // order: T3 acq_rel, pairs T2: whoever is second deletes
      (state_.fetch_or(detached_bit, memory_order_acq_rel) & released_bit) == 0) {
    return;
  }
  edge_to(&state_);
  report_unjoined();
  delete this;
}

void task_core::report(const error_handler& handler) noexcept {
  if (handler) return handler(name(), std::exchange(error_, nullptr));
  print_error();
  std::terminate();
}

void task_core::print_error() const noexcept { print_unjoined(error_, id_, name()); }

orphan_error task_core::give_error_away() noexcept {
  stopped_ = true;
  orphan_error given{error_, from_.home->on_unhandled(), id_, {}};
  try {
    given.name = name();
  } catch (const std::bad_alloc&) {  // then it has none
  }
  return given;
}

void orphan_error::report() noexcept {
  if (*on_unhandled) return (*on_unhandled)(name, std::exchange(error, nullptr));
  print_unjoined(error, id, name);
  std::terminate();
}

void task_core::end_forked_child() noexcept {
  const bool reported = failed_ && error_ && !stopped_;
  if (reported) print_error();
  std::fflush(nullptr);
  std::_Exit(reported ? EXIT_FAILURE : EXIT_SUCCESS);
}

/// The task may not be gone yet: T2 comes later.
void task_core::end_notes() noexcept {
  // order: relaxed, N1 has been acquired, and they were written before it
  task_extras& more = *extras_in(more_.load(memory_order_relaxed));
  // order: relaxed, as above
  more.at_end.load(memory_order_relaxed)(more);
}

task_extras& task_core::extras() {
  // order: seq_cst, before the look at the stop in stop_token, also where another has made them
  // mutation: acquire, no schedule has an order that contradicts what happens before what
  std::uintptr_t there = more_.load(memory_order_seq_cst);
  if (task_extras* made = extras_in(there)) return *made;
  auto fresh =
      std::make_unique<task_extras>(*this, reinterpret_cast<const std::string*>(there & ~name_bit));
  // order: seq_cst, before the look at the stop in stop_token; pairs with request_stop. On failure
  // another was first
  // mutation: failure acquire, as above
  if (more_.compare_exchange_strong(there, reinterpret_cast<std::uintptr_t>(fresh.get()),
                                    memory_order_seq_cst, memory_order_seq_cst)) {
    return *fresh.release();
  }
  static_cast<void>(fresh->name.release());  // the other's have it
  return *extras_in(there);
}

bool task_core::note_end() noexcept {
  // order: N1 acq_rel, either T1 sees it, or this sees T1
  // mutation: release, who finds the task done needs nothing that it did
  return (state_.fetch_or(noted_bit, memory_order_acq_rel) & done_bit) == 0;
}

// ---- stopping ----------------------------------------------------------------------------------

[[gnu::noinline]] bool task_core::request_stop() noexcept {
  if (!mark_stopped()) return false;
  // order: seq_cst, after K1; pairs with extras(): who makes them later sees the stop
  if (task_extras* more = extras_in(more_.load(memory_order_seq_cst))) ask(more->source);
  return true;
}

bool task_core::mark_stopped() noexcept {
  if (in_forked_child()) return false;
  raise_attention();
  edge_from(&fiber_);
  // order: K1 seq_cst, after the raise and before P4 in the one order with P1 and P5
  const std::uint32_t before = state_.fetch_or(stop_bit, memory_order_seq_cst);
  if ((before & (stop_bit | done_bit)) != 0) {
    lower_attention();
    return false;
  }
  fiber* runs = nullptr;  // not begun: the stop is seen at the first wait
  // order: seq_cst, the newest, as in stack_slot::pin: a load might miss a fiber that has parked
  // and not seen the raise. Acquire on failure pairs with bind
  // mutation: acq_rel, the newest value is read whatever the order
  if (!fiber_.compare_exchange_strong(runs, nullptr, memory_order_seq_cst, memory_order_acquire)) {
    runs->prefetch_block();
    runs->cancel_wait();
  }
  return true;
}

std::stop_source task_core::watched_stop() const noexcept {
  // order: seq_cst, after E1; as in request_stop
  const task_extras* more = extras_in(more_.load(memory_order_seq_cst));
  return more != nullptr ? more->source : std::stop_source(std::nostopstate);
}

[[gnu::noinline]] std::stop_token task_core::stop_token() {
  task_extras& more = extras();
  if (in_forked_child()) return more.source.get_token();  // its lock may be held for ever
  // order: seq_cst, after extras(); pairs with K1, E1
  const bool stopped = (state_.load(memory_order_seq_cst) & stop_bit) != 0;
  // Not by from_: a handler of its error may ask, and stands there itself.
  if (stopped || worker::current()->home().closing_now()) {
    ask(more.source);
  }
  return more.source.get_token();
}

// ---- doors -------------------------------------------------------------------------------------

scheduler& default_scheduler() {
  if (in_forked_child()) throw_forked("go or run");
  // Never destroyed: its fibers may run until the process ends.
  static scheduler* const one = new scheduler({});
  return *one;
}

namespace {

/// From outside the runtime's workers, or with a stack of its own size.
[[gnu::noinline]] void spawn_specially(scheduler* where, worker* here, task_core& task,
                                       std::size_t stack_size) {
  if (where == nullptr) where = here != nullptr ? &here->home() : &default_scheduler();
  if (here != nullptr && &here->home() != where) here = nullptr;
  where->spawn(here, task, stack_size);
}

}  // namespace

[[gnu::noinline]] void spawn(scheduler* where, task_core& task, std::size_t stack_size) {
  if (in_forked_child()) throw_forked("go or run");
  worker* const here = worker::current();
  task.from_.spawned_by = __builtin_return_address(0);
  edge_from(&task);
  const bool at_home = here != nullptr && (where == nullptr || where == &here->home());
  if (!at_home || stack_size != 0) return spawn_specially(where, here, task, stack_size);
  here->spawn(task);
}

}  // namespace sluice::detail
