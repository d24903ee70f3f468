// Crowds of waiters, larger than what is served under one hold of the channel's lock.
#include <doctest/doctest.h>

#include <atomic>
#include <numeric>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using sluice::channel;
using test::number;
using test::shape;

constexpr std::size_t crowd_size = 300;

/// Calls `body(runtime, shape)` with one worker and with several.
template <class Body>
void on_runtimes(Body body) {
  for (const int workers : {1, 4}) {
    sluice::runtime rt{{.workers = workers}};
    const test::dumper show([&](std::ostream& out) { rt.dump(out); });
    for (const shape& what : test::shapes) {
      const test::situation now(what.name() + ", " + std::to_string(workers) + " workers");
      body(rt, what);
    }
    test::await([&] { return rt.stats().fibers == 0; });
  }
}

void join_all(std::vector<sluice::task<void>>& all) {
  for (auto& one : all) one.join();
  all.clear();
}

}  // namespace

TEST_CASE("a crowd of getters gets all that is put at once, and the rest of it the end") {
  on_runtimes([](sluice::runtime& rt, const shape& what) {
    const auto ch = what.make<number>();
    std::atomic<number> sum{0};
    std::atomic<std::size_t> ends{0};
    std::vector<sluice::task<void>> getters;
    for (std::size_t i = 0; i < crowd_size; ++i) {
      getters.push_back(rt.go([&] {
        number item = 0;
        ch >> item ? static_cast<void>(sum += item) : static_cast<void>(++ends);
      }));
    }
    test::await([&] { return test::getters_waiting(ch) == crowd_size; });
    std::vector<number> items(crowd_size / 2);
    std::iota(items.begin(), items.end(), 1);
    CHECK(ch.put_batch(items) == items.size());
    ch.close();
    join_all(getters);
    CHECK(sum == std::accumulate(items.begin(), items.end(), number{0}));
    CHECK(ends == crowd_size - items.size());
  });
}

TEST_CASE(
    "a crowd of putters is let in as a batch makes room, the rest is sent away by the close") {
  on_runtimes([](sluice::runtime& rt, const shape& what) {
    if (!what.can_fill()) return;
    const auto ch = what.make<number>();
    for (std::size_t i = 0; i < what.room(); ++i) ch << 1;
    std::atomic<std::size_t> put{0};
    std::atomic<std::size_t> refused{0};
    std::vector<sluice::task<void>> putters;
    for (std::size_t i = 0; i < crowd_size; ++i) {
      putters.push_back(rt.go([&] {
        try {
          ch << 1;
          ++put;
        } catch (const sluice::channel_closed&) {
          ++refused;
        }
      }));
    }
    test::await([&] { return test::putters_waiting(ch) == crowd_size; });
    std::size_t got = 0;
    while (got < crowd_size / 2) got += ch.get_batch(crowd_size / 2 - got).size();
    test::await([&] { return put == got; });
    ch.close();
    join_all(putters);
    while (ch.try_get()) ++got;
    CHECK(put + refused == crowd_size);
    CHECK(got == put + what.room());
  });
}

TEST_CASE("a crowd of joiners, and of selects, hears of the end to the last") {
  on_runtimes([](sluice::runtime& rt, const shape& what) {
    const auto ch = what.make<number>();
    const auto never = what.make<number>();
    std::vector<sluice::task<void>> all;
    for (std::size_t i = 0; i < crowd_size; ++i) {
      all.push_back(rt.go([&] { ch.join(); }));
      all.push_back(rt.go([&] {
        // The other end does not come: this one takes its case out of play and nothing more.
        CHECK(select(sluice::on_get(ch, [](sluice::result<number> item) { CHECK(!item); }),
                     sluice::on_get(never, [](number) {})) == 0);
      }));
    }
    test::await([&] {
      return test::joiners_waiting(ch) == crowd_size && test::getters_waiting(ch) == crowd_size;
    });
    ch.close();
    join_all(all);
  });
}
