// What a select chooses and what it answers, where it need not wait.
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/ends.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::all_closed;
using sluice::channel;
using sluice::in_order;
using sluice::on_get;
using sluice::on_put;
using sluice::on_timeout;
using sluice::otherwise;
using sluice::select;
using test::boxed;
using test::cause;
using test::ended;

/// Is `hits` of `trials` what a case of that probability gets, within 10 standard deviations?
bool is_fair(int hits, int trials, double probability) {
  const double expected = trials * probability;
  return std::abs(hits - expected) <= 10 * std::sqrt(expected * (1 - probability));
}

}  // namespace

TEST_CASE("exactly one case happens, and its position among all cases is returned") {
  const channel<int> a{2};
  const channel<int> b{2};
  a.put(1);
  b.put(2);
  int from_a = 0;
  int from_b = 0;
  const auto both = [&] {
    return select(on_timeout(1h), on_get(a, [&](int item) { from_a = item; }),
                  on_get(b, [&](int item) { from_b = item; }));
  };
  const std::size_t first = both();
  CHECK((first == 1 || first == 2));
  CHECK(from_a == (first == 1 ? 1 : 0));
  CHECK(from_b == (first == 2 ? 2 : 0));
  CHECK(a.size() + b.size() == 1);
  CHECK(both() == 3 - first);
  CHECK((from_a == 1 && from_b == 2));
}

TEST_CASE("among ready cases the choice is uniformly random") {
  constexpr int trials = 10'000;
  const channel<int> a;
  const channel<int> b{1};
  const channel<int> c{1};
  const channel<int> never;
  const auto refused = ended<int>();
  a.put(1);
  std::array<int, 6> hits{};
  for (int i = 0; i < trials; ++i) {
    static_cast<void>(c.try_put(1));
    static_cast<void>(b.try_get());
    try {
      ++hits.at(select(on_get(a, [&](int item) { a.put(item); }), on_get(never), on_put(b, 2),
                       on_get(refused), on_get(c), on_put(refused, 1)));
    } catch (const sluice::channel_closed&) {
      ++hits[5];
    }
  }
  for (const std::size_t ready : {0, 2, 4, 5}) {
    CAPTURE(ready);
    CHECK(is_fair(hits.at(ready), trials, 0.25));
  }
  CHECK((hits[1] == 0 && hits[3] == 0));
}

TEST_CASE("the choice is uniformly random on each fiber and thread anew") {
  constexpr int trials = 4'000 / test::slowness;
  test::everywhere([](test::strands& crowd) {
    std::array<std::atomic<int>, 3> hits{};
    for (int i = 0; i < trials; ++i) {
      crowd.start([&] {
        const channel<int> ch{3};
        ch.put_batch(std::vector<int>{1, 2, 3});
        ++hits.at(select(on_get(ch), on_get(ch), on_get(ch)));
      });
      if (i % 50 == 0) crowd.join();
    }
    crowd.join();
    for (const auto& one : hits) CHECK(is_fair(one, trials, 1.0 / 3));
  });
}

TEST_CASE("in order, the first ready case is taken") {
  const channel<int> a{1};
  const channel<int> b{1};
  const channel<int> never;
  for (int i = 0; i < 50; ++i) {
    static_cast<void>(b.try_put(1));
    CHECK(select(in_order, on_get(never), on_get(a), on_get(b), on_put(a, 1)) == 2);
    static_cast<void>(b.try_put(1));
    CHECK(select(in_order, on_put(a, 1), on_get(b)) == 0);
    CHECK(select(in_order, on_get(never), on_get(a), on_get(b)) == 1);
    CHECK(select(in_order, otherwise(), on_get(b)) == 1);
  }
}

TEST_CASE("a case for items is out of play once its channel is closed and drained") {
  const channel<int> a{3};
  const channel<int> b{3};
  for (const int item : {1, 2, 3}) a.put(item);
  b.put(4);
  a.close();
  b.close();
  int sum = 0;
  int rounds = 0;
  const auto add = [&](int item) { sum += item; };
  while (select(on_get(a, add), on_get(b, add)) != all_closed) ++rounds;
  CHECK(sum == 10);
  CHECK(rounds == 4);
}

TEST_CASE("when no get or put case is left, select returns all_closed whatever else stands there") {
  const auto a = ended<int>();
  const auto b = ended<boxed>();
  bool called = false;
  const auto call = [&] { called = true; };
  for (int i = 0; i < 20; ++i) {
    CHECK(select(on_get(a)) == all_closed);
    CHECK(select(on_get(a), otherwise(call)) == all_closed);
    CHECK(select(otherwise(call), on_get(a), on_get(b), on_timeout(0ms, call)) == all_closed);
    CHECK(select(in_order, on_timeout(0ms, call), on_get(a), on_get(a)) == all_closed);
  }
  CHECK(!called);
}

