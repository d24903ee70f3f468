// The whole interface of a channel, as a table: each kind of channel, each operation, fibers and
// threads, and everything that answers an operation or ends its wait.
//
// A row of test::operations says how an operation words each verdict, `verdict_of` says which verdict an
// event brings, `makes_sense` which of the combinations exist. Each cell checks the answer, who owns
// every item afterwards, and that nobody is left in a line.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <initializer_list>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/items.hpp"
#include "support/operations.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
using test::cause_error;
using test::counted;
using test::form;
using test::number;
using test::operation;
using test::own;
using test::shape;
using test::side;
using test::span;
using test::verdict;

// The items of a cell, in the order in which a channel may give them.
constexpr number there = 1;        // what a getter finds
constexpr number comes_later = 2;  // what it waits for
constexpr number filler = 100;     // and those above: what keeps a putter waiting

// ---- what answers them -----------------------------------------------------------------------

// "It" is what the operation wants: room, or a getter; an item, or a putter; the end.
enum class event {
  it_is_there,
  it_is_there_and_the_time_is_over,
  it_comes,
  nothing_comes,
  was_closed,
  was_closed_full,
  was_closed_with_a_cause,
  was_closed_with_an_item_left,
  was_closed_with_a_cause_and_an_item_left,
  close_comes,
  close_with_a_cause_comes,
  stop_before,
  stop_comes,
  token_before,
  token_comes,
  shutdown_comes,
};
constexpr const char* event_names[] = {"it is there",
                                       "it is there and the time is over",
                                       "it comes",
                                       "nothing comes",
                                       "was closed",
                                       "was closed full",
                                       "was closed with a cause",
                                       "was closed with an item left",
                                       "was closed with a cause and an item left",
                                       "close comes",
                                       "close with a cause comes",
                                       "a stop came before",
                                       "a stop comes",
                                       "a token's stop came before",
                                       "a token's stop comes",
                                       "the shutdown comes"};

enum class strand { thread, fiber };

struct cell {
  const shape& what;
  const operation& op;
  strand on;
  event happens;

  [[nodiscard]] bool is(std::initializer_list<event> any) const {
    return std::find(any.begin(), any.end(), happens) != any.end();
  }
  [[nodiscard]] bool puts() const { return op.what == side::put; }
  /// Does the operation wait until the event?
  [[nodiscard]] bool waits() const {
    return is({event::it_comes, event::close_comes, event::close_with_a_cause_comes,
               event::stop_comes, event::token_comes, event::shutdown_comes});
  }
  [[nodiscard]] bool has_an_item_left() const {
    return is(
        {event::was_closed_with_an_item_left, event::was_closed_with_a_cause_and_an_item_left});
  }
  [[nodiscard]] bool stopped_before() const {
    return is({event::stop_before, event::token_before});
  }
  [[nodiscard]] span time() const {
    if (happens == event::it_is_there_and_the_time_is_over) return 0us;
    return happens == event::nothing_comes ? 200us : span(1h);
  }
};

bool makes_sense(const cell& c) {
  const bool has_lines = !c.puts() || c.what.can_fill();  // can one wait at all?
  if (c.on == strand::thread &&
      c.is({event::stop_before, event::stop_comes, event::shutdown_comes})) {
    return false;  // a thread has a token at most
  }
  if (c.waits() && (c.op.how == form::tries || !has_lines)) return false;
  if (c.happens == event::nothing_comes && (c.op.how == form::waits || !has_lines)) return false;
  if (c.happens == event::it_is_there_and_the_time_is_over && c.op.how != form::timed) return false;
  if (c.happens == event::was_closed_full && !(c.puts() && c.what.is_bounded())) return false;
  if (c.has_an_item_left() && (c.op.what != side::get || c.what.is_rendezvous())) return false;
  if (c.op.what == side::linger) return c.waits() || c.happens == event::nothing_comes;
  if (c.op.what == side::end) {
    if (c.happens == event::it_comes) return !c.what.is_rendezvous();  // it has nothing to drain
    return c.happens != event::it_is_there;                            // the same as was_closed
  }
  return true;
}

