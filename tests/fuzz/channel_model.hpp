// What channels are to do, one operation after the other: the reference of channel_fuzz.
//
// A channel is a deque, two lines of waiters and one of those who join. Whoever brings an item or
// makes room serves the lines at once, the one that came first first. Written from the contract in
// channel.hpp and select.hpp; it knows nothing of how the library does it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>
#include <string>
#include <vector>

namespace fuzz {

using number = long;

enum class what : unsigned char {
  put,
  put_copy,
  try_put,
  try_put_copy,
  put_for,
  put_until,
  put_batch,
  put_batch_copy,
  get,
  shift,
  try_get,
  get_for,
  get_until,
  get_batch,
  get_batch_linger,
  try_get_batch,
  iterate,
  join,
  join_for,
  close,
  close_cause,
  select,
  selector,
};

enum class family : unsigned char {
  put,
  put_many,
  get,
  get_many,
  iterate,
  join,
  close,
  select,
};

/// What an operation does that cannot be done at once.
enum class patience : unsigned char {
  none,           ///< says so
  over,           ///< waits for a time that is over
  endless,        ///< waits
  first_endless,  ///< waits for the first item, then for a time that is over
};

struct fact {
  what kind;
  family of;
  patience waits;
  bool copies = false;
};
inline constexpr fact facts[] = {
    {what::put, family::put, patience::endless},
    {what::put_copy, family::put, patience::endless, true},
    {what::try_put, family::put, patience::none},
    {what::try_put_copy, family::put, patience::none, true},
    {what::put_for, family::put, patience::over},
    {what::put_until, family::put, patience::over},
    {what::put_batch, family::put_many, patience::endless},
    {what::put_batch_copy, family::put_many, patience::endless, true},
    {what::get, family::get, patience::endless},
    {what::shift, family::get, patience::endless},
    {what::try_get, family::get, patience::none},
    {what::get_for, family::get, patience::over},
    {what::get_until, family::get, patience::over},
    {what::get_batch, family::get_many, patience::endless},
    {what::get_batch_linger, family::get_many, patience::first_endless},
    {what::try_get_batch, family::get_many, patience::none},
    {what::iterate, family::iterate, patience::endless},
    {what::join, family::join, patience::endless},
    {what::join_for, family::join, patience::over},
    {what::close, family::close, patience::none},
    {what::close_cause, family::close, patience::none},
    {what::select, family::select, patience::endless},
    {what::selector, family::select, patience::endless},
};
inline constexpr std::size_t kinds_of_operations = std::size(facts);

consteval bool facts_are_in_order() {
  for (std::size_t i = 0; i < kinds_of_operations; ++i) {
    if (static_cast<std::size_t>(facts[i].kind) != i) return false;
  }
  return true;
}
static_assert(facts_are_in_order());

enum class way : unsigned char { put, get, get_result };

/// A get or put case of a select.
struct one_case {
  way which;
  std::size_t channel;
  number item;
};

enum class last_case : unsigned char { none, otherwise, timeout };

struct operation {
  what kind;
  std::size_t channel = 0;
  /// Items of a batch, or of an iteration; what a cause says.
  std::size_t count = 1;
  /// The first of the items to put; the others follow.
  number first = 0;
  /// So many copies succeed.
  std::size_t fuse = static_cast<std::size_t>(-1);
  std::vector<one_case> cases = {};
  last_case last = last_case::none;
  bool in_order = false;

  [[nodiscard]] family of() const { return facts[static_cast<std::size_t>(kind)].of; }
  [[nodiscard]] bool copies() const { return facts[static_cast<std::size_t>(kind)].copies; }
  [[nodiscard]] patience waits() const {
    if (last == last_case::otherwise) return patience::none;
    if (last == last_case::timeout) return patience::over;
    return facts[static_cast<std::size_t>(kind)].waits;
  }
  [[nodiscard]] bool selects() const { return of() == family::select; }
  [[nodiscard]] bool puts_many() const { return of() == family::put_many; }
  /// Several waits in a row, so that others may come between.
  [[nodiscard]] bool has_steps() const {
    const bool many = puts_many() || of() == family::get_many || of() == family::iterate;
    return many && waits() == patience::endless;
  }
  [[nodiscard]] bool touches(std::size_t one) const {
    if (!selects()) return channel == one;
    return std::ranges::any_of(cases, [=](const one_case& c) { return c.channel == one; });
  }
};

enum class word : unsigned char {
  done,
  empty,
  full,
  closed,
  timed_out,
  cancelled,
  cause,
  copy_failed,
  chosen,
  all_closed,
};

struct answer {
  word how = word::done;
  number value = 0;
  std::vector<number> items = {};
  bool operator==(const answer&) const = default;
};

inline std::string to_text(const answer& one) {
  static const char* const words[] = {"done",      "empty", "full",        "closed", "timed out",
                                      "cancelled", "cause", "copy failed", "chosen", "all closed"};
  std::string text = words[static_cast<std::size_t>(one.how)];
  text += ' ';
  text += std::to_string(one.value);
  text += " [";
  for (const number item : one.items) {
    text += ' ';
    text += std::to_string(item);
  }
  text += " ]";
  return text;
}

/// An operation that a fiber has begun.
struct pending {
  operation op;
  /// How it ends; known from `ended` on.
  answer expected = {};
  bool ended = false;
  /// Of several steps: what is done. `again`: it was served, and goes on when it runs.
  std::size_t progress = 0;
  std::vector<number> got = {};
  bool again = false;
  /// Cases that may still happen.
  std::size_t in_play = 0;
};

class model {
 public:
  static constexpr std::size_t no_limit = static_cast<std::size_t>(-1);

