// What channels.cpp leaves out of its pairs: a select, a stop, the last sender or receiver, and the
// end of the channel, each beside all that it can meet.
//
// A scenario is a table as there, and is asked the same at the end. Where a strand stops, the first
// obeys; where two do, the second obeys the other. Where all strands end by themselves, the channel
// goes: each holds a handle of its own, and whoever ends last deletes it, while the other may be on
// its way out. What it takes along was in the queue, and so was what the last receiver discards:
// both count as got at some moment.
#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "explore.hpp"
#include "scenarios/history.hpp"
#include "scenarios/tables.hpp"
#include "sluice/handles.hpp"
#include "sluice/select.hpp"
#include "sluice/with_stop.hpp"

namespace sluice::explore {
namespace {

using namespace std::chrono_literals;

/// What a strand does. `leave`: it drops its handle.
// clang-format off
enum class deed : std::uint8_t {
  put, get, try_put, try_get, put_for, get_for, select_put, select_get, join, close, last_sender,
  last_receiver, stop, leave
};
// clang-format on
using enum deed;
using deeds = std::vector<deed>;

struct entry {
  const char* name;
  action as;  ///< in the history, which has no stops and no leaves
};
constexpr entry entries[] = {
    {"put", action::put},         {"get", action::get},           {"try_put", action::try_put},
    {"try_get", action::try_get}, {"put_for", action::put_for},   {"get_for", action::get_for},
    {"select_put", action::put},  {"select_get", action::get},    {"join", action::join},
    {"close", action::close},     {"last sender", action::close}, {"last receiver", action::close},
    {"stop", action::join},       {"leave", action::join},
};
constexpr entry entry_of(deed what) { return entries[static_cast<int>(what)]; }
constexpr bool puts(deed what) {
  return what == put || what == try_put || what == put_for || what == select_put;
}
constexpr bool gets(deed what) {
  return what == get || what == try_get || what == get_for || what == select_get;
}

struct spec {
  kind what;
  unsigned prefilled;
  deeds strands;  ///< one for each
  bool goes;
  unsigned stops;        ///< so many obey
  bool at_home = false;  ///< the first strand begins by taking the channel home
};

// Outside of the schedule's memory, so that noting orders nothing.
history done;
receipts put_numbers;
receipts got_numbers;
std::optional<moment> discarded;  ///< by the last receiver, from then on

status put_item(const channel<item>& to, deed what, item& one) {
  if (what == try_put) return to.try_put(std::move(one));
  if (what == put_for) return to.put_for(std::move(one), 1ms);
  if (what == put) return to.put(std::move(one)), status::ok;
  const channel<item> quiet(1);
  check(select(on_put(to, std::move(one)), on_get(quiet)) == 0, "nobody puts into the other");
  return status::ok;
}

result<item> get_item(const channel<item>& from, deed what) {
  if (what == try_get) return from.try_get();
  if (what == get_for) return from.get_for(1ms);
  if (what == get) return result<item>(std::in_place, from.get());
  const channel<item> quiet(1);
  std::optional<result<item>> got;
  const auto take = [&](result<item> one) { got.emplace(std::move(one)); };
  check(select(on_get(from, take), on_get(quiet)) == 0, "nobody puts into the other");
  return std::move(*got);
}

struct party {
  deed what;
  int number;  ///< of what it puts
  std::stop_source* source;
  bool owns;
  std::optional<channel<item>> ch;
  std::optional<sender<item>> tx;
  std::optional<receiver<item>> rx;

  static void run(void* of) {
    party& self = *static_cast<party*>(of);
    if (self.owns) move_in(*self.ch);
    self.perform();
    self.ch.reset();
  }
  static void run_and_obey(void* of) {
    with_stop(static_cast<party*>(of)->source->get_token(), [&] { run(of); });
  }

  status act(operation& noted, item& mine) {
    if (puts(what)) return put_item(*ch, what, mine);
    if (gets(what)) {
      const result<item> got = get_item(*ch, what);
      if (got.has_value()) noted.number = got->number();
      return got.status();
    }
    if (what == close) return ch->close() ? status::ok : status::closed;
    if (what == join) return ch->join(), status::ok;
    if (what == last_receiver) discarded = noted.begin;
    tx.reset();
    rx.reset();
    if (what == stop) source->request_stop();
    return untold;
  }

