// The attention word, the checkpoint behind it, and the forked child, its one lasting reason.
#include "sluice/detail/park/attention.hpp"

#include <pthread.h>

#include "sluice/detail/park/parker.hpp"

namespace sluice::detail {

constinit atomic<std::uint32_t> attention{0};
constinit atomic<bool> forked{false};

namespace {

void after_fork_in_child() {
  // order: relaxed, the child has one thread
  forked.store(true, memory_order_relaxed);
  raise_attention();
}

}  // namespace

void raise_attention() noexcept {
  // order: seq_cst, before the flag and P4 of whoever stops a fiber; pairs P5. A running strand may
  // see it late (one scheduling tick is allowed).
  attention.fetch_add(1, memory_order_seq_cst);
}

void lower_attention() noexcept {
  // order: relaxed, whoever still sees it up looks once too often
  attention.fetch_sub(1, memory_order_relaxed);
}

[[gnu::noinline]] verdict checkpoint(operation_kind kind) noexcept {
  return parker::current().check(kind);
}

void watch_for_fork() noexcept {
  static const int installed = ::pthread_atfork(nullptr, nullptr, after_fork_in_child);
  static_cast<void>(installed);
}

}  // namespace sluice::detail