  struct place {
    pending* who;
    std::size_t position;
    way which;
    number item;
  };
  struct channel {
    std::size_t capacity;
    std::deque<number> items = {};
    bool closed = false;
    number cause = 0;
    std::deque<place> putters = {}, getters = {};
    std::deque<pending*> joiners = {};

    [[nodiscard]] bool meets() const { return capacity == 0; }
    [[nodiscard]] bool drained() const { return closed && items.empty(); }
    [[nodiscard]] bool has_room() const { return !closed && items.size() < capacity; }
  };

  std::vector<channel> channels;

  // ---- what never waits ------------------------------------------------------------------------

  enum class found : unsigned char { ok, none, closed };

  found put(std::size_t to, number item) {
    channel& ch = channels[to];
    if (ch.closed) return found::closed;
    if (ch.meets()) {
      if (ch.getters.empty()) return found::none;
      serve_getter(ch.getters.front(), item);
      return found::ok;
    }
    if (!ch.has_room()) return found::none;
    ch.items.push_back(item);
    settle(ch);
    return found::ok;
  }

  found get(std::size_t from, number& item) {
    channel& ch = channels[from];
    if (ch.meets() && !ch.closed && !ch.putters.empty()) {
      item = serve_putter(ch.putters.front());
      return found::ok;
    }
    if (!ch.items.empty()) {
      item = ch.items.front();
      ch.items.pop_front();
      settle(ch);
      return found::ok;
    }
    return ch.closed ? found::closed : found::none;
  }

  bool close(std::size_t which, number cause) {
    channel& ch = channels[which];
    if (ch.closed) return false;
    ch.closed = true;
    ch.cause = cause;
    settle(ch);
    return true;
  }

  /// The last receiver has gone.
  void discard(std::size_t which) {
    channels[which].items.clear();
    settle(channels[which]);
  }

  [[nodiscard]] answer end_of(std::size_t which) const {
    const number cause = channels[which].cause;
    return cause != 0 ? answer{word::cause, cause, {}} : answer{word::closed, 0, {}};
  }

  // ---- select ----------------------------------------------------------------------------------

  enum class state : unsigned char { ready, not_ready, out_of_play };

  [[nodiscard]] state look(const one_case& one) const {
    const channel& ch = channels[one.channel];
    if (one.which == way::put) {
      const bool ready = ch.closed || (ch.meets() ? !ch.getters.empty() : ch.has_room());
      return ready ? state::ready : state::not_ready;
    }
    if (!ch.items.empty() || (ch.meets() && !ch.closed && !ch.putters.empty())) return state::ready;
    if (!ch.closed) return state::not_ready;
    return one.which == way::get && ch.cause == 0 ? state::out_of_play : state::ready;
  }

  /// What the select says that does this case, which is ready.
  answer choose(const one_case& one, std::size_t position) {
    const auto at = static_cast<number>(position);
    if (one.which == way::put) {
      const bool ok = put(one.channel, one.item) == found::ok;
      return ok ? answer{word::chosen, at, {}} : answer{word::closed, 0, {}};
    }
    number item = 0;
    if (get(one.channel, item) == found::ok) return {word::chosen, at, {item}};
    return one.which == way::get ? end_of(one.channel) : answer{word::chosen, at, {}};
  }

  // ---- waiting ---------------------------------------------------------------------------------

  void wait_to_put(pending& who, number item) {
    channels[who.op.channel].putters.push_back({&who, 0, way::put, item});
  }
  void wait_to_get(pending& who) {
    channels[who.op.channel].getters.push_back({&who, 0, way::get, 0});
  }
  void wait_to_join(pending& who) { channels[who.op.channel].joiners.push_back(&who); }
  void wait_for_one(pending& who) {
    for (std::size_t i = 0; i < who.op.cases.size(); ++i) {
      const one_case& one = who.op.cases[i];
      if (look(one) == state::out_of_play) continue;
      ++who.in_play;
      channel& ch = channels[one.channel];
      (one.which == way::put ? ch.putters : ch.getters).push_back({&who, i, one.which, one.item});
    }
  }

