// Short histories of a few strands, each held against the sequential specification.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <sstream>
#include <stop_token>
#include <string>
#include <vector>

#include "../support/exact_history.hpp"
#include "../support/history.hpp"
#include "../support/rest.hpp"
#include "../support/shapes.hpp"
#include "../support/strands.hpp"
#include "sluice/sluice.hpp"

namespace {

using sluice::channel;
using sluice::status;
using test::event;
using test::number;
using test::recorder;
using test::shape;
using test::strands;
using kind = event::kind;

constexpr std::size_t crowd_size = 4;
constexpr int operations = 4;
constexpr auto moment = std::chrono::microseconds(20);

/// The operations of one strand, each with a stop of its own.
struct stops {
  std::array<std::stop_source, operations> of;
  std::atomic<int> now{0};  ///< `operations`: all are over
};

/// Not inlined, as in with_stop.hpp.
[[gnu::noinline]] void request(std::stop_source& source) { source.request_stop(); }

/// How many ways there are to put or get: the first end by themselves, others only by a stop.
enum class ways : std::uint64_t { that_end = 3, that_are_stopped = 7 };

status put_by_select(const channel<number>& ch, number value) {
  try {
    const bool put = select(sluice::on_put(ch, value), sluice::on_timeout(moment)) == 0;
    return put ? status::ok : status::timed_out;
  } catch (const sluice::channel_closed&) {
    return status::closed;
  }
}

status put_by_selector(const channel<number>& ch, number value) {
  sluice::selector cases;
  cases.on_put(ch, value);
  try {
    return cases.wait() == 0 ? status::ok : status::timed_out;
  } catch (const sluice::channel_closed&) {
    return status::closed;
  }
}

/// Cut short, it was closed, if it was not stopped; or both.
void put_some(const channel<number>& ch, recorder& seen, test::step began, number value) {
  std::vector<number> items{value, value + 1, value + 2};
  const std::size_t put = ch.put_batch(items);
  std::optional<kind> cut;
  if (put < items.size()) {
    cut = sluice::this_fiber::stop_requested() ? kind::stopped : kind::put_closed;
  }
  items.resize(put);
  seen.end_batch(kind::put, began, items, cut);
}

void put_somehow(const channel<number>& ch, recorder& seen, std::uint64_t way, number value) {
  const test::step began = seen.begin();
  try {
    if (way == 6) return put_some(ch, seen, began, value);
    const status answer = way == 0   ? ch.try_put(value)
                          : way == 1 ? ch.put_for(value, moment)
                          : way == 2 ? put_by_select(ch, value)
                          : way == 3 ? put_by_selector(ch, value)
                                     : ch.put_for(value, std::chrono::hours(1));
    seen.end(answer == status::ok       ? kind::put
             : answer == status::closed ? kind::put_closed
                                        : kind::put_full,
             began, value);
  } catch (const sluice::cancelled&) {
    seen.end(kind::stopped, began, value);
  }
}

sluice::result<number> get_by_select(const channel<number>& ch) {
  sluice::result<number> answer(status::timed_out);
  select(sluice::on_get(ch, [&](sluice::result<number> item) { answer = std::move(item); }),
         sluice::on_timeout(moment));
  return answer;
}

sluice::result<number> get_by_selector(const channel<number>& ch) {
  sluice::result<number> answer(status::timed_out);
  sluice::selector cases;
  cases.on_get(ch, [&](sluice::result<number> item) { answer = std::move(item); });
  cases.wait();
  return answer;
}

void get_some(const channel<number>& ch, recorder& seen, test::step began) {
  const std::vector<number> items = ch.get_batch(3, moment);
  std::optional<kind> cut;
  if (items.empty()) cut = kind::get_end;
  seen.end_batch(kind::get, began, items, cut);
}

void get_somehow(const channel<number>& ch, recorder& seen, std::uint64_t way) {
  const test::step began = seen.begin();
  try {
    if (way == 6) return get_some(ch, seen, began);
    const sluice::result<number> answer = way == 0   ? ch.try_get()
                                          : way == 1 ? ch.get_for(moment)
                                          : way == 2 ? get_by_select(ch)
                                          : way == 3 ? get_by_selector(ch)
                                                     : ch.get_for(std::chrono::hours(1));
    if (answer) return seen.end(kind::get, began, *answer);
    seen.end(answer.status() == status::closed ? kind::get_end : kind::get_empty, began);
  } catch (const sluice::cancelled&) {
    seen.end(kind::stopped, began);
  }
}

/// The first strands tend to put, the last to get; any may close.
void act(const channel<number>& ch, recorder& seen, test::random& any, std::size_t strand,
         stops& mine, ways some) {
  for (int i = 0; i < operations; ++i) {
    mine.now = i;
    if (any() % 4 == 0) test::relax();
    const bool puts = (any() % 4 == 0) == (strand >= crowd_size / 2);
    if (any() % 12 == 0) {
      const test::step began = seen.begin();
      if (ch.close()) seen.end(kind::close, began);
      continue;
    }
    const std::uint64_t way = any() % static_cast<std::uint64_t>(some);
    sluice::with_stop(mine.of[static_cast<std::size_t>(i)].get_token(), [&] {
      puts ? put_somehow(ch, seen, way,
                         static_cast<number>(100 * (strand + 1) + 10 * std::size_t(i)))
           : get_somehow(ch, seen, way);
    });
  }
  mine.now = operations;
}

/// Stops any of them, until all are over.
void stop_at_random(std::vector<stops>& all, test::random& any) {
  const auto over = [](const stops& one) { return one.now == operations; };
  while (!std::ranges::all_of(all, over)) {
    for (auto turns = any() % 8; turns > 0; --turns) test::relax();
    stops& whose = all[any() % all.size()];
    const int which = whose.now;
    if (which < operations) request(whose.of[static_cast<std::size_t>(which)]);
  }
}

std::string text_of(std::vector<event> all) {
  static const char* const names[] = {"put",       "put: full", "put: closed", "get",
                                      "get: none", "get: end",  "close",       "stopped"};
  std::ranges::sort(all, {}, &event::begin);
  std::ostringstream text;
  for (const event& one : all) {
    text << "  " << one.begin << ".." << one.end << ' ' << names[static_cast<int>(one.what)] << ' '
         << one.value << '\n';
  }
  return text.str();
}

std::vector<event> run_round(strands& crowd, const shape& what, int round, ways some) {
  const channel<number> ch = what.make<number>();
  test::history_clock clock;
  std::vector<recorder> seen(crowd_size, recorder(clock));
  std::vector<stops> may_stop(crowd_size);
  const auto numbers = [&](std::size_t strand) {
    return test::random_for("exact " + what.name(),
                            strand + (crowd_size + 1) * static_cast<std::size_t>(round));
  };
  for (std::size_t i = 0; i < crowd_size; ++i) {
    crowd.start(
        [&, i, any = numbers(i)]() mutable { act(ch, seen[i], any, i, may_stop[i], some); });
  }
  if (some == ways::that_are_stopped) {
    crowd.start([&, any = numbers(crowd_size)]() mutable { stop_at_random(may_stop, any); });
  }
  crowd.join();
  test::check_nobody_waits(ch);
  recorder& last = seen.emplace_back(clock);  // gets what was left inside
  do get_somehow(ch, last, 0);
  while (last.events().back().what == kind::get);
  std::vector<event> all;
  for (const recorder& one : seen) all.insert(all.end(), one.events().begin(), one.events().end());
  return all;
}

/// A history with one fault, such as an operation that was cut short could leave behind.
class fault_in {
 public:
  fault_in(std::vector<event> all, test::random& any) : all_(std::move(all)), any_(any) {
    for (const event& one : all_) last_ = std::max(last_, one.end);
  }

