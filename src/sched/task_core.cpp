// A task's end, and who waits for it. The argument stands in task_core.hpp.
#include "sluice/detail/sched/task_core.hpp"

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "sched/fiber.hpp"
#include "sched/scheduler.hpp"
#include "sched/worker.hpp"
#include "sluice/cancelled.hpp"
#include "sluice/detail/base/backoff.hpp"

namespace sluice::detail {

task_core::task_core(std::unique_ptr<const std::string> name) noexcept
    : runnable(sort::task), name_(std::move(name)) {}

task_core::~task_core() = default;

void* task_core::operator new(std::size_t size) {
  worker* here = worker::current();
  if (here != nullptr) return here->memory().allocate(size);
  return ::operator new(task_memory::rounded(size));
}

void task_core::operator delete(void* room, std::size_t size) noexcept {
  worker* here = worker::current();
  here != nullptr ? here->memory().free(room, size) : ::operator delete(room);
}

// ---- joining -----------------------------------------------------------------------------------

outcome task_core::wait_until_done(deadline until, on_stop stop) noexcept {
  waiter self(parker::current(), {"join", name_.get()}, stop);
  wait_node node(self);
  {
    const std::lock_guard guard(lock_);
    // order: J1 acq_rel, either T1 sees that somebody waits, or this sees T1
    if ((state_.fetch_or(waited_bit, memory_order_acq_rel) & done_bit) != 0) {
      return outcome::completed;
    }
    joiners_.push_back(node);
  }
  const outcome how = park(self, until);
  if (how != outcome::completed) {
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

void task_core::report_if_detached() noexcept {
  if (!error_) return;
  on_unhandled_ = home_->on_unhandled();
  // order: acquire, pairs T3
  if ((state_.load(memory_order_acquire) & detached_bit) != 0) report_unjoined();
}

void task_core::finish() noexcept {
  // order: relaxed, a guess that the compare-and-swap verifies
  std::uint32_t before = state_.load(memory_order_relaxed);
  bool alone = false;
  while ((before & waited_bit) == 0 && !alone) {
    // order: T1 and T2 acq_rel, gives the result away; nobody waits, so this is the last touch
    alone = state_.compare_exchange_weak(before, before | done_bit | released_bit,
                                         memory_order_acq_rel, memory_order_relaxed);
  }
  if (!alone) {
    // order: T1 acq_rel, gives the result to joiners; pairs J1
    before = state_.fetch_or(done_bit, memory_order_acq_rel);
    wake_joiners();
  }
  if ((before & stop_bit) != 0) lower_attention();
  if (!alone) {
    // order: T2 acq_rel, the last touch; pairs T3
    before = state_.fetch_or(released_bit, memory_order_acq_rel);
  }
  if ((before & detached_bit) != 0) {
    report_unjoined();
    delete this;
  }
}

void task_core::drop() noexcept {
  if (in_forked_child()) return;  // it is the parent's to report
  // order: T3 acq_rel, pairs T2: whoever is second deletes
  if ((state_.fetch_or(detached_bit, memory_order_acq_rel) & released_bit) == 0) return;
  report_unjoined();
  delete this;
}

void task_core::report_unjoined() noexcept {
  if (!error_ || stopped_) return;
  if (*on_unhandled_) return (*on_unhandled_)(name(), std::exchange(error_, nullptr));
  print_error();
  std::terminate();
}

void task_core::print_error() const noexcept {
  const auto print = [this](const char* text) {
    std::fprintf(
        stderr, "sluice: fiber %llu \"%.*s\" ended with an exception that nobody joined: %s\n",
        static_cast<unsigned long long>(id_), static_cast<int>(name().size()), name().data(), text);
  };
  try {
    std::rethrow_exception(error_);
  } catch (const std::exception& error) {
    print(error.what());
  } catch (...) {
    print("an exception of unknown type");
  }
}

void task_core::end_forked_child() noexcept {
  const bool failed = error_ && !stopped_;
  if (failed) print_error();
  std::fflush(nullptr);
  std::_Exit(failed ? EXIT_FAILURE : EXIT_SUCCESS);
}

// ---- stopping ----------------------------------------------------------------------------------

bool task_core::request_stop() noexcept {
  if (in_forked_child()) return false;
  raise_attention();
  // order: K1 seq_cst, after the raise and before P4 in the one order with P1 and P5
  const std::uint32_t before = state_.fetch_or(stop_bit, memory_order_seq_cst);
  if ((before & (stop_bit | done_bit)) != 0) {
    lower_attention();
    return false;
  }
  // order: acquire, pairs with bind; null: not begun, and the stop is seen at the first wait
  if (fiber* runs = fiber_.load(memory_order_acquire)) runs->cancel_wait();
  return true;
}

// ---- doors -------------------------------------------------------------------------------------

scheduler& default_scheduler() {
  if (in_forked_child()) throw_forked("go or run");
  // Never destroyed: its fibers may run until the process ends.
  static scheduler* const one = new scheduler({});
  return *one;
}

scheduler& current_scheduler() {
  worker* here = worker::current();
  return here != nullptr ? here->home() : default_scheduler();
}

void spawn(scheduler& where, task_core& task, std::size_t stack_size) {
  if (in_forked_child()) throw_forked("go or run");
  where.spawn(task, stack_size);
}

}  // namespace sluice::detail
