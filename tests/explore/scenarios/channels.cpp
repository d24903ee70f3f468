// Channels of each kind under the operations of two and three strands.
//
// A scenario is a table: a channel, how many items it holds at first, and for each strand what it
// does. If all that are left wait, that must be right (rule I4 of core.hpp); then the channel is
// closed, which must end all waits, and what is left is taken out. All that happened must be what a
// queue could have done one operation after the other, and each item must be destroyed once.
#include <array>
#include <deque>

#include "explore.hpp"
#include "scenarios/history.hpp"
#include "scenarios/tables.hpp"

namespace sluice::explore {
namespace {

struct spec {
  kind what;
  unsigned prefilled;
  std::vector<std::vector<action>> strands;
  bool named = false;   ///< then each put looks how full it is
  unsigned owners = 0;  ///< so many strands begin by taking the channel home
};

constexpr const char* name_of(action what) {
  constexpr const char* names[] = {"put",     "get",     "try_put", "try_get",
                                   "put_for", "get_for", "close",   "join"};
  return names[static_cast<int>(what)];
}

// Outside of the schedule's memory, so that noting orders nothing.
history done;
receipts put_numbers;
receipts got_numbers;
/// What each strand is in the middle of.
std::array<action, most_strands> pending;

detail::deadline limit_of(action what) {
  const bool timed = what == action::put_for || what == action::get_for;
  return timed ? detail::deadline_after(std::chrono::milliseconds(1)) : detail::no_deadline;
}

/// As `put` and `put_for` of a handle.
status put_item(detail::channel_core& core, item& one, detail::time_limit until) {
  const detail::channel_kind kind = core.kind();
  if (kind == detail::channel_kind::rendezvous) return core.meet_to_put(&one, until, "put");
  if (detail::put_at_once(core, kind, one)) return status::ok;
  return detail::put_item_slowly(core, one, until, "put");
}

status put(detail::channel_core& core, action what, int number) {
  item one(number);
  const status how = what == action::try_put ? detail::try_put_item(core, one)
                                             : put_item(core, one, limit_of(what));
  check((how == status::ok) == (one.number() == 0), "an item that is not accepted stays");
  if (how == status::ok) put_numbers.note(number);
  return how;
}

status get(detail::channel_core& core, action what, int& number) {
  detail::item_room<item> room;
  const status how = what == action::try_get ? detail::try_get_item(core, room)
                                             : detail::get_item(core, room, limit_of(what), "get");
  if (how != status::ok) return how;
  number = detail::take_from(room).number();
  got_numbers.note(number);
  return how;
}

void perform(const channel<item>& ch, action what, int number) {
  detail::channel_core& core = detail::handle_access::core(ch, name_of(what));
  pending[now().strand] = what;
  operation one{.what = what, .how = status::ok, .number = number, .begin = now(), .end = {}};
  switch (what) {
    case action::put:
    case action::try_put:
    case action::put_for:
      one.how = put(core, what, number);
      break;
    case action::get:
    case action::try_get:
    case action::get_for:
      one.how = get(core, what, one.number);
      break;
    case action::close:
      one.how = ch.close() ? status::ok : status::closed;
      break;
    case action::join:
      one.how = detail::join_channel(core, detail::no_deadline);
      break;
  }
  one.end = now_and_after();
  done.add(one);
}

struct party {
  const channel<item>* ch;
  const std::vector<action>* actions;
  int first_number;
  bool owns;

  static void run(void* of) {
    const auto& self = *static_cast<const party*>(of);
    if (self.owns) move_in(*self.ch);
    int number = self.first_number;
    for (const action what : *self.actions) perform(*self.ch, what, number++);
  }
};

void look_at_rest(const channel<item>& ch, kind what, unsigned count) {
  waiting left;
  for (unsigned i = 1; i <= count; ++i) {
    if (has_ended(i)) continue;
    left.putters += pending[i] == action::put;
    left.getters += pending[i] == action::get;
    left.joiners += pending[i] == action::join;
  }
  check_rest(ch, what, left);
}

void run_spec(const void* of) {
  const spec& what = *static_cast<const spec*>(of);
  done = {};
  put_numbers = got_numbers = {};
  const channel<item> ch = make(what.what, what.named ? "named" : "");
  int number = 1;
  for (unsigned i = 0; i < what.prefilled; ++i) perform(ch, action::put, number++);

  const auto count = static_cast<unsigned>(what.strands.size());
  std::array<party, most_strands> parties;
  std::array<void*, most_strands> arguments;
  std::array<void (*)(void*), most_strands> entries;
  for (unsigned i = 0; i < count; ++i) {
    parties[i] = {&ch, &what.strands[i], static_cast<int>(10 * i) + 10, i < what.owners};
    arguments[i] = &parties[i];
    entries[i] = party::run;
  }
  if (!run_strands(count, entries.data(), arguments.data(), rest::is_looked_at)) {
    look_at_rest(ch, what.what, count);
  }
  perform(ch, action::close, 0);
  if (!wait_for_strands(rest::is_looked_at)) look_at_rest(ch, what.what, count);
  while (!ch.drained()) perform(ch, action::try_get, 0);
  wait_for_strands(rest::is_an_error);
  check(put_numbers.set() == got_numbers.set(), "what was accepted came out");
  if (what.what == kind::meeting) return;
  check(done.is_that_of_a_queue(capacity_of(what.what)),
        "a queue could have done that, one operation after the other");
}

// ---- one behind a portion ------------------------------------------------------------------------

/// What it does for a node is called in steps: whoever has claimed a place (S1, G1) has found nobody
/// who waits (S3, G3), and then does S2 or G2, or is seen late to have done it.
struct channel_in_steps final : detail::bounded<item> {
  channel_in_steps() : bounded(3, "") {}
  using bounded::finish;