  [[nodiscard]] const std::vector<event>& events() const { return all_; }

  // Each makes one kind of fault at a random place; false: here is no place for it.

  bool stopped_put_arrives() { return arrives(kind::stopped); }
  bool refused_put_arrives() { return arrives(kind::put_full); }
  bool stopped_get_takes_an_item() {
    const event* got = any_of([](const event& one) { return one.what == kind::get; });
    if (got == nullptr) return false;
    all_.erase(all_.begin() + (got - all_.data()));
    return true;
  }
  bool stopped_get_takes_one_again() {
    const event* got = any_of([](const event& one) { return one.what == kind::get; });
    event* stopped =
        any_of([](const event& one) { return one.what == kind::stopped && one.value == 0; });
    if (got == nullptr || stopped == nullptr) return false;
    stopped->what = kind::get;
    stopped->value = got->value;
    return true;
  }
  bool batch_loses_one() {
    event* second = any_of([](const event& one) { return one.what == kind::put && one.place > 0; });
    if (second == nullptr) return false;
    second->what = kind::stopped;
    return true;
  }
  bool batch_is_out_of_order() {
    event* second = any_of([](const event& one) { return one.what == kind::put && one.place > 0; });
    if (second == nullptr) return false;
    event* first = any_of([&](const event& one) {
      return one.begin == second->begin && one.place + 1 == second->place;
    });
    const event& got_first = get_of(first->value);
    const event& got_second = get_of(second->value);
    const bool in_one_batch = got_first.begin == got_second.begin;
    if (!in_one_batch && got_first.end > got_second.begin) return false;
    std::swap(first->value, second->value);
    return true;
  }

