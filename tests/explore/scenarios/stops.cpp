// Stops of with_stop, on strands that are plain threads.
#include <stop_token>

#include "explore.hpp"
#include "sluice/channel.hpp"
#include "sluice/with_stop.hpp"

namespace sluice::explore {
namespace {

/// Runs what obeys the token: true if it came to its end.
template <class F>
bool ends(const std::stop_token& token, F&& f) {
  try {
    with_stop(token, f);
    return true;
  } catch (const cancelled&) {
    return false;
  }
}

template <bool meeting>
void stop_a_get() {
  const channel<item> ch = meeting ? channel<item>(rendezvous) : channel<item>(1);
  std::stop_source source;
  bool got = false;
  strands([&, token = source.get_token()] { got = ends(token, [&] { ch.get(); }); },
          [&] { source.request_stop(); });
  check(!got, "a stop ends a wait");
}

/// Whoever meets a getter and whoever stops it: one of them ends that wait, and nobody the next.
void stop_a_get_or_meet_it() {
  const channel<item> ch(rendezvous);
  const channel<item> next(rendezvous);
  std::stop_source source;
  int got = 0;
  strands(
      [&, token = source.get_token()] {
        if (!ends(token, [&] { got += ch.get().number(); })) got += ch.get().number();
        got += next.get().number();
      },
      [&] { source.request_stop(); },
      [&] {
        ch.put(item(1));
        next.put(item(2));
      });
  check(got == 1 + 2, "a stop or an item ends a wait");
}

void stop_a_get_or_serve_it() {
  const channel<item> ch(1);
  std::stop_source source;
  bool got = false;
  strands([&, token = source.get_token()] { got = ends(token, [&] { ch.get(); }); },
          [&] { source.request_stop(); }, [&] { ch.put(item(1)); });
  check(ch.size() == (got ? 0U : 1U), "an item is not lost to a stop");
}

void stop_two_of_one_source() {
  const channel<item> ch(1);
  std::stop_source source;
  bool got[2] = {};
  const auto get = [&](int which) { got[which] = ends(source.get_token(), [&] { ch.get(); }); };
  strands([&] { get(0); }, [&] { get(1); }, [&] { source.request_stop(); });
  check(!got[0] && !got[1], "a stop ends all waits that obey it");
}

}  // namespace

scenarios stop_scenarios() {
  return {
      {"stops: a get, capacity 1", call<stop_a_get<false>>},
      {"stops: a get, rendezvous", call<stop_a_get<true>>},
      {"stops: a get that may be served", call<stop_a_get_or_serve_it>},
      {"stops: a get that may be met", call<stop_a_get_or_meet_it>},
      {"stops: two gets, one source", call<stop_two_of_one_source>},
  };
}

}  // namespace sluice::explore
