// The channels that tests of all kinds go through, and what can be seen of their waiters.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "sluice/channel.hpp"

namespace test {

/// A kind of channel with its capacity.
struct shape {
  enum class kind : std::uint8_t { rendezvous, bounded, unbounded };
  kind what;
  std::size_t capacity;

  [[nodiscard]] bool is_rendezvous() const { return what == kind::rendezvous; }
  [[nodiscard]] bool is_bounded() const { return what == kind::bounded; }
  [[nodiscard]] bool is_unbounded() const { return what == kind::unbounded; }
  /// Can a putter have to wait?
  [[nodiscard]] bool can_fill() const { return !is_unbounded(); }
  /// How many puts succeed before anybody gets; `otherwise` if there is no limit.
  [[nodiscard]] std::size_t room(std::size_t otherwise = 100) const {
    return is_unbounded() ? otherwise : capacity;
  }
  [[nodiscard]] std::string name() const {
    if (is_rendezvous()) return "rendezvous";
    return is_unbounded() ? "unbounded" : "capacity " + std::to_string(capacity);
  }

  /// Every other one has a name, because those take ways of their own.
  template <class T>
  [[nodiscard]] sluice::channel<T> make() const {
    static std::atomic<unsigned> made{0};
    return make<T>(made++ % 2 == 0 ? "tested" : "");
  }
  template <class T>
  [[nodiscard]] sluice::channel<T> make(std::string name) const {
    sluice::channel_options options{.name = std::move(name)};
    if (is_rendezvous()) return sluice::channel<T>(sluice::rendezvous, std::move(options));
    if (is_unbounded()) return sluice::channel<T>(sluice::unbounded, std::move(options));
    return sluice::channel<T>(capacity, std::move(options));
  }
};

inline constexpr std::array<shape, 8> shapes{{
    {shape::kind::rendezvous, 0},
    {shape::kind::bounded, 1},
    {shape::kind::bounded, 2},
    {shape::kind::bounded, 3},
    {shape::kind::bounded, 7},
    {shape::kind::bounded, 64},
    {shape::kind::bounded, 1000},
    {shape::kind::unbounded, static_cast<std::size_t>(-1)},
}};

/// Names this file where the channel lets all specialisations of its halves look inside.
struct inside {};

/// Hands out pointers to private members: an explicit instantiation may name them.
template <class Tag, auto Member>
struct key {
  friend auto open(Tag) { return Member; }
};
struct lock_key {
  friend auto open(lock_key);
};
struct getters_key {
  friend auto open(getters_key);
};
struct putters_key {
  friend auto open(putters_key);
};
struct joiners_key {
  friend auto open(joiners_key);
};
template struct key<lock_key, &sluice::detail::channel_core::lock_>;
template struct key<getters_key, &sluice::detail::channel_core::getters_>;
template struct key<putters_key, &sluice::detail::channel_core::putters_>;
template struct key<joiners_key, &sluice::detail::channel_core::joiners_>;

}  // namespace test

namespace sluice::detail {
template <class T>
class putting<test::inside, T> {
 public:
  static channel_core& core(const channel<T>& ch) { return ch.handle_.for_use_in("a test"); }
};
}  // namespace sluice::detail

namespace test {

/// How many of those that stand in the line of that side are meant. Never waits for long, changes
/// nothing.
template <class T, class Key, class Meant>
[[nodiscard]] std::size_t waiting(const sluice::channel<T>& ch, Key side, Meant meant) {
  sluice::detail::channel_core& core = sluice::detail::putting<inside, T>::core(ch);
  const std::lock_guard guard(core.*open(lock_key{}));
  const sluice::detail::unwatched nodes;
  std::size_t count = 0;
  for (const auto* node = (core.*open(side)).front(); node != nullptr; node = node->next) {
    if (meant(*node->owner)) ++count;
  }
  return count;
}
template <class T, class Key>
[[nodiscard]] std::size_t waiting(const sluice::channel<T>& ch, Key side) {
  return waiting(ch, side, [](const auto&) { return true; });
}

/// Those whose wait has not ended: the others have yet to leave.
template <class T, class Key>
[[nodiscard]] std::size_t still_waiting(const sluice::channel<T>& ch, Key side) {
  return waiting(ch, side, [](const sluice::detail::waiter& one) { return !one.has_ended(); });
}

/// How many strands wait for an item.
template <class T>
[[nodiscard]] std::size_t getters_waiting(const sluice::channel<T>& ch) {
  return waiting(ch, getters_key{});
}
/// How many strands wait for room.
template <class T>
[[nodiscard]] std::size_t putters_waiting(const sluice::channel<T>& ch) {
  return waiting(ch, putters_key{});
}
/// How many strands wait for the end.
template <class T>
[[nodiscard]] std::size_t joiners_waiting(const sluice::channel<T>& ch) {
  return waiting(ch, joiners_key{});
}

}  // namespace test