verdict verdict_of(const cell& c) {
  switch (c.happens) {
    case event::it_is_there:
    case event::it_is_there_and_the_time_is_over:
    case event::it_comes:
    case event::was_closed_with_an_item_left:
    case event::was_closed_with_a_cause_and_an_item_left:
      return verdict::done;
    case event::nothing_comes:
      return verdict::late;
    case event::was_closed:
    case event::was_closed_full:
    case event::close_comes:
      return verdict::closed;
    case event::was_closed_with_a_cause:
    case event::close_with_a_cause_comes:
      return verdict::cause;
    case event::stop_before:
    case event::token_before:  // what never waits obeys no stop
      return c.op.how == form::tries ? verdict::done : verdict::cancelled;
    case event::stop_comes:
    case event::token_comes:
    case event::shutdown_comes:
      return verdict::cancelled;
  }
  return verdict::done;
}

std::vector<number> expected_items(const cell& c, verdict v) {
  if (c.op.what == side::linger) {
    return v == verdict::done ? std::vector{there, comes_later} : std::vector{there};
  }
  if (c.op.what != side::get || v != verdict::done) return {};
  return {c.happens == event::it_comes ? comes_later : there};
}

bool expected_to_keep(const cell& c, verdict v) {
  if (!c.puts()) return false;
  if (v == verdict::done) return c.op.copies;
  return !(c.op.stores && (v == verdict::closed || v == verdict::cause));
}

// ---- one cell --------------------------------------------------------------------------------

/// Where fibers run; made anew after a shutdown.
using runtimes = std::unique_ptr<sluice::runtime>;

class stage {
 public:
  stage(const cell& c, runtimes& rt) : c_(c), rt_(rt), ch_(c.what.make<counted>()) {}
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;
  ~stage() = default;

  void play() {
    prepare();
    start();
    if (c_.stopped_before()) request_stop();
    begin_ = true;
    if (c_.waits()) {
      test::await([&] { return waiting() == 1; });
      act();
    }
    finish();
    check();
  }

 private:
  [[nodiscard]] std::size_t waiting() const {
    if (c_.puts()) return test::putters_waiting(ch_);
    return c_.op.what == side::end ? test::joiners_waiting(ch_) : test::getters_waiting(ch_);
  }

  void put(number n) {
    in_.push_back(n);
    ch_.put(counted(n));
  }
  void get() { out_.push_back(ch_.get().value()); }
  void close(bool with_cause) {
    CHECK(ch_.close(with_cause ? std::make_exception_ptr(cause_error()) : nullptr));
  }

  void prepare() {
    if (c_.puts()) in_.push_back(own);
    if (c_.has_an_item_left()) put(there);
    if (c_.is({event::it_is_there, event::it_is_there_and_the_time_is_over}) ||
        c_.stopped_before() || c_.op.what == side::linger) {
      bring_it();
    } else if (c_.op.what == side::end && c_.happens == event::it_comes) {
      put(there);
      close(false);
    } else if (c_.puts() && c_.what.is_bounded() &&
               (c_.waits() || c_.is({event::nothing_comes, event::was_closed_full}))) {
      for (std::size_t i = 0; i < c_.what.capacity; ++i) put(filler + number(i));
    }
    if (c_.is({event::was_closed, event::was_closed_full, event::was_closed_with_an_item_left}))
      close(false);
    if (c_.is({event::was_closed_with_a_cause, event::was_closed_with_a_cause_and_an_item_left}))
      close(true);
  }

  /// Sees to it that what the operation wants is there.
  void bring_it() {
    if (c_.op.what == side::end) return close(false);
    if (!c_.what.is_rendezvous()) {
      if (!c_.puts()) put(there);
      return;
    }
    if (c_.puts()) {
      partner_ = std::thread([this] {
        if (auto r = ch_.get_for(1h)) from_partner_.push_back(r->value());
      });
      test::await([&] { return test::getters_waiting(ch_) == 1; });
    } else {
      in_.push_back(there);
      partner_ = std::thread([this] {
        counted item(there);
        if (ch_.put_for(std::move(item), 1h) != sluice::status::ok)
          from_partner_.push_back(item.value());
      });
      test::await([&] { return test::putters_waiting(ch_) == 1; });
    }
  }

  void start() {
    auto body = [this] {
      sluice::shield([&] { test::await([&] { return begin_.load(); }); });
      const bool has_token = c_.is({event::token_before, event::token_comes});
      report_ = has_token ? sluice::with_stop(source_.get_token(),
                                              [&] { return c_.op.run(ch_, c_.time()); })
                          : c_.op.run(ch_, c_.time());
    };
    if (c_.on == strand::thread) {
      thread_ = std::thread(body);
    } else {
      fiber_ = rt_->go(body);
    }
  }

