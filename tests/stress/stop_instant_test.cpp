// A stop at the very instant of an item, of room, of a close or of a deadline: each round has one
// clear end, and no item is lost or doubled.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../support/items.hpp"
#include "../support/rest.hpp"
#include "../support/shapes.hpp"
#include "../support/watch.hpp"
#include "sluice/sluice.hpp"

namespace {

using namespace std::chrono_literals;

constexpr int rounds = 2'000 / test::slowness;

/// A thread that does one thing in each round, at the same time as others do theirs.
class racer {
 public:
  template <class Act>
  explicit racer(Act act) : thread_([this, act] { run(act); }) {}
  racer(const racer&) = delete;
  racer& operator=(const racer&) = delete;
  ~racer() {
    over_ = true;
    ++begun_;
    thread_.join();
  }

  void start() { ++begun_; }
  void finish() {
    while (done_ != begun_) std::this_thread::yield();
  }

 private:
  template <class Act>
  void run(Act act) {
    for (int seen = 0;; done_ = seen) {
      while (begun_ == seen) std::this_thread::yield();
      seen = begun_;
      if (over_) return;
      act();
    }
  }

  std::atomic<int> begun_{0};
  std::atomic<int> done_{0};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

using item = std::unique_ptr<int>;

}  // namespace

TEST_CASE("a getter that is stopped while its item comes has it, or leaves it in the channel") {
  sluice::runtime rt{{.workers = 2}};
  for (const test::shape& shape : test::shapes) {
    const test::situation now(shape.name());
    const auto ch = shape.make<item>();
    sluice::task<item> getter;
    int number = 0;
    bool put = false;
    racer putter([&] { put = ch.try_put(std::make_unique<int>(number)) == sluice::status::ok; });
    racer stopper([&] { getter.request_stop(); });
    for (number = 0; number < rounds; ++number) {
      test::progress();
      getter = number % 2 == 0 ? rt.go([&] { return ch.get(); })
                               : rt.go([&] { return ch.get_for(1h).value(); });
      putter.start();
      stopper.start();
      putter.finish();
      stopper.finish();
      bool got = false;
      try {
        const item taken = getter.join();
        got = true;
        CHECK((taken != nullptr && *taken == number));
      } catch (const sluice::cancelled&) {
      }
      test::check_nobody_waits(ch);
      auto left = ch.try_get();
      CHECK((static_cast<bool>(left) ? 1 : 0) == (put && !got ? 1 : 0));
      if (left) CHECK(**left == number);
      test::check_at_rest(ch);
    }
  }
}

TEST_CASE("a putter that is stopped while room comes has put its item, or still has it") {
  sluice::runtime rt{{.workers = 2}};
  for (const test::shape& shape : test::shapes) {
    if (!shape.can_fill()) continue;
    const test::situation now(shape.name());
    const auto ch = shape.make<item>();
    const int room = static_cast<int>(shape.room());
    sluice::task<void> putter;
    std::vector<int> got;
    racer getter([&] {
      if (auto first = ch.try_get()) got.push_back(**first);
    });
    racer stopper([&] { putter.request_stop(); });
    for (int round = 0; round < rounds / 2; ++round) {
      test::progress();
      got.clear();
      for (int i = 0; i < room; ++i) ch.put(std::make_unique<int>(i));
      item mine = std::make_unique<int>(room);
      putter = rt.go([&] { ch.put(std::move(mine)); });
      getter.start();
      stopper.start();
      getter.finish();
      stopper.finish();
      bool accepted = false;
      try {
        putter.join();
        accepted = true;
      } catch (const sluice::cancelled&) {
      }
      CHECK((mine == nullptr) == accepted);
      test::check_nobody_waits(ch);
      while (auto next = ch.try_get()) got.push_back(**next);
      CHECK(static_cast<int>(got.size()) == room + (accepted ? 1 : 0));
      bool in_order = true;
      for (int i = 0; i < static_cast<int>(got.size()); ++i) in_order = in_order && got[i] == i;
      CHECK(in_order);
    }
  }
}

TEST_CASE("a stop, a close and a deadline at one instant end a wait in one way") {
  sluice::runtime rt{{.workers = 2}};
  for (int round = 0; round < rounds; ++round) {
    test::progress();
    const sluice::channel<int> ch{1};
    const auto d = std::chrono::microseconds(round % 60);
    auto task = rt.go([&, d] { return ch.get_for(d).status(); });
    racer closer([&] { ch.close(); });
    closer.start();
    task.request_stop();
    closer.finish();
    try {
      const sluice::status how = task.join();
      CHECK((how == sluice::status::closed || how == sluice::status::timed_out));
    } catch (const sluice::cancelled&) {
    }
    CHECK(ch.drained());
    test::check_at_rest(ch);
  }
}

// ---- select and selector -------------------------------------------------------------------------

namespace {

using sluice::channel;
using test::counted;
using test::number;
using test::shape;

constexpr auto never = std::chrono::microseconds(std::chrono::hours(1));
constexpr number own = 5'000;  ///< the item of a put case
constexpr std::size_t none = std::numeric_limits<std::size_t>::max() - 1;

/// Waits in each round: a fiber that is stopped itself, or a thread within with_stop.
class waiter {
 public:
  explicit waiter(sluice::runtime* fibers) : fibers_(fibers) {
    if (fibers_ == nullptr)
      thread_.emplace([this] { sluice::with_stop(source_.get_token(), body_); });
  }
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;
  ~waiter() = default;

