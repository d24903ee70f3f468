// Cases that are added at run time: the answers of select, as often as wanted, for many channels.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/allocations.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::all_closed;
using sluice::channel;
using sluice::result;
using sluice::selector;
using test::boxed;
using test::getters_waiting;
using test::number;
using test::shape;
using test::strands;

constexpr std::size_t many = 1'000;

}  // namespace

TEST_CASE("the positions are those in which the cases were added, and wait returns them") {
  const channel<int> a{2};
  const channel<int> b{2};
  int got = 0;
  selector cases;
  CHECK(cases.on_timeout(0ms) == 0);
  CHECK(cases.on_get(a, [&](int item) { got += item; }) == 1);
  CHECK(cases.on_get(b, [&](result<int> item) { got += item ? *item : 100; }) == 2);
  CHECK(cases.on_put(a, 5) == 3);
  CHECK(cases.wait() == 3);
  CHECK(cases.wait() == 1);
  CHECK(cases.wait() == 0);
  b.put(2);
  CHECK(cases.wait() == 2);
  b.close();
  CHECK(cases.wait() == 2);
  CHECK(cases.wait() == 2);
  CHECK(got == 5 + 2 + 200);
}

TEST_CASE("a stored item is put once: then its case is out of play") {
  const channel<boxed> ch{1};
  int called = 0;
  selector cases;
  cases.on_put(ch, boxed(1), [&] { ++called; });
  cases.on_put(ch, boxed(2), [&] { ++called; });
  const std::size_t first = cases.wait();
  CHECK(ch.get().value() == static_cast<number>(first) + 1);
  CHECK(cases.wait() == 1 - first);
  CHECK(called == 2);
  CHECK(cases.wait() == all_closed);
  cases.on_timeout(1h);
  CHECK(cases.wait() == all_closed);
}

TEST_CASE("a put that is refused throws channel_closed once and is out of play") {
  const channel<test::counted> ch{1};
  selector cases;
  cases.on_put(ch, test::counted(1));
  cases.otherwise();
  ch.close();
  CHECK_THROWS_AS(cases.wait(), sluice::channel_closed);
  CHECK(test::counted::alive() == 0);
  CHECK(cases.wait() == all_closed);
}

TEST_CASE("a put that was neither chosen nor refused keeps its item, whatever ended the waits") {
  const channel<boxed> ch{1};
  ch.put(boxed(0));
  selector cases;
  cases.on_put(ch, boxed(1));
  cases.on_timeout(1ms);
  CHECK(cases.wait() == 1);
  CHECK(cases.wait() == 1);
  CHECK(ch.get().value() == 0);
  CHECK(cases.wait() == 0);
  CHECK(ch.get().value() == 1);
}

TEST_CASE("a cause is thrown by each wait that chooses it; a plain end takes the case out") {
  const channel<int> failed;
  const channel<int> over;
  failed.close(std::make_exception_ptr(std::runtime_error("broken")));
  over.close();
  selector cases;
  cases.on_get(failed);
  cases.on_get(over);
  for (int i = 0; i < 3; ++i) CHECK_THROWS_WITH_AS(cases.wait(), "broken", std::runtime_error);
}

TEST_CASE("a case that goes out of play gives its handle back") {
  auto [tx, rx] = sluice::make_channel<int>(1);
  const channel<int> over;
  over.close();
  const auto guard = std::make_shared<int>(0);
  selector cases;
  cases.on_put(std::move(tx), 1);
  CHECK(cases.wait() == 0);
  CHECK(rx.closed());
  CHECK(rx.get() == 1);
  cases.on_get(over, [guard](int) {});
  CHECK(guard.use_count() == 2);
  CHECK(cases.wait() == all_closed);
  CHECK(guard.use_count() == 1);
}

TEST_CASE("a case goes out of play, and gives up what it holds, also if another one is chosen") {
  const channel<int> over;
  over.close();
  const channel<int> ready{1};
  const auto guard = std::make_shared<int>(0);
  selector cases{sluice::in_order};
  cases.on_get(over, [guard](int) {});
  cases.on_get(ready);
  cases.on_get(over, [guard](int) {});
  ready.put(1);
  CHECK(cases.wait() == 1);
  CHECK(guard.use_count() == 2);
  ready.close();
  CHECK(cases.wait() == all_closed);
  CHECK(guard.use_count() == 1);
}