  void request_stop() {
    if (c_.is({event::token_before, event::token_comes})) {
      CHECK(source_.request_stop());
    } else {
      CHECK(fiber_.request_stop());
    }
  }

  /// Answers the operation that waits.
  void act() {
    switch (c_.happens) {
      case event::it_comes:
        c_.puts() || c_.op.what == side::end ? get() : put(comes_later);
        break;
      case event::close_comes:
        close(false);
        break;
      case event::close_with_a_cause_comes:
        close(true);
        break;
      case event::shutdown_comes:
        rt_.reset();
        break;
      default:
        request_stop();
    }
  }

  /// Waits for the operation's end, and takes what is left from whoever has it.
  void finish() {
    if (thread_.joinable()) thread_.join();
    if (fiber_.valid()) fiber_.join();
    if (!rt_) rt_ = std::make_unique<sluice::runtime>(sluice::runtime_options{.workers = 2});
    test::await([&] { return rt_->stats().fibers == 0; });
    const bool partner_waits =
        c_.stopped_before() && c_.op.how != form::tries && partner_.joinable();
    CHECK(test::getters_waiting(ch_) == (partner_waits && c_.puts() ? 1 : 0));
    CHECK(test::putters_waiting(ch_) == (partner_waits && !c_.puts() ? 1 : 0));
    CHECK(test::joiners_waiting(ch_) == 0);
    check_usable();
    ch_.close();
    if (partner_.joinable()) partner_.join();
    std::vector<number> left;
    while (const auto r = ch_.try_get()) left.push_back(r->value());
    CHECK(std::is_sorted(left.begin(), left.end()));
    out_.insert(out_.end(), left.begin(), left.end());
    CHECK(ch_.drained());
  }

  /// A wait that was given up has left no trace: the next put and get go on.
  void check_usable() {
    if (ch_.closed() || c_.what.is_rendezvous()) return;
    if (ch_.full()) get();
    in_.push_back(2 * own);
    CHECK(ch_.try_put(counted(2 * own)) == sluice::status::ok);
    const auto r = ch_.try_get();
    CHECK(r);
    if (r) out_.push_back(r->value());
  }

  void check() {
    const verdict v = verdict_of(c_);
    const char* const answer = c_.op.words.at(static_cast<std::size_t>(v));
    REQUIRE(answer != test::never);
    CHECK(report_.answer == std::string(answer));
    CHECK(report_.got == expected_items(c_, v));
    CHECK(report_.kept == expected_to_keep(c_, v));
    // Every item is with exactly one owner.
    out_.insert(out_.end(), report_.got.begin(), report_.got.end());
    out_.insert(out_.end(), from_partner_.begin(), from_partner_.end());
    const bool destroyed = c_.op.stores && (v == verdict::closed || v == verdict::cause);
    const bool owns_it = destroyed || (report_.kept && !(c_.op.copies && v == verdict::done));
    if (c_.puts() && owns_it) out_.push_back(own);
    std::sort(in_.begin(), in_.end());
    std::sort(out_.begin(), out_.end());
    CHECK(in_ == out_);
  }

  const cell c_;
  runtimes& rt_;
  const test::tested ch_;
  std::vector<number> in_;
  std::vector<number> out_;
  std::thread partner_;
  std::vector<number> from_partner_;
  std::thread thread_;
  sluice::task<void> fiber_;
  std::stop_source source_;
  std::atomic<bool> begin_{false};
  test::report report_;
};

}  // namespace

TEST_CASE("every operation answers every event on every channel, and each item has one owner") {
  runtimes rt = std::make_unique<sluice::runtime>(sluice::runtime_options{.workers = 2});
  const test::dumper show([&](std::ostream& out) {
    if (rt) rt->dump(out);
  });
  int cells = 0;
  for (const shape& what : test::shapes) {
    for (const operation& op : test::operations) {
      for (const strand on : {strand::thread, strand::fiber}) {
        for (std::size_t i = 0; i < std::size(event_names); ++i) {
          const cell c{what, op, on, static_cast<event>(i)};
          if (!makes_sense(c)) continue;
          const test::situation now(what.name() + " / " + op.name + " / " +
                                    (on == strand::fiber ? "fiber / " : "thread / ") +
                                    event_names[i]);
          stage(c, rt).play();
          CHECK(counted::alive() == 0);
          ++cells;
        }
      }
    }
  }
  CHECK(counted::misuses() == 0);
  MESSAGE(cells << " combinations");
  CHECK(cells >= 600);
}
