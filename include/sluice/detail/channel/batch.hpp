// Batches: sequences of single operations that claim places in runs.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <memory>
#include <new>
#include <ranges>
#include <stdexcept>
#include <utility>
#include <vector>

#include "sluice/detail/channel/operations.hpp"

namespace sluice::detail {

/// Items that one claim takes at most: enough to make its cost vanish, few enough that a strand
/// which is preempted in the middle does not hold up half a ring.
inline constexpr std::size_t run_limit = 64;

/// Puts `n` items from `first` on, moving from each that is accepted, and counts them in `done`.
/// False if the channel was closed meanwhile. Throws `cancelled`, std::bad_alloc.
template <class T, class Iterator>
bool put_run(channel_core& core, Iterator& first, std::size_t n, std::size_t& done) {
  for (std::size_t left = n; left > 0;) {
    check_strand(operation_kind::may_wait, "put_batch");
    std::size_t got = 0;
    claim found = claim::none;
    if (core.kind() != channel_kind::rendezvous) {
      found = as_kind<T>(core, [&](auto& ch) { return ch.try_put_run(first, left, got); });
    }
    if (found == claim::closed) return false;
    if (found != claim::ok) {
      auto&& one = *first;
      T* item = std::addressof(one);
      const status how = core.kind() == channel_kind::rendezvous
                             ? core.meet_to_put(item, no_deadline, "put_batch")
                             : core.wait_to_put(item, no_deadline, "put_batch");
      if (how != status::ok) return false;
      ++first;
      got = 1;
    }
    left -= got;
    done += got;
  }
  return true;
}

/// Walks items that need not be copied before: that is no code of the user's, and cannot fail.
template <class T>
struct copying {
  const T* at;
  T operator*() const noexcept { return *at; }
  copying& operator++() noexcept {
    ++at;
    return *this;
  }
};
template <class R, class T>
inline constexpr bool copies_quietly =
    std::ranges::contiguous_range<R>&& std::ranges::sized_range<R>&&
        std::is_same_v<std::ranges::range_value_t<R>, T>&& std::is_trivially_copyable_v<T>&&
            std::is_copy_constructible_v<T> &&
    sizeof(T) <= 64;

/// Copies of up to run_limit items, made before any of them is put.
template <class T>
class copies {
 public:
  static constexpr std::size_t limit = std::clamp<std::size_t>(4096 / sizeof(T), 1, run_limit);

  copies() = default;
  copies(const copies&) = delete;
  copies& operator=(const copies&) = delete;
  ~copies() { clear(); }

  template <class Reference>
  void add(Reference&& from) {
    ::new (static_cast<void*>(begin() + count_)) T(std::forward<Reference>(from));
    ++count_;
  }
  void clear() noexcept {
    std::destroy_n(begin(), count_);
    count_ = 0;
  }
  [[nodiscard]] T* begin() noexcept { return std::launder(reinterpret_cast<T*>(bytes_.data())); }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] bool full() const noexcept { return count_ == limit; }

 private:
  alignas(T) std::array<std::byte, limit * sizeof(T)> bytes_;
  std::size_t count_ = 0;
};

/// Is R an rvalue container whose own items may be moved from?
template <class R, class T>
inline constexpr bool gives_items_away =
    !std::is_lvalue_reference_v<R> && std::ranges::forward_range<R> &&
    !std::ranges::view<std::remove_cvref_t<R>> && !std::ranges::borrowed_range<R> &&
    std::is_same_v<std::ranges::range_reference_t<R>, T&>;

/// May its iterator move on where nothing may throw: between the claim of places and their items?
template <class R>
inline constexpr bool steps_quietly =
    noexcept(++std::declval<std::ranges::iterator_t<R>&>()) && noexcept(
        *std::declval<std::ranges::iterator_t<R>&>());