TEST_CASE("a selector holds the channels of its cases") {
  selector cases;
  {
    const channel<boxed> ch{1};
    ch.put(boxed(4));
    cases.on_get(ch, [](const boxed& item) { CHECK(item.value() == 4); });
  }
  selector moved = std::move(cases);
  CHECK(moved.wait() == 0);
  cases = selector();
  CHECK_THROWS_AS(cases.wait(), std::invalid_argument);
}

TEST_CASE("timeouts and otherwise alone are just those") {
  selector cases;
  CHECK_THROWS_AS(cases.wait(), std::invalid_argument);
  cases.on_timeout(1h);
  cases.on_timeout(1ms);
  for (int i = 0; i < 2; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    CHECK(cases.wait() == 1);
    CHECK(std::chrono::steady_clock::now() - begin >= 1ms);
  }
  cases.on_timeout(std::chrono::steady_clock::now() - 1s);
  CHECK(cases.wait() == 2);
  cases.otherwise();
  CHECK(cases.wait() == 3);
}

TEST_CASE("a handler may add cases, and what it throws passes on") {
  const channel<int> ch;
  for (int i = 0; i < 100; ++i) ch.put(i);
  selector cases;
  int got = 0;
  const auto count = [&](int) { ++got; };
  cases.on_get(ch, [&](int) {
    for (int i = 0; i < 50; ++i) cases.on_get(ch, count);
    throw std::runtime_error("handler");
  });
  CHECK_THROWS_WITH(cases.wait(), "handler");
  CHECK(ch.size() == 99);
  ch.close();
  int rounds = 0;
  while (rounds < 200) {
    try {
      if (cases.wait() == all_closed) break;
    } catch (const std::runtime_error&) {
    }
    ++rounds;
  }
  CHECK(rounds == 99);
}

TEST_CASE("a moved-from handle is refused, and nothing is added") {
  channel<int> ch{1};
  const channel<int> kept = std::move(ch);
  selector cases;
  CHECK_THROWS_AS(cases.on_get(ch), std::logic_error);
  CHECK_THROWS_AS(cases.on_put(ch, 1), std::logic_error);
  CHECK_THROWS_AS(cases.wait(), std::invalid_argument);
}

TEST_CASE("a case that finds no memory is not added" * doctest::skip(!test::counts_memory)) {
  const channel<int> ch;
  selector cases;
  cases.on_get(ch);
  std::size_t added = 1;
  for (int requests = 0; added < 20; requests = (requests + 1) % 4) {
    std::size_t position = added;
    try {
      const test::memory_ends_after so_many(requests);
      position = cases.on_get(ch);
    } catch (const std::bad_alloc&) {
      continue;
    }
    CHECK(position == added);
    ++added;
  }
  ch.put(1);
  CHECK(cases.wait() < added);
  ch.close();
  CHECK(cases.wait() == all_closed);
}

TEST_CASE("an item whose case is not added stays with its owner" *
          doctest::skip(!test::counts_memory)) {
  const channel<boxed> ch;
  selector cases;
  std::size_t added = 0;
  for (int requests = 0; added < 20; requests = (requests + 1) % 4) {
    boxed item(7);
    try {
      const test::memory_ends_after so_many(requests);
      CHECK(cases.on_put(ch, std::move(item)) == added);
    } catch (const std::bad_alloc&) {
      CHECK(item.value() == 7);
      continue;
    }
    CHECK(item.moved_from());
    ++added;
  }
  // Nor does a handler take it with it that throws on its way.
  struct frail {
    frail() = default;
    frail(const frail& other) : moves_left(other.moves_left - 1) {
      if (moves_left < 0) throw std::runtime_error("frail");
    }
    void operator()() const {}
    int moves_left = 1;  // into the call; not into the case
  };
  boxed item(8);
  const frail handler;
  CHECK_THROWS_AS(cases.on_put(ch, std::move(item), handler), std::runtime_error);
  CHECK(item.value() == 8);
  for (std::size_t i = 0; i < added; ++i) cases.wait();
  CHECK(cases.wait() == all_closed);
  CHECK(ch.size() == added);
}

