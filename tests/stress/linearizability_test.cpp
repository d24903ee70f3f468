// Random operations of many strands at once, recorded and checked as a history.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "../support/history.hpp"
#include "../support/shapes.hpp"
#include "../support/strands.hpp"
#include "sluice/channel.hpp"

namespace {

using sluice::channel;
using sluice::status;
using test::number;
using test::recorder;
using test::shape;
using test::strands;
using kind = test::event::kind;
using std::chrono::microseconds;

constexpr std::size_t putters = 3;
constexpr std::size_t getters = 3;
constexpr int operations = 250;
constexpr int rounds = test::slowness > 1 ? 4 : 25;

void record(recorder& seen, test::step began, status answer, number value) {
  if (answer == status::ok) seen.end(kind::put, began, value);
  if (answer == status::full) seen.end(kind::put_full, began);
  if (answer == status::closed) seen.end(kind::put_closed, began);
}

void record(recorder& seen, test::step began, const sluice::result<number>& answer) {
  if (answer) seen.end(kind::get, began, *answer);
  if (answer.status() == status::empty) seen.end(kind::get_empty, began);
  if (answer.status() == status::closed) seen.end(kind::get_end, began);
}

void put_at_random(const channel<number>& ch, recorder& seen, test::random& any, number first) {
  for (int i = 0; i < operations; ++i) {
    const number value = first + 4 * i;
    const test::step began = seen.begin();
    switch (any() % 4) {
      case 0:
        record(seen, began, ch.try_put(value), value);
        break;
      case 1:
        record(seen, began, ch.put_for(value, microseconds(any() % 50)), value);
        break;
      case 2: {
        std::vector<number> batch{value, value + 1, value + 2};
        batch.resize(ch.put_batch(batch));
        seen.end_batch(kind::put, began, batch);
        break;
      }
      default:
        record(seen, began, ch.put_for(value, std::chrono::hours(1)), value);
    }
  }
}

void get_at_random(const channel<number>& ch, recorder& seen, test::random& any) {
  for (bool ended = false; !ended;) {
    const test::step began = seen.begin();
    switch (any() % 4) {
      case 0:
        record(seen, began, ch.try_get());
        break;
      case 1:
        record(seen, began, ch.get_for(microseconds(any() % 50)));
        break;
      case 2:
        seen.end_batch(kind::get, began, ch.try_get_batch(1 + any() % 5));
        break;
      default: {
        const sluice::result<number> answer = ch.get_for(std::chrono::hours(1));
        record(seen, began, answer);
        ended = !answer;
      }
    }
  }
}

void wait_for_the_end(const channel<number>& ch, recorder& seen) {
  ch.join();
  const test::step began = seen.begin();
  CHECK(ch.drained());
  CHECK(ch.empty());
  seen.end(kind::get_end, began);
}

/// Closes once so many items are through, or all putters are done.
void close_at_random(const channel<number>& ch, recorder& seen, test::random& any,
                     const std::atomic<std::size_t>& putting) {
  const std::uint64_t looks = any() % 2000;
  for (std::uint64_t i = 0; i < looks && putting != 0; ++i) test::relax();
  if (any() % 2 == 0) test::await([&] { return putting == 0; });
  const test::step began = seen.begin();
  CHECK(ch.close());
  seen.end(kind::close, began);
}

void run_round(strands& crowd, const shape& what, int round) {
  const channel<number> ch = what.make<number>();
  test::history_clock clock;
  std::vector<recorder> seen(putters + getters + 2, recorder(clock));
  std::atomic<std::size_t> putting{putters};
  const auto numbers = [&](std::size_t strand) {
    return test::random_for(what.name(), strand + 16 * static_cast<std::size_t>(round));
  };
  for (std::size_t i = 0; i < putters; ++i) {
    crowd.start([&, i, any = numbers(i)]() mutable {
      put_at_random(ch, seen[i], any, static_cast<number>(i) * 1'000'000);
      --putting;
    });
  }
  for (std::size_t i = putters; i < putters + getters; ++i) {
    crowd.start([&, i, any = numbers(i)]() mutable { get_at_random(ch, seen[i], any); });
  }
  crowd.start([&] { wait_for_the_end(ch, seen[putters + getters]); });
  crowd.start([&, any = numbers(99)]() mutable {
    close_at_random(ch, seen[putters + getters + 1], any, putting);
  });
  crowd.join();

  test::history all;
  for (const recorder& one : seen) all.add(one);
  const std::size_t limit = what.is_unbounded() ? test::history::no_limit : what.capacity;
  const std::vector<std::string> problems = all.problems(limit);
  for (std::size_t i = 0; i < problems.size() && i < 5; ++i) FAIL_CHECK(problems[i]);
  CHECK(ch.drained());
}

}  // namespace

TEST_CASE("every history of a channel is one of a first-in-first-out queue that can be closed") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      run_round(crowd, what, round);
    }
  });
}