 private:
  template <class Condition>
  event* any_of(Condition fits) {
    std::vector<event*> all;
    for (event& one : all_) {
      if (fits(one)) all.push_back(&one);
    }
    return all.empty() ? nullptr : all[any_() % all.size()];
  }
  const event& get_of(number value) {
    return *std::ranges::find_if(
        all_, [&](const event& one) { return one.what == kind::get && one.value == value; });
  }
  bool arrives(kind without_effect) {
    const event* put =
        any_of([&](const event& one) { return one.what == without_effect && one.value != 0; });
    if (put == nullptr) return false;
    const test::step at = put->begin + any_() % (last_ + 1 - put->begin);
    all_.push_back({kind::get, put->value, at, last_ + 1});
    return true;
  }

  std::vector<event> all_;
  test::step last_ = 0;
  test::random& any_;
};

constexpr bool (fault_in::*faults[])() = {
    &fault_in::stopped_put_arrives,       &fault_in::refused_put_arrives,
    &fault_in::stopped_get_takes_an_item, &fault_in::stopped_get_takes_one_again,
    &fault_in::batch_loses_one,           &fault_in::batch_is_out_of_order,
};
using fault_counts = std::array<int, std::size(faults)>;

void check_that_faults_are_found(const std::vector<event>& all, std::size_t limit,
                                 test::random& any, fault_counts& planted) {
  for (std::size_t i = 0; i < planted.size(); ++i) {
    fault_in bad(all, any);
    if (!(bad.*faults[i])() || bad.events().size() > test::exact_history::most) continue;
    ++planted[i];
    CHECK_MESSAGE(!test::exact_history(bad.events()).is_right(limit), "fault ", i,
                  " is not found in:\n", text_of(bad.events()));
  }
}

void check_rounds(ways some) {
  test::random any = test::random_for("faults");
  fault_counts planted{};
  test::everywhere_with_shapes([&](strands& crowd, const shape& what) {
    if (!what.is_unbounded() && what.capacity > 3) return;
    const std::size_t limit = what.is_unbounded() ? test::history::no_limit : what.capacity;
    const bool has_threads = crowd.where().kind != test::flavour::fibers;
    const bool few = some == ways::that_are_stopped;  // the search takes ten times as long
    const int rounds = (has_threads ? 500 : 3000) / (few ? 4 : 1) / test::slowness;
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      const std::vector<event> all = run_round(crowd, what, round, some);
      if (all.size() > test::exact_history::most) continue;  // nearly nothing but batches
      CHECK_MESSAGE(test::exact_history(all).is_right(limit), "no order explains this:\n",
                    text_of(all));
      if (round % 5 == 0) check_that_faults_are_found(all, limit, any, planted);
    }
  });
  if (some == ways::that_end) return;
  for (const int times : planted) CHECK(times > 40 / test::slowness);
}

}  // namespace

TEST_CASE("each short history is one of the sequential specification") {
  check_rounds(ways::that_end);
}

TEST_CASE("so is each in which any operation may be stopped, which then has no effect, or a part") {
  check_rounds(ways::that_are_stopped);
}