  void start(std::function<void()> body) {
    body_ = std::move(body);
    if (fibers_ != nullptr) {
      task_ = fibers_->go(body_);
      return;
    }
    source_ = std::stop_source();
    thread_->start();
  }
  void stop() { fibers_ != nullptr ? task_.request_stop() : source_.request_stop(); }
  void finish() { fibers_ != nullptr ? task_.join() : thread_->finish(); }

 private:
  sluice::runtime* const fibers_;
  std::function<void()> body_;
  std::stop_source source_;
  sluice::task<void> task_;
  std::optional<racer> thread_;
};

enum class choice : std::uint8_t { get, put, both, both_or_nothing };
enum class outcome : std::uint8_t {
  got,
  ended,  ///< a get case was told so
  put,
  timed_out,
  nothing,  ///< `otherwise`
  all_closed,
  refused,
  cancelled,
};

/// What happens beside a wait.
enum action : unsigned { bring = 1, take = 2, close_in = 4, close_out = 8, stop = 16 };

/// One round: what there is at its begin, what a select waits for, what came of it.
struct scene {
  scene(const shape& kind, test::random& any)
      : in(kind.make<counted>()),
        // An unbounded channel has room at each moment.
        out(kind.is_unbounded() ? channel<counted>(sluice::rendezvous) : kind.make<counted>()),
        what(static_cast<choice>(any() % 4)),
        takes_end(any() % 2 == 0),
        actions(static_cast<unsigned>(any() % 32)),
        limit(any() % 60) {
    if ((actions & stop) != 0 && any() % 2 == 0) limit = never;
    if (in.capacity() != 0 && any() % 4 == 0) in << counted(next_in++);
    if (any() % 4 == 0) return;
    for (std::size_t i = 0; i < out.capacity(); ++i) out << counted(number(i));
  }

  [[nodiscard]] bool gets() const { return what != choice::put; }
  [[nodiscard]] bool puts() const { return what != choice::get; }
  /// Positions of the cases; a put case has the one after the get case's.
  [[nodiscard]] std::size_t put_at() const { return gets() ? 1 : 0; }
  [[nodiscard]] std::size_t last() const { return gets() && puts() ? 2 : 1; }

  auto note(outcome which, std::size_t at) {
    return [this, which, at] { said(which, at); };
  }
  auto note_item() {
    return [this](const counted& one) {
      got.push_back(one.value());
      said(outcome::got, 0);
    };
  }
  auto note_end() {
    return [this](sluice::result<counted> answer) {
      if (answer) got.push_back(answer->value());
      said(answer ? outcome::got : outcome::ended, 0);
    };
  }
  void said(outcome which, std::size_t at) {
    ++calls;
    how = which;
    handler = at;
  }

  /// For the report of a failed check.
  [[nodiscard]] std::string text() const {
    return "choice " + std::to_string(static_cast<int>(what)) + ", takes_end " +
           std::to_string(takes_end) + ", actions " + std::to_string(actions) + ", outcome " +
           std::to_string(static_cast<int>(how));
  }

  const channel<counted> in;
  const channel<counted> out;
  const choice what;
  const bool takes_end;
  const unsigned actions;
  std::chrono::microseconds limit;
  number next_in = 0;

