// The close: C1, and the end of the waits that it ends. The argument stands in core.hpp.
#include <cassert>
#include <mutex>
#include <utility>

#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/channel/core.hpp"

namespace sluice::detail {

/// R4 of those who joined an open channel, at its close: after C1, before the look at head.
void channel_core::count_joiners() noexcept {
  joiners_counted_ = true;
  for (wait_node* node = joiners_.front(); node != nullptr; node = node->next) {
    // order: R4 seq_cst, as in announce
    putters_waiting_.fetch_add(1, memory_order_seq_cst);
  }
}

bool channel_core::close(std::exception_ptr cause) noexcept {
  if (in_forked_child()) return false;
  job_list jobs;
  {
    const std::lock_guard guard(lock_);
    if (closed()) return false;
    cause_ = std::move(cause);
    edge_from(&unusual_);
    // order: release, pairs with seems_closed: the cause. First, so that no hint says otherwise to
    // whoever was told of the close
    unusual_.store(closed_bit, memory_order_release);
    mark_closed();
    assert(closed());
    count_joiners();
    settle(jobs);
  }
  perform(jobs);
  return true;
}

}  // namespace sluice::detail