  void claim_one(detail::wait_node& node, detail::job todo, void* place_of_item) {
    const bool puts = (node.todo = todo) == detail::job::put;
    node.item = place_of_item;
    check((puts ? claim_for_put(node) : claim_for_get(node)) == detail::claim::ok, "it is there");
  }
};

/// R5. Its settle serves the two before it, and then has enough.
void a_getter_behind_a_portion() {
  got_numbers = {};
  channel_in_steps ch;
  item items[] = {item(1), item(2), item(3)};
  detail::wait_node claimed[3];
  for (int i = 0; i < 3; ++i) ch.claim_one(claimed[i], detail::job::put, &items[i]);
  const auto get = [&] {
    detail::item_room<item> room;
    if (ch.wait_to_get(room.place(), detail::no_deadline, "get") != status::ok) return;
    got_numbers.note(detail::take_from(room).number());
  };
  const auto publish = [&] {
    for (detail::wait_node& one : claimed) ch.finish(one);
  };
  strands(get, get, publish, get);
  check(got_numbers.count() == 3, "each item comes out");
}

void a_putter_behind_a_portion() {
  got_numbers = {};
  channel_in_steps ch;
  for (int i = 1; i <= 3; ++i) {
    item one(i);
    check(ch.try_put(one) == detail::claim::ok, "there is room");
  }
  detail::item_room<item> rooms[3];
  detail::wait_node claimed[3];
  for (int i = 0; i < 3; ++i) ch.claim_one(claimed[i], detail::job::get, rooms[i].place());
  const auto put = [&](int number) {
    item one(number);
    check(ch.wait_to_put(&one, detail::no_deadline, "put") == status::ok, "there is room");
  };
  const auto release = [&] {
    for (detail::wait_node& one : claimed) ch.finish(one);
  };
  strands([&] { put(4); }, [&] { put(5); }, release, [&] { put(6); });
  for (detail::item_room<item>& room : rooms) got_numbers.note(detail::take_from(room).number());
  detail::item_room<item> room;
  while (ch.try_get(room.place()) == detail::claim::ok) {
    got_numbers.note(detail::take_from(room).number());
  }
  check(got_numbers.count() == 6, "each item comes out");
}

// ---- the tables ---------------------------------------------------------------------------------

constexpr action put_ = action::put, get_ = action::get, try_put = action::try_put,
                 try_get = action::try_get, put_for = action::put_for, get_for = action::get_for,
                 close_ = action::close, join_ = action::join;

/// They live as long as the program: scenarios point to them.
std::deque<spec>& specs() {
  static std::deque<spec> all;
  return all;
}

void add(scenarios& to, spec what) {
  std::string name = std::string(what.named ? "named channel, " : "channel, ") + name_of(what.what);
  if (what.owners != 0) name.append(", at home with ").append(std::to_string(what.owners));
  if (what.prefilled != 0) name.append(", ").append(std::to_string(what.prefilled)) += " inside";
  const char* between = ": ";
  for (const auto& actions : what.strands) {
    name += std::exchange(between, " | ");
    for (std::size_t i = 0; i < actions.size(); ++i) {
      if (i != 0) name += ' ';
      name += name_of(actions[i]);
    }
  }
  specs().push_back(std::move(what));
  to.push_back({std::move(name), run_spec, &specs().back()});
}

void add_pairs(scenarios& to, kind what, unsigned prefilled) {
  constexpr action all[] = {put_, get_, try_put, try_get, put_for, get_for, close_, join_};
  for (const action a : all) {
    for (const action b : all) {
      if (a <= b) add(to, {what, prefilled, {{a}, {b}}});
    }
  }
}

/// Where several wait, or one passes what another needs.
void add_threes(scenarios& to, kind what) {
  add(to, {what, 0, {{put_}, {put_}, {get_}}});
  add(to, {what, 0, {{put_}, {get_}, {get_}}});
  add(to, {what, 0, {{put_, put_}, {get_, get_}}});
  add(to, {what, 0, {{put_}, {put_}, {close_}}});
  add(to, {what, 0, {{get_}, {get_}, {close_}}});
  add(to, {what, 0, {{get_}, {get_}, {put_, close_}}});
  add(to, {what, 0, {{get_, get_}, {put_}, {put_}}});
  add(to, {what, 0, {{get_}, {get_for}, {put_}}});
  add(to, {what, 0, {{get_}, {get_for}, {put_, put_}}});
  add(to, {what, 0, {{put_}, {put_for}, {get_}}});
  add(to, {what, 0, {{put_, put_}, {put_for}, {get_, get_}}});
  add(to, {what, 0, {{put_for}, {get_for}, {close_}}});
  add(to, {what, 0, {{put_, close_}, {get_, get_}, {join_}}});
  add(to, {what, 0, {{put_}, {try_get, try_get}, {close_}}});
  add(to, {what, 0, {{put_}, {try_put}, {get_, try_get}}});
  add(to, {what, 0, {{put_}, {get_}, {join_}, {close_}}});
  add(to, {what, 0, {{put_}, {put_}, {get_}, {get_}}});
}

/// More wait than are served at once.
void add_crowds(scenarios& to, kind what) {
  add(to, {what, 0, {{get_}, {get_}, {get_}, {close_}}});
  add(to, {what, 0, {{get_}, {get_}, {get_}, {put_, put_, put_}}});
  add(to, {what, 0, {{get_}, {get_}, {get_for}, {put_, put_, close_}}});
  add(to, {what, 0, {{join_}, {join_}, {join_}, {close_}}});
  add(to, {what, 0, {{put_}, {put_}, {put_}, {get_, get_, get_}}});
  add(to, {what, 0, {{put_}, {put_}, {put_}, {put_}, {close_}}});
}

/// The first strand claims plainly, until a guest comes; or two by turns, and each is a guest.
void add_homes(scenarios& to, kind what) {
  constexpr action all[] = {put_, get_, try_put, try_get, put_for, get_for, close_, join_};
  const unsigned full = what == kind::one ? 1 : 0;
  for (const action a : all) {
    for (const action b : all) {
      add(to, {what, full, {{a}, {b}}, false, 1});
      if (a <= b) add(to, {what, 0, {{a, try_get}, {b, try_put}}, false, 2});
    }
  }
  for (const unsigned owners : {1U, 2U}) {
    add(to, {what, 0, {{put_, put_}, {get_, get_}}, false, owners});
    add(to, {what, 0, {{get_, get_}, {put_, put_}}, false, owners});
    add(to, {what, 0, {{put_, get_}, {put_}, {get_}}, false, owners});
    add(to, {what, 0, {{put_}, {put_}, {get_, get_}}, false, owners});
    add(to, {what, 0, {{get_}, {get_}, {put_, put_}}, false, owners});
    add(to, {what, 0, {{get_, try_get}, {put_, close_}, {join_}}, false, owners});
    add(to, {what, 0, {{put_for}, {get_for}, {close_}}, false, owners});
    // The third claims without the lock, as soon as the second has made the owner leave.
    add(to, {what, 0, {{get_}, {try_get}, {put_}}, false, owners});
    add(to, {what, full, {{put_}, {try_put}, {get_}}, false, owners});
  }
}

/// R5 of one behind a portion: his own place is busy, but not those before it.
void add_one_behind_a_portion(scenarios& to) {
  add(to, {kind::three, 0, {{put_}, {put_, put_}, {get_}, {get_}, {get_}}});
  add(to, {kind::three, 3, {{get_}, {get_, get_}, {put_}, {put_}, {put_}}});
}

/// The count of getters has a bit for nobody.
void add_named(scenarios& to, kind what) {
  add(to, {what, 0, {{put_}, {get_}}, true});
  add(to, {what, 0, {{put_for}, {get_for}}, true});
  add(to, {what, 0, {{put_}, {put_}, {get_, get_}}, true});
  add(to, {what, 0, {{put_, close_}, {get_}, {get_}}, true});
}

}  // namespace

scenarios channel_scenarios() {
  scenarios all;
  for (const kind what : {kind::one, kind::two, kind::no_limit, kind::meeting}) {
    add_threes(all, what);
    add_pairs(all, what, 0);
    add_crowds(all, what);
    add_named(all, what);
    if (what != kind::two) add_homes(all, what);
  }
  for (const kind what : {kind::two, kind::no_limit}) {
    add(all, {what, 2, {{get_, get_}, {join_}, {close_}}});
  }
  add_one_behind_a_portion(all);
  all.push_back({"channel, in steps: a getter behind a portion", call<a_getter_behind_a_portion>});
  all.push_back({"channel, in steps: a putter behind a portion", call<a_putter_behind_a_portion>});
  // What is got at once has an item behind it.
  add(all, {kind::no_limit, 3, {{get_, get_}, {get_}, {join_}, {close_}}});
  add(all, {kind::no_limit, 3, {{get_, get_}, {try_get, get_}, {put_}}});
  add_pairs(all, kind::one, 1);
  add_pairs(all, kind::no_limit, 1);
  return all;
}

}  // namespace sluice::explore