  outcome how = outcome::cancelled;
  std::size_t chosen = none;
  std::size_t handler = none;  ///< the one that was called
  int calls = 0;
  bool early = false;
  std::vector<number> got;
  std::vector<number> taken;
};

template <class Get>
std::size_t select_with(scene& s, counted& mine, Get get) {
  using sluice::on_put;
  using sluice::on_timeout;
  const auto put = [&] { return on_put(s.out, std::move(mine), s.note(outcome::put, s.put_at())); };
  const auto late = [&] { return on_timeout(s.limit, s.note(outcome::timed_out, s.last())); };
  switch (s.what) {
    case choice::get:
      return sluice::select(get(), late());
    case choice::put:
      return sluice::select(put(), late());
    case choice::both:
      return sluice::select(get(), put(), late());
    case choice::both_or_nothing:
      break;
  }
  return sluice::select(get(), put(), sluice::otherwise(s.note(outcome::nothing, 2)));
}

std::size_t by_select(scene& s, counted& mine) {
  if (s.takes_end) {
    return select_with(s, mine, [&] { return sluice::on_get(s.in, s.note_end()); });
  }
  return select_with(s, mine, [&] { return sluice::on_get(s.in, s.note_item()); });
}

sluice::selector selector_for(scene& s) {
  sluice::selector cases;
  if (s.gets() && s.takes_end) cases.on_get(s.in, s.note_end());
  if (s.gets() && !s.takes_end) cases.on_get(s.in, s.note_item());
  if (s.puts()) cases.on_put(s.out, counted(own), s.note(outcome::put, s.put_at()));
  if (s.what == choice::both_or_nothing) {
    cases.otherwise(s.note(outcome::nothing, 2));
  } else {
    cases.on_timeout(s.limit, s.note(outcome::timed_out, s.last()));
  }
  return cases;
}

/// Calls `wait()` and says what came of it.
template <class Wait>
void wait_in(scene& s, Wait wait) {
  const auto began = std::chrono::steady_clock::now();
  try {
    const std::size_t chosen = wait();
    if (chosen == sluice::all_closed) {
      s.how = outcome::all_closed;
    } else {
      s.chosen = chosen;
    }
  } catch (const sluice::channel_closed&) {
    s.how = outcome::refused;
  } catch (const sluice::cancelled&) {
    s.how = outcome::cancelled;
  }
  s.early = s.how == outcome::timed_out && std::chrono::steady_clock::now() < began + s.limit;
}

/// Of the actions of a round those that are in `which`.
void act(scene& s, unsigned which, waiter& who) {
  if ((which & bring) != 0 && s.in.try_put(counted(s.next_in)) == sluice::status::ok) ++s.next_in;
  if ((which & take) != 0) {
    if (const auto one = s.out.try_get()) s.taken.push_back(one->value());
  }
  if ((which & close_in) != 0) s.in.close();
  if ((which & close_out) != 0) s.out.close();
  if ((which & stop) != 0) who.stop();
}

/// Is it one of the ways in which such a round can end?
bool is_legal(const scene& s, bool had_item, bool had_room) {
  const bool offered = (s.gets() && had_item) || (s.puts() && had_room);
  const auto happened = [&](action which) { return (s.actions & which) != 0; };
  switch (s.how) {
    case outcome::got:
      return s.gets() && s.got.size() == 1;
    case outcome::ended:  // an item comes before the end
      return s.gets() && s.takes_end && happened(close_in) && s.next_in == 0;
    case outcome::all_closed:
      return s.what == choice::get && !s.takes_end && happened(close_in) && s.next_in == 0;
    case outcome::put:
      return s.puts();
    case outcome::refused:
      return s.puts() && happened(close_out);
    case outcome::timed_out:  // what can be done at once is done
      return s.what != choice::both_or_nothing && s.limit != never && !s.early && !offered;
    case outcome::nothing:
      return s.what == choice::both_or_nothing && !offered;
    case outcome::cancelled:
      return s.what != choice::both_or_nothing && happened(stop);
  }
  return false;
}

void append_rest(const channel<counted>& ch, std::vector<number>& to) {
  while (const auto one = ch.try_get()) to.push_back(one->value());
}

/// Each item is where it belongs, once and in its order: `filled` were in `out` at the begin.
void check_items(scene& s, std::size_t filled) {
  test::check_nobody_waits(s.in);
  test::check_nobody_waits(s.out);
  append_rest(s.in, s.got);
  append_rest(s.out, s.taken);
  std::vector<number> brought;
  for (number i = 0; i < s.next_in; ++i) brought.push_back(i);
  CHECK(s.got == brought);
  std::vector<number> put;
  for (std::size_t i = 0; i < filled; ++i) put.push_back(number(i));
  if (s.how == outcome::put) put.push_back(own);
  CHECK(s.taken == put);
}

/// The selector still has the item that it has not put, and puts it when there is room.
void check_kept(scene& s, sluice::selector& cases) {
  const bool kept = s.puts() && s.how != outcome::put && s.how != outcome::refused;
  CHECK(counted::alive() == (kept ? 1 : 0));
  if (!kept || s.out.closed() || s.out.capacity() == 0) return;
  s.how = outcome::cancelled;
  while (s.how != outcome::put) cases.wait();
  CHECK(s.out.get().value() == own);
  CHECK(counted::alive() == 0);
}

/// Rounds of one kind of channel and strand; two threads act beside the wait.
class instants {
 public:
  instants(const shape& kind, sluice::runtime* fibers)
      : kind_(kind),
        any_(test::random_for("instant " + kind.name())),
        who_(fibers),
        one_([this] { act(*now_, now_->actions & of_one_, who_); }),
        other_([this] { act(*now_, now_->actions & ~of_one_, who_); }) {}

