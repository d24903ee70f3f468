// Short histories of a few strands, each held against the sequential specification.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include "../support/exact_history.hpp"
#include "../support/history.hpp"
#include "../support/rest.hpp"
#include "../support/shapes.hpp"
#include "../support/strands.hpp"
#include "sluice/channel.hpp"
#include "sluice/select.hpp"

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

void put_somehow(const channel<number>& ch, recorder& seen, std::uint64_t choice, number value) {
  const test::step began = seen.begin();
  status answer = status::timed_out;
  if (choice % 3 == 0) {
    answer = ch.try_put(value);
  } else if (choice % 3 == 1) {
    answer = ch.put_for(value, std::chrono::microseconds(20));
  } else {
    try {
      const std::size_t which =
          select(sluice::on_put(ch, value), sluice::on_timeout(std::chrono::microseconds(20)));
      answer = which == 0 ? status::ok : status::timed_out;
    } catch (const sluice::channel_closed&) {
      answer = status::closed;
    }
  }
  if (answer == status::ok) seen.end(kind::put, began, value);
  if (answer == status::full) seen.end(kind::put_full, began, value);
  if (answer == status::closed) seen.end(kind::put_closed, began, value);
}

void get_somehow(const channel<number>& ch, recorder& seen, std::uint64_t choice) {
  const test::step began = seen.begin();
  sluice::result<number> answer(status::timed_out);
  if (choice % 3 == 0) {
    answer = ch.try_get();
  } else if (choice % 3 == 1) {
    answer = ch.get_for(std::chrono::microseconds(20));
  } else {
    select(sluice::on_get(ch, [&](sluice::result<number> item) { answer = std::move(item); }),
           sluice::on_timeout(std::chrono::microseconds(20)));
  }
  if (answer) seen.end(kind::get, began, *answer);
  if (answer.status() == status::empty) seen.end(kind::get_empty, began);
  if (answer.status() == status::closed) seen.end(kind::get_end, began);
}

/// The first strands tend to put, the last to get; any may close.
void act(const channel<number>& ch, recorder& seen, test::random& any, std::size_t strand) {
  for (int i = 0; i < operations; ++i) {
    if (any() % 4 == 0) test::relax();
    const bool puts = (any() % 4 == 0) == (strand >= crowd_size / 2);
    if (any() % 12 == 0) {
      const test::step began = seen.begin();
      if (ch.close()) seen.end(kind::close, began);
    } else if (puts) {
      put_somehow(ch, seen, any(), static_cast<number>(strand) * 100 + i);
    } else {
      get_somehow(ch, seen, any());
    }
  }
}

std::string text_of(std::vector<event> all) {
  static const char* const names[] = {"put",       "put: full", "put: closed", "get",
                                      "get: none", "get: end",  "close"};
  std::ranges::sort(all, {}, &event::begin);
  std::ostringstream text;
  for (const event& one : all) {
    text << "  " << one.begin << ".." << one.end << ' ' << names[static_cast<int>(one.what)] << ' '
         << one.value << '\n';
  }
  return text.str();
}

void run_round(strands& crowd, const shape& what, int round) {
  const channel<number> ch = what.make<number>();
  test::history_clock clock;
  std::vector<recorder> seen(crowd_size, recorder(clock));
  for (std::size_t i = 0; i < crowd_size; ++i) {
    crowd.start(
        [&, i,
         any = test::random_for("exact " + what.name(),
                                i + crowd_size * static_cast<std::size_t>(round))]() mutable {
          act(ch, seen[i], any, i);
        });
  }
  crowd.join();
  test::check_nobody_waits(ch);
  recorder& last = seen.emplace_back(clock);  // gets what was left inside
  do get_somehow(ch, last, 0);
  while (last.events().back().what == kind::get);
  std::vector<event> all;
  for (const recorder& one : seen) all.insert(all.end(), one.events().begin(), one.events().end());
  const std::size_t limit = what.is_unbounded() ? test::history::no_limit : what.capacity;
  CHECK_MESSAGE(test::exact_history(all).is_right(limit), "no order explains this:\n",
                text_of(all));
}

}  // namespace

TEST_CASE("each short history is one of the sequential specification") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (!what.is_unbounded() && what.capacity > 3) return;
    const bool has_threads = crowd.where().kind != test::flavour::fibers;
    const int rounds = (has_threads ? 500 : 3000) / test::slowness;
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      run_round(crowd, what, round);
    }
  });
}