TEST_CASE("among ready cases a selector chooses uniformly, also after some have gone") {
  constexpr int trials = 10'000;
  std::vector<channel<int>> channels(9);
  selector cases;
  std::vector<int> hits(channels.size());
  for (std::size_t i = 0; i < channels.size(); ++i) {
    cases.on_get(channels[i], [&, i](int) {
      ++hits[i];
      channels[i].put(0);
    });
    if (i % 3 != 1) channels[i].put(0);
    if (i % 3 == 1) channels[i].close();
  }
  for (int i = 0; i < trials; ++i) cases.wait();
  const double expected = trials / 6.0;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    CAPTURE(i);
    if (i % 3 == 1) {
      CHECK(hits[i] == 0);
    } else {
      CHECK(std::abs(hits[i] - expected) <= 10 * std::sqrt(expected * 5 / 6));
    }
  }
}

TEST_CASE("in order, a selector takes the first ready case, also after some have gone") {
  std::vector<channel<int>> channels(6);
  selector cases{sluice::in_order};
  for (const auto& ch : channels) cases.on_get(ch);
  channels[0].close();
  channels[3].close();
  for (int i = 0; i < 3; ++i) {
    for (const std::size_t ready : {5, 2, 4, 1}) channels[ready].put(1);
    for (const std::size_t ready : {1, 2, 4, 5}) CHECK(cases.wait() == ready);
  }
}

TEST_CASE("a selector over a thousand channels merges them until every one has ended") {
  test::everywhere([](strands& crowd) {
    const std::vector<channel<number>> channels(many);
    constexpr number each = 3;
    std::atomic<std::size_t> next{0};
    for (int i = 0; i < 3; ++i) {
      crowd.start([&] {
        for (std::size_t mine = next++; mine < many; mine = next++) {
          for (number n = 1; n <= each; ++n) channels[mine].put(n);
          channels[mine].close();
        }
      });
    }
    std::vector<number> last(many);
    selector cases;
    for (std::size_t i = 0; i < many; ++i) {
      cases.on_get(channels[i], [&, i](number n) {
        CHECK(n == last[i] + 1);
        last[i] = n;
      });
    }
    std::size_t waits = 0;
    while (cases.wait() != all_closed) ++waits;
    crowd.join();
    CHECK(waits == many * each);
    CHECK(last == std::vector<number>(many, each));
    for (const auto& ch : channels) CHECK(getters_waiting(ch) == 0);
  });
}

TEST_CASE("a hundred channels that close one by one beside a waiting selector end one wait") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (what.capacity == 1000) return;
    std::vector<channel<number>> channels;
    for (std::size_t i = 0; i < many / 10; ++i) channels.push_back(what.make<number>());
    crowd.start([&] {
      selector cases;
      for (const auto& ch : channels) cases.on_get(ch);
      CHECK(cases.wait() == all_closed);
      CHECK(cases.wait() == all_closed);
    });
    for (const auto& ch : channels) {
      test::await([&] { return getters_waiting(ch) == 1; });
    }
    for (const auto& ch : channels) ch.close();
    crowd.join();
  });
}

TEST_CASE("a selector that is stopped can wait again, under no stop; nothing was moved") {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    const channel<boxed> full{1};
    const channel<int> never;
    full.put(boxed(0));
    selector cases;
    cases.on_put(full, boxed(1));
    cases.on_get(never);
    auto task = sluice::go([&] { CHECK_THROWS_AS(cases.wait(), sluice::cancelled); });
    test::await([&] { return test::putters_waiting(full) == 1; });
    task.request_stop();
    task.join();
    CHECK(full.get().value() == 0);
    CHECK(cases.wait() == 0);
    CHECK(full.get().value() == 1);
  });
}

TEST_CASE("a selector asks for no memory while it waits" * doctest::skip(!test::counts_memory)) {
  const channel<int> ch{1};
  const channel<int> never;
  selector cases;
  cases.on_get(ch);
  cases.on_get(never);
  cases.on_put(never, 1);
  cases.on_timeout(1ms);
  never.put(0);
  while (never.try_get()) {
  }
  const std::int64_t before = test::allocations;
  ch.put(1);
  for (int i = 0; i < 4; ++i) cases.wait();
  CHECK(test::allocations == before);
}