  void end(pending& who, answer how) {
    leave(who);
    who.expected = std::move(how);
    who.ended = true;
    who.again = false;
  }

  /// Its stop was requested while it waits, or was served and has not gone on: then a batch of gets
  /// keeps what it finds without waiting, an iteration that is over is over.
  void stop(pending& who) {
    const bool iterates = who.op.kind == what::iterate;
    if (who.again && (iterates ? who.got.size() == who.op.count : !who.op.puts_many())) return;
    if (who.op.puts_many() && who.progress > 0) {
      end(who, {word::done, static_cast<number>(who.progress), {}});
    } else {
      end(who, {word::cancelled, 0, who.got});
    }
  }

  /// The next steps of an operation that has some, until it ends or must wait.
  void go_on(pending& who) {
    who.again = false;
    who.op.puts_many() ? go_on_putting(who) : go_on_getting(who);
  }

 private:
  void go_on_putting(pending& who) {
    for (; who.progress < who.op.count; ++who.progress) {
      const number item = who.op.first + static_cast<number>(who.progress);
      const found how = put(who.op.channel, item);
      if (how == found::none) return wait_to_put(who, item);
      if (how == found::closed) break;
    }
    end(who, {word::done, static_cast<number>(who.progress), {}});
  }

  void go_on_getting(pending& who) {
    const bool batch = who.op.kind == what::get_batch;
    while (who.got.size() < who.op.count) {
      number item = 0;
      const found how = get(who.op.channel, item);
      if (how == found::ok) {
        who.got.push_back(item);
        continue;
      }
      if (batch && !who.got.empty()) break;
      if (how == found::none) return wait_to_get(who);
      return end(who, end_of_several(who));
    }
    end(who, {word::done, 0, who.got});
  }

  /// A batch ends plainly, an iteration too; both throw a cause.
  [[nodiscard]] answer end_of_several(const pending& who) const {
    const number cause = channels[who.op.channel].cause;
    return {cause != 0 ? word::cause : word::done, cause, who.got};
  }

  void leave(const pending& who) {
    for (channel& ch : channels) {
      const auto is_who = [&](const place& one) { return one.who == &who; };
      std::erase_if(ch.putters, is_who);
      std::erase_if(ch.getters, is_who);
      std::erase(ch.joiners, &who);
    }
  }

  /// By value: the lines change.
  number serve_putter(place one) {
    pending& who = *one.who;
    if (who.op.puts_many()) {
      leave(who);
      ++who.progress;
      who.again = true;
    } else if (who.op.selects()) {
      end(who, {word::chosen, static_cast<number>(one.position), {}});
    } else {
      end(who, {word::done, 0, {}});
    }
    return one.item;
  }

  void serve_getter(place one, number item) {
    pending& who = *one.who;
    if (who.op.has_steps()) {
      leave(who);
      who.got.push_back(item);
      who.again = true;
    } else if (who.op.selects()) {
      end(who, {word::chosen, static_cast<number>(one.position), {item}});
    } else {
      end(who, {word::done, 0, {item}});
    }
  }

  void refuse_getter(channel& ch) {
    const place one = ch.getters.front();
    pending& who = *one.who;
    const auto which = static_cast<std::size_t>(&ch - channels.data());
    if (who.op.has_steps()) return end(who, end_of_several(who));
    if (!who.op.selects()) return end(who, end_of(which));
    if (one.which == way::get_result) {
      return end(who, {word::chosen, static_cast<number>(one.position), {}});
    }
    if (ch.cause != 0) return end(who, end_of(which));
    ch.getters.pop_front();
    if (--who.in_play == 0) end(who, {word::all_closed, 0, {}});
  }

  void settle(channel& ch) {
    while (ch.closed && !ch.putters.empty()) {
      pending& who = *ch.putters.front().who;
      const bool some = who.op.puts_many();
      end(who,
          {some ? word::done : word::closed, some ? static_cast<number>(who.progress) : 0, {}});
    }
    for (bool progress = !ch.meets(); progress;) {
      progress = false;
      if (ch.has_room() && !ch.putters.empty()) {
        ch.items.push_back(serve_putter(ch.putters.front()));
        progress = true;
      }
      if (!ch.items.empty() && !ch.getters.empty()) {
        const number item = ch.items.front();
        ch.items.pop_front();
        serve_getter(ch.getters.front(), item);
        progress = true;
      }
    }
    while (ch.drained() && !ch.getters.empty()) refuse_getter(ch);
    while (ch.drained() && !ch.joiners.empty()) end(*ch.joiners.front(), {word::done, 0, {}});
  }
};

}  // namespace fuzz
