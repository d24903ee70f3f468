// What the tables of channels share: the kinds, and what must hold when all are left waiting.
#pragma once

#include <cstdint>

#include "explore.hpp"
#include "sluice/channel.hpp"

namespace sluice::explore {

enum class kind : std::uint8_t { one, two, three, no_limit, meeting };

constexpr const char* name_of(kind what) {
  constexpr const char* names[] = {"capacity 1", "capacity 2", "capacity 3", "unbounded",
                                   "rendezvous"};
  return names[static_cast<int>(what)];
}
constexpr unsigned capacity_of(kind what) {
  constexpr unsigned capacities[] = {1, 2, 3, 99, 0};
  return capacities[static_cast<int>(what)];
}

inline channel<item> make(kind what, const char* name = "") {
  const channel_options how{.name = name};
  switch (what) {
    case kind::one:
      return channel<item>(1, how);
    case kind::two:
      return channel<item>(2, how);
    case kind::three:
      return channel<item>(3, how);
    case kind::no_limit:
      return channel<item>(unbounded, how);
    case kind::meeting:
      break;
  }
  return channel<item>(rendezvous, how);
}

/// It comes home to the strand that runs.
inline void move_in(const channel<item>& ch) {
  detail::handle_access::core(ch, "move_in").move_in();
}

/// How many strands still wait.
struct waiting {
  unsigned putters = 0;
  unsigned getters = 0;
  unsigned joiners = 0;
};

/// All that are left wait: may they?
inline void check_rest(const channel<item>& ch, kind what, const waiting& left) {
  check(!ch.closed() || left.putters + left.getters == 0,
        "nobody waits in vain at a closed channel");
  check(left.joiners == 0 || !ch.drained(), "nobody waits for an end that has come");
  check(left.putters == 0 || ch.full(), "no putter waits beside room");
  check(left.getters == 0 || ch.empty(), "no getter waits beside an item");
  check(what != kind::meeting || left.putters == 0 || left.getters == 0,
        "who can meet does not wait");
}

}  // namespace sluice::explore