TEST_CASE("with timeouts or otherwise alone it is just those") {
  int called = 0;
  const auto begin = std::chrono::steady_clock::now();
  CHECK(select(on_timeout(3ms, [&] { ++called; })) == 0);
  CHECK(std::chrono::steady_clock::now() - begin >= 3ms);
  CHECK(select(otherwise([&] { ++called; })) == 0);
  CHECK(select(on_timeout(1h), otherwise([&] { ++called; })) == 1);
  CHECK(select(otherwise(), on_timeout(-1h), otherwise()) == 0);
  CHECK(called == 3);
}

TEST_CASE("of several timeouts the shortest counts") {
  int called = 0;
  CHECK(select(on_timeout(1h), on_timeout(1ms, [&] { ++called; }), on_timeout(2h)) == 1);
  const channel<int> never;
  CHECK(select(on_timeout(1h), on_get(never), on_timeout(0ms, [&] { ++called; })) == 2);
  CHECK(select(on_timeout(std::chrono::hours::max()), on_timeout(1us, [&] { ++called; })) == 1);
  CHECK(called == 3);
}

TEST_CASE("a timeout may be a moment of any clock, and is never early") {
  const channel<int> never;
  const auto steady = std::chrono::steady_clock::now() + 2ms;
  CHECK(select(on_get(never), on_timeout(steady)) == 1);
  CHECK(std::chrono::steady_clock::now() >= steady);
  const auto system = std::chrono::system_clock::now() + 2ms;
  CHECK(select(on_timeout(system), on_timeout(1h)) == 0);
  CHECK(std::chrono::system_clock::now() >= system);
}

TEST_CASE("a case that can be done at once is done even if the time is over") {
  const channel<int> ch{1};
  CHECK(select(on_timeout(0ms), on_put(ch, 1)) == 1);
  CHECK(select(on_timeout(-1h), on_get(ch)) == 1);
  CHECK(select(on_timeout(-1h), on_get(ch)) == 0);
}

TEST_CASE("a put case on a closed channel is ready and throws channel_closed, item unmoved") {
  const auto ch = ended<boxed>();
  boxed item(7);
  bool called = false;
  const auto call = [&] { called = true; };
  CHECK_THROWS_AS(select(on_put(ch, std::move(item), call)), sluice::channel_closed);
  CHECK_THROWS_AS(select(otherwise(call), on_put(ch, std::move(item), call)),
                  sluice::channel_closed);
  const channel<int> full{1};  // closed beats full
  full.put(1);
  full.close();
  CHECK_THROWS_AS(select(on_put(full, 2, call), otherwise(call)), sluice::channel_closed);
  CHECK(full.size() == 1);
  CHECK(!called);
  CHECK(item.value() == 7);
}

TEST_CASE("a case for items whose channel ended with a cause is ready and throws it") {
  const channel<int> ch{1};
  ch.put(1);
  ch.close(cause("broken"));
  CHECK(select(on_get(ch), otherwise()) == 0);
  for (int i = 0; i < 3; ++i) {
    CHECK_THROWS_WITH_AS(select(on_get(ch), otherwise()), "broken", std::runtime_error);
    CHECK_THROWS_WITH_AS(select(on_get(ch), on_timeout(1h)), "broken", std::runtime_error);
  }
  const channel<int> other;
  other.put(1);
  CHECK(select(in_order, on_get(other), on_get(ch)) == 0);
}

TEST_CASE("the same channel may stand in several cases, also on both sides") {
  const channel<int> ch{1};
  int got = 0;
  for (int i = 0; i < 40; ++i) {
    const bool was_full = ch.full();
    const std::size_t chosen = select(on_get(ch, [&](int item) { got += item; }), on_put(ch, 1),
                                      on_get(ch, [&](int item) { got += item; }), on_put(ch, 1));
    CHECK((chosen % 2 == 0) == was_full);
  }
  CHECK(got == 20);
}

TEST_CASE("a select never meets itself") {
  const channel<int> ch{sluice::rendezvous};
  CHECK(select(on_get(ch), on_put(ch, 1), otherwise()) == 2);
  CHECK(select(on_put(ch, 1), on_get(ch), on_put(ch, 2), on_timeout(1ms)) == 3);
  CHECK(test::getters_waiting(ch) + test::putters_waiting(ch) == 0);
}