  void select_once() {
    now_.emplace(kind_, any_);
    counted mine(own);
    run([&] { return by_select(*now_, mine); });
    CHECK((mine.value() == own) == (now_->how != outcome::put));
  }
  void wait_once_by_selector() {
    now_.emplace(kind_, any_);
    sluice::selector cases = selector_for(*now_);
    run([&] { return cases.wait(); });
    check_kept(*now_, cases);
  }

 private:
  template <class Wait>
  void run(Wait wait) {
    of_one_ = static_cast<unsigned>(any_() % 32);
    const bool had_item = !now_->in.empty();
    const std::size_t filled = now_->out.size();
    const bool had_room = filled < now_->out.capacity();
    who_.start([&] { wait_in(*now_, wait); });
    one_.start();
    other_.start();
    one_.finish();
    other_.finish();
    who_.finish();
    CHECK(now_->calls == (now_->chosen == none ? 0 : 1));
    CHECK(now_->chosen == now_->handler);
    CHECK_MESSAGE(is_legal(*now_, had_item, had_room), now_->text());
    check_items(*now_, filled);
  }

  const shape& kind_;
  test::random any_;
  std::optional<scene> now_;
  unsigned of_one_ = 0;
  waiter who_;
  racer one_;
  racer other_;
};

template <class Round>
void check_instants(Round round) {
  sluice::runtime rt{{.workers = 2}};
  for (sluice::runtime* fibers : {&rt, static_cast<sluice::runtime*>(nullptr)}) {
    const test::situation where(fibers != nullptr ? "fibers" : "threads");
    for (const shape& kind : test::shapes) {
      if (kind.capacity == 64 || kind.capacity == 1000) continue;
      const test::situation now(kind.name());
      {
        instants all(kind, fibers);
        for (int i = 0; i < rounds; ++i) {
          test::progress();
          round(all);
        }
      }
      CHECK(counted::alive() == 0);
    }
  }
  CHECK(counted::misuses() == 0);
}

}  // namespace

TEST_CASE(
    "a select that is stopped, closed, served and late at one instant does one case or none") {
  check_instants([](instants& all) { all.select_once(); });
}

TEST_CASE("so does a selector, which still has the item of a put that was not chosen") {
  check_instants([](instants& all) { all.wait_once_by_selector(); });
}

TEST_CASE("of two selects that meet while they are stopped both have done it, or neither") {
  sluice::runtime rt{{.workers = 2}};
  for (const bool threads : {false, true}) {
    for (const shape& kind : test::shapes) {
      const test::situation now(kind.name());
      test::random any = test::random_for("meeting " + kind.name());
      waiter putter(&rt);
      waiter getter(threads ? nullptr : &rt);
      racer one([&] { putter.stop(); });
      racer other([&] { getter.stop(); });
      for (int round = 0; round < rounds; ++round) {
        test::progress();
        const auto ch = kind.make<item>();
        const channel<item> idle(sluice::rendezvous);
        item mine = std::make_unique<int>(round);
        bool put = false;
        item got;
        const auto wait = [&](auto choose) {
          return [=] {
            try {
              choose();
            } catch (const sluice::cancelled&) {
            }
          };
        };
        putter.start(wait([&] {
          put = sluice::select(sluice::on_get(idle), sluice::on_put(ch, std::move(mine))) == 1;
        }));
        getter.start(wait([&] {
          sluice::selector cases;
          cases.on_put(idle, nullptr);
          cases.on_get(ch, [&](item came) { got = std::move(came); });
          cases.wait();
        }));
        for (auto turns = any() % 20; turns > 0; --turns) std::this_thread::yield();
        one.start();
        other.start();
        one.finish();
        other.finish();
        putter.finish();
        getter.finish();
        test::check_nobody_waits(ch);
        test::check_at_rest(idle);
        CHECK(put == (mine == nullptr));
        if (!got) {
          if (auto left = ch.try_get()) got = *std::move(left);
        }
        CHECK(put == (got != nullptr));
        test::check_at_rest(ch);
      }
    }
  }
}