  void perform() {
    operation noted{entry_of(what).as, untold, number, now(), {}};
    item mine(number);
    try {
      noted.how = act(noted, mine);
    } catch (const channel_closed&) {
      noted.how = status::closed;
    } catch (const cancelled&) {
    }
    const bool is_done = noted.how == status::ok;
    check((puts(what) && is_done) == (mine.number() == 0), "an item that is not accepted stays");
    if (puts(what) && is_done) put_numbers.note(number);
    if (gets(what) && is_done) got_numbers.note(noted.number);
    if (noted.how == untold && noted.what != action::close) return;
    noted.end = now_and_after();
    done.add(noted);
  }
};

void perform(const channel<item>& ch, deed what, int number) {
  party{what, number, nullptr, false, ch, {}, {}}.perform();
}

void look_at_rest(const channel<item>& ch, const spec& of) {
  for (unsigned i = 1; i <= of.stops; ++i) check(has_ended(i), "nobody waits who was stopped");
  waiting left;
  for (unsigned i = 1; i <= of.strands.size(); ++i) {
    const deed what = of.strands[i - 1];
    if (!has_ended(i)) ++(puts(what) ? left.putters : gets(what) ? left.getters : left.joiners);
  }
  check_rest(ch, of.what, left);
}

void check_history(const spec& of) {
  check((got_numbers.set() & ~put_numbers.set()) == 0, "what comes out was accepted");
  operation gone{action::get, status::ok, 0, discarded.value_or(now_and_after()), now_and_after()};
  for (int number = 1; number < 64; ++number) {
    if (!put_numbers.has(number) || got_numbers.has(number)) continue;
    check(of.goes && of.what != kind::meeting, "what was accepted came out");
    gone.number = number;
    done.add(gone);
  }
  if (of.what == kind::meeting) return;
  check(done.is_that_of_a_queue(capacity_of(of.what)),
        "a queue could have done that, one operation after the other");
}

void run_spec(const void* pointer) {
  const spec& of = *static_cast<const spec*>(pointer);
  done = {};
  put_numbers = got_numbers = {};
  discarded.reset();
  std::optional<channel<item>> ch = make(of.what);
  std::array<std::stop_source, 2> sources;
  unsigned stopped = 0;
  for (unsigned i = 1; i <= of.prefilled; ++i) perform(*ch, put, static_cast<int>(i));

  const auto count = static_cast<unsigned>(of.strands.size());
  std::array<party, most_strands> parties{};
  std::array<void*, most_strands> arguments;
  std::array<void (*)(void*), most_strands> entered;
  for (unsigned i = 0; i < count; ++i) {
    party& one = parties[i];
    one.what = of.strands[i];
    one.number = static_cast<int>(10 * i) + 10;
    one.owns = of.at_home && i == 0;
    if (i < of.stops) one.source = &sources[i];
    if (one.what == stop) one.source = &sources[stopped++];
    if (one.what == last_sender) one.tx.emplace(*ch);
    if (one.what == last_receiver) one.rx.emplace(*ch);
    if (one.what != last_sender && one.what != last_receiver && one.what != stop) one.ch = ch;
    arguments[i] = &one;
    entered[i] = i < of.stops ? party::run_and_obey : party::run;
  }
  if (of.goes) {
    ch.reset();
    run_strands(count, entered.data(), arguments.data(), rest::is_an_error);
    return check_history(of);
  }
  if (!run_strands(count, entered.data(), arguments.data(), rest::is_looked_at)) {
    look_at_rest(*ch, of);
  }
  perform(*ch, close, 62);
  if (!wait_for_strands(rest::is_looked_at)) look_at_rest(*ch, of);
  while (!ch->drained()) perform(*ch, try_get, 62);
  wait_for_strands(rest::is_an_error);
  check_history(of);
}

// ---- the tables ---------------------------------------------------------------------------------

constexpr unsigned pair_part = 4;  ///< there are many of them

void add(scenarios& to, kind what, unsigned prefilled, deeds strands, bool goes,
         bool at_home = false) {
  static std::deque<spec> all;  // scenarios point to them
  std::string name = std::string("pairs, ") + name_of(what);
  if (prefilled != 0) name += ", full";
  if (goes) name += ", goes";
  if (at_home) name += ", at home";
  const char* between = ": ";
  for (const deed one : strands) name.append(std::exchange(between, " | ")) += entry_of(one).name;
  const auto stops = static_cast<unsigned>(std::ranges::count(strands, stop));
  all.push_back({what, prefilled, std::move(strands), goes, stops, at_home});
  to.push_back({std::move(name), run_spec, &all.back(), pair_part});
}

/// Full if a putter can wait then, empty if a getter can.
void add_where_they_wait(scenarios& to, kind what, const deeds& strands, bool goes = false) {
  const bool can_be_full = what == kind::one || what == kind::two;
  const bool full = can_be_full && std::ranges::any_of(strands, puts);
  if (full) add(to, what, capacity_of(what), strands, goes);
  if (!full || std::ranges::any_of(strands, gets)) add(to, what, 0, strands, goes);
}

void add_selects(scenarios& to, kind what) {
  for (const deed one : {select_put, select_get}) {
    for (const deed other :
         {put, get, try_put, try_get, put_for, get_for, join, select_put, select_get}) {
      if (other < select_put || one <= other) add_where_they_wait(to, what, {one, other});
    }
  }
}

/// Whoever closes ends all waits.
void add_ends(scenarios& to, kind what) {
  for (const deed end : {close, last_sender, last_receiver}) {
    for (const deed one :
         {put, get, try_put, try_get, put_for, get_for, select_put, select_get, join}) {
      add_where_they_wait(to, what, {one, end}, true);
    }
    for (const deed other : {close, last_sender, last_receiver, leave}) {
      if (end <= other) add(to, what, 0, {end, other}, true);
    }
  }
  for (const deed one : {try_put, try_get, put_for, get_for}) {
    add_where_they_wait(to, what, {one, leave}, true);
  }
  for (const deed one : {put, select_put}) {
    for (const deed other : {get, select_get}) add_where_they_wait(to, what, {one, other}, true);
  }
  add_where_they_wait(to, what, {put_for, get_for}, true);
}

/// Of the first, which waits if nobody comes.
void add_stops(scenarios& to, kind what) {
  for (const deed one : {put, get, select_put, select_get, put_for, get_for, join}) {
    if (puts(one) && one != put && what == kind::no_limit) continue;  // they do not wait
    const bool full = puts(one) && (what == kind::one || what == kind::two);
    const unsigned prefilled = full ? capacity_of(what) : 0;
    for (const deed other :
         {put, get, try_put, try_get, put_for, get_for, select_put, select_get, join}) {
      add(to, what, prefilled, {one, stop, other}, false);
    }
    for (const deed end : {close, last_sender, last_receiver, leave}) {
      add(to, what, prefilled, {one, stop, end}, true);
    }
    add(to, what, prefilled, {one, one, stop, stop}, true);
    // Whoever stands behind it has its turn.
    if (puts(one)) add(to, what, prefilled, {one, stop, put, get}, false);
    if (gets(one)) add(to, what, prefilled, {one, stop, get, put}, false);
  }
}

/// The first strand is the owner, until the second comes.
void add_homes(scenarios& to, kind what) {
  for (const deed one : {select_put, select_get, put, get}) {
    const bool full = puts(one) && what == kind::one;
    for (const deed other : {put, get, select_put, select_get, close}) {
      if (one < select_put && (other < select_put || other == close)) continue;
      add(to, what, full ? 1 : 0, {one, other}, false, true);
    }
    if (puts(one) && what == kind::no_limit) continue;  // they do not wait
    add(to, what, full ? 1 : 0, {one, stop, puts(one) ? get : put}, false, true);
  }
}

}  // namespace

scenarios pair_scenarios() {
  scenarios all;
  for (const kind what : {kind::one, kind::two, kind::no_limit, kind::meeting}) {
    add_selects(all, what);
    add_ends(all, what);
    add_stops(all, what);
    if (what != kind::two) add_homes(all, what);
  }
  return all;
}

}  // namespace sluice::explore
