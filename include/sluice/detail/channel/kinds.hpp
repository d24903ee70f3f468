// The three kinds of channel: what each does for the slow paths of core.hpp, and its fast paths.
//
// A fast path claims and publishes (claims and releases) without the lock, then looks for waiters
// of the other side. All are noexcept but for the unbounded put, which may need memory. The forms
// `at_once` are what is left where nothing out of the way happens: they need no stack frame, are
// inlined into the caller's code and say false if the whole operation is to be tried.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/channel/bounded.hpp"
#include "sluice/detail/channel/core.hpp"
#include "sluice/detail/channel/unbounded.hpp"

namespace sluice::detail {

template <class T>
class rendezvous_channel final : public channel_core {
 public:
  explicit rendezvous_channel(std::string name)
      : channel_core(channel_kind::rendezvous, std::move(name), 1) {}

  /// `ok` only if a getter waits, else `none` or `closed`.
  claim try_put(T& item) noexcept { return meet_getter(std::addressof(item)); }
  /// `ok` only if a putter waits, else `none` or `closed`.
  claim try_get(void* room) noexcept { return meet_putter(room); }

  template <class Iterator>
  claim try_put_run(Iterator& first, std::size_t, std::size_t& got) noexcept {
    got = 1;
    auto&& item = *first;
    const claim found = try_put(item);
    if (found == claim::ok) ++first;
    return found;
  }

  template <class Sink>
  claim try_get_run(std::size_t, std::size_t& got, Sink&& sink) noexcept {
    alignas(T) std::byte room[sizeof(T)];
    got = 1;
    const claim found = meet_putter(room);
    if (found == claim::ok) {
      T* item = std::launder(reinterpret_cast<T*>(room));
      sink(std::move(*item));
      item->~T();
    }
    return found;
  }

  bool closed() const noexcept override {
    // order: seq_cst, a close happens before every answer that says closed
    // mutation: acquire, `not yet` is an answer as of some moment; who waits looks under the lock
    return closed_.load(memory_order_seq_cst);
  }
  bool drained() const noexcept override { return closed(); }
  std::size_t size() const noexcept override { return 0; }
  std::size_t capacity() const noexcept override { return 0; }
  claimed total() const noexcept override { return {}; }
  std::uint64_t unready_mark(side which) noexcept override { return mark_if_alone(which); }
  void discard() noexcept override {}

 protected:
  claim claim_for_put(wait_node&) noexcept override { return claim::none; }
  claim claim_for_get(wait_node&) noexcept override { return claim::none; }
  void bring_home() noexcept override {}
  void share() noexcept override {}
  void mark_closed() noexcept override {
    // order: C1 seq_cst, as in the other kinds
    // mutation: release, whoever waits has had the lock of the close, or will have it
    closed_.store(true, memory_order_seq_cst);
  }
  void finish(wait_node&) noexcept override {}
  void move_item(void* from, void* to) noexcept override { relocate<T>(from, to); }

 private:
  /// Written under the lock, once; read by all.
  atomic<bool> closed_{false};
};

/// Calls `f` with the channel as what it is.
template <class T, class F>
decltype(auto) as_kind(channel_core& core, F&& f) {
  switch (core.kind()) {
    case channel_kind::bounded:
      return f(static_cast<bounded<T>&>(core));
    case channel_kind::unbounded:
      return f(static_cast<unbounded_channel<T>&>(core));
    case channel_kind::rendezvous:
      break;
  }
  return f(static_cast<rendezvous_channel<T>&>(core));
}

}  // namespace sluice::detail
