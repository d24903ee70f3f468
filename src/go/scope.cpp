// Waiting for a group of tasks, and stopping it. The argument stands in scope_core.hpp.
#include "sluice/detail/go/scope_core.hpp"

#include <mutex>
#include <stdexcept>

#include "park/ask.hpp"
#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/park/check.hpp"
#include "sluice/detail/park/parker.hpp"

namespace sluice::detail {

scope_core::scope_core(heeds which)
    : heeds_(which), unwinding_at_start_(std::uncaught_exceptions()) {}

scope_core::~scope_core() {
  if (in_forked_child()) return;  // the tasks are not here; nothing can be waited for
  if (!empty()) {
    request_stop();
    static_cast<void>(wait_until_empty(on_stop::keep_waiting));
  }
  if (first_error_.error && std::uncaught_exceptions() <= unwinding_at_start_) {
    first_error_.report();
  }
}

// ---- the tasks' side ---------------------------------------------------------------------------

void scope_core::add_task() {
  if (in_forked_child()) throw_forked("go");
  const std::lock_guard guard(lock_);
  ++live_;
}

void scope_core::note_error(orphan_error&& error) noexcept {
  {
    const std::lock_guard guard(lock_);
    if (first_error_.error) return;
    std::swap(first_error_, error);
  }
  request_stop();
}

void scope_core::task_ended() noexcept {
  edge_from(&live_);
  job_list won;
  {
    const std::lock_guard guard(lock_);
    if (--live_ != 0) return;
    while (wait_node* node = joiners_.front()) {
      const bool ours = node->owner->try_claim(outcome::completed);
      joiners_.remove(*node);
      if (ours) won.push_back(*node, job::none);
    }
  }  // I1: from here on the group may be gone
  while (wait_node* node = won.pop_front()) node->owner->strand().unpark();
}

// ---- the owner's side --------------------------------------------------------------------------

/// Never inlined: the thread's id that it keeps must not be one from before a wait.
[[gnu::noinline]] bool scope_core::request_stop() noexcept { return ask(stops_); }

bool scope_core::empty() noexcept {
  const std::lock_guard guard(lock_);
  if (live_ == 0) edge_to(&live_);
  return live_ == 0;
}

outcome scope_core::wait_until_empty(on_stop stop) noexcept {
  waiter self(parker::current(), {"join of a scope"}, stop);
  wait_node node(self);
  {
    const std::lock_guard guard(lock_);
    if (live_ == 0) {
      edge_to(&live_);
      return outcome::completed;
    }
    joiners_.push_back(node);
  }
  const outcome how = park(self);
  if (how == outcome::completed) {
    edge_to(&live_);
  } else {
    const std::lock_guard guard(lock_);
    if (node.linked) joiners_.remove(node);
  }
  return how;
}

void scope_core::join() {
  if (heard_by(*this)) {
    throw std::logic_error(
        "sluice: join of a scope by one of its own fibers, which would wait for itself; "
        "join it where it was made");
  }
  const verdict found = look_up(operation_kind::may_wait);
  if (found == verdict::forked) throw_forked("join");
  if (found == verdict::stop || wait_until_empty(on_stop::end_wait) == outcome::cancelled) {
    request_stop();
    static_cast<void>(wait_until_empty(on_stop::keep_waiting));
    throw_cancelled();
  }
  std::exception_ptr error;
  {
    const std::lock_guard guard(lock_);
    std::swap(error, first_error_.error);
  }
  if (error) std::rethrow_exception(std::move(error));
}

}  // namespace sluice::detail
