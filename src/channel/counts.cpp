// Who holds a channel: its handles, senders and receivers are counted, and what ends with the last.
#include <cassert>

#include "channel/record.hpp"
#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/channel/core.hpp"

namespace sluice::detail {

void channel_core::add_handle() noexcept {
  // order: relaxed, whoever copies a handle holds one
  handles_.fetch_add(1, memory_order_relaxed);
}

void channel_core::drop_handle() noexcept {
  edge_from(&handles_);
  // order: acq_rel, the last one sees what all others did with the channel
  if (handles_.fetch_sub(1, memory_order_acq_rel) != 1) return;
  edge_to(&handles_);
  if (record_ != nullptr) record_->unlist();
  // Whoever waits holds a handle, or refers to one that has gone too early.
  assert(in_forked_child() || (getters_.empty() && putters_.empty() && joiners_.empty()));
  delete this;
}

void channel_core::add_sender() noexcept {
  add_handle();
  // order: relaxed, as add_handle
  senders_.fetch_add(1, memory_order_relaxed);
}

void channel_core::drop_sender() noexcept {
  edge_from(&senders_);
  // order: acq_rel, the puts of all senders happen before the close by the last
  if (senders_.fetch_sub(1, memory_order_acq_rel) == 1) {
    edge_to(&senders_);
    close(nullptr);
  }
  drop_handle();
}

void channel_core::add_receiver() noexcept {
  add_handle();
  // order: relaxed, as add_handle
  receivers_.fetch_add(1, memory_order_relaxed);
}

void channel_core::drop_receiver() noexcept {
  edge_from(&receivers_);
  // order: acq_rel, the gets of all receivers happen before the close by the last
  if (receivers_.fetch_sub(1, memory_order_acq_rel) == 1) {
    edge_to(&receivers_);
    close(nullptr);
    if (!in_forked_child()) discard_rest();
  }
  drop_handle();
}

void channel_core::discard_rest() noexcept {
  const std::uint64_t before = total().got;
  discard();
  if (record_ != nullptr) record_->count_discarded(total().got - before);
}

}  // namespace sluice::detail