template <class T, class R>
void put_range(channel_core& core, R&& items, std::size_t& done) {
  auto first = std::ranges::begin(items);
  const auto last = std::ranges::end(items);
  if constexpr (gives_items_away<R, T> && !steps_quietly<R>) {
    for (; first != last; ++first) {
      T* one = std::addressof(*first);
      if (!put_run<T>(core, one, 1, done)) return;
    }
  } else if constexpr (gives_items_away<R, T>) {
    while (first != last) {
      const auto stop = std::ranges::next(first, static_cast<std::ptrdiff_t>(run_limit), last);
      const auto n = static_cast<std::size_t>(std::ranges::distance(first, stop));
      if (!put_run<T>(core, first, n, done)) return;
    }
  } else if constexpr (copies_quietly<R, T>) {
    copying<T> next{std::ranges::data(items)};
    for (auto left = static_cast<std::size_t>(std::ranges::size(items)); left > 0;) {
      const std::size_t n = std::min(left, run_limit);
      if (!put_run<T>(core, next, n, done)) return;
      left -= n;
    }
  } else {
    for (copies<T> buffer; first != last; buffer.clear()) {
      for (; first != last && !buffer.full(); ++first) buffer.add(*first);
      T* next = buffer.begin();
      if (!put_run<T>(core, next, buffer.count(), done)) return;
    }
  }
}

template <class T, class R>
std::size_t put_batch(channel_core& core, R&& items) {
  std::size_t done = 0;
  try {
    put_range<T>(core, std::forward<R>(items), done);
  } catch (const cancelled&) {
    if (done == 0) throw;
  }
  return done;
}

/// Appends what is there, up to `max` items in all. Items that were taken are never lost: if the
/// vector cannot grow any more, what it holds is the answer. Never parks.
template <class T>
claim append_available(channel_core& core, std::vector<T>& out, std::size_t max) {
  while (out.size() < max) {
    const std::size_t n = std::min(max - out.size(), run_limit);
    try {
      if (out.capacity() - out.size() < n) {
        out.reserve(std::max(out.size() + n, std::min(max, 2 * out.size())));
      }
    } catch (const std::bad_alloc&) {
      if (out.empty()) throw;
      return claim::ok;
    }
    std::size_t got = 0;
    const auto sink = [&](T&& item) noexcept { out.push_back(std::move(item)); };
    const claim found = as_kind<T>(core, [&](auto& ch) { return ch.try_get_run(n, got, sink); });
    if (found != claim::ok) return found;
  }
  return claim::ok;
}

inline void demand_some(std::size_t max) {
  if (max == 0)
    throw std::invalid_argument("sluice: a batch of at most 0 items; ask for 1 or more");
}

template <class T>
std::vector<T> try_get_batch(channel_core& core, std::size_t max) {
  demand_some(max);
  check_strand(operation_kind::never_waits, "try_get_batch");
  std::vector<T> out;
  if (append_available(core, out, max) == claim::closed && out.empty() && core.cause()) {
    std::rethrow_exception(core.cause());
  }
  return out;
}

/// One item more, waited for until the deadline. False: there will be none, or not in time.
template <class T>
bool append_one(channel_core& core, std::vector<T>& out, deadline until) {
  item_room<T> room;
  if (out.size() == out.capacity()) out.reserve(std::max<std::size_t>(8, 2 * out.size()));
  const status how = get_item(core, room, until, "get_batch");
  if (how == status::ok) out.push_back(take_from(room));
  return how == status::ok;
}

template <class T>
std::vector<T> get_batch(channel_core& core, std::size_t max) {
  demand_some(max);
  check_strand(operation_kind::may_wait, "get_batch");
  std::vector<T> out;
  claim found = append_available(core, out, max);
  if (!out.empty()) return out;
  if (found != claim::closed && append_one(core, out, no_deadline)) {
    append_available(core, out, max);
  } else if (core.cause()) {
    std::rethrow_exception(core.cause());
  }
  return out;
}

template <class T, class Rep, class Period>
std::vector<T> get_batch(channel_core& core, std::size_t max,
                         std::chrono::duration<Rep, Period> linger) {
  std::vector<T> out = get_batch<T>(core, max);
  if (out.empty() || out.size() == max) return out;
  const deadline until = deadline_after(linger);
  try {
    while (out.size() < max && append_one(core, out, until)) append_available(core, out, max);
  } catch (const cancelled&) {
    // What was taken is not lost: the next wait throws again.
  } catch (const std::bad_alloc&) {
    // Likewise: the batch is as long as memory allows.
  }
  return out;
}

}  // namespace sluice::detail
