// What can happen while a selector of hundreds of channels enlists and withdraws, which takes long
// enough for others to come in the middle of it.
#include <doctest/doctest.h>

#include <atomic>
#include <vector>

#include "../support/items.hpp"
#include "../support/shapes.hpp"
#include "../support/strands.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/sluice.hpp"

namespace {

using sluice::channel;
using sluice::selector;
using test::number;
using test::strands;

constexpr int rounds = 400 / test::slowness;

/// Lets some time pass, so that others come first now and then.
void dawdle(std::uint64_t turns) {
  for (std::uint64_t i = 0; i < turns; ++i) sluice::detail::cpu_pause();
}

}  // namespace

TEST_CASE("a getter that comes while a selector enlists, on both sides of a channel, meets it") {
  // The getter must find the selector's put, or the selector's put the getter, who may stand behind
  // the selector's own get: then a search that ended there would leave both waiting.
  test::everywhere([](strands& crowd) {
    const std::vector<channel<number>> others(300);
    test::random any = test::random_for("enlisting");
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      const channel<number> ch{sluice::rendezvous};
      std::atomic<bool> begun{false};
      crowd.start([&] {
        selector cases{sluice::in_order};
        cases.on_get(ch);
        for (const auto& other : others) cases.on_get(other);
        const std::size_t put = cases.on_put(ch, 1);
        begun = true;
        CHECK(cases.wait() == put);
      });
      crowd.start([&, delay = any() % 1'500] {
        test::await([&] { return begun.load(); });
        dawdle(delay);
        CHECK(ch.get() == 1);
      });
      crowd.join();
    }
  });
}

TEST_CASE("a selector that withdraws is passed over by one that enlists, who looks behind it") {
  // The first one waits in the line of `ch` until an item ends its wait elsewhere; a getter stands
  // behind it, and a selector that wants to put comes. It must find the getter.
  test::everywhere([](strands& crowd) {
    const std::vector<channel<number>> others(300);
    test::random any = test::random_for("withdrawing");
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      const channel<number> ch{sluice::rendezvous};
      const channel<number> ending;
      std::atomic<bool> put{false};
      std::atomic<bool> served{false};
      crowd.start([&] {
        selector cases{sluice::in_order};
        cases.on_get(ending);
        for (const auto& other : others) cases.on_get(other);
        cases.on_get(ch);
        cases.wait();
      });
      test::await([&] { return test::getters_waiting(ch) == 1; });
      crowd.start([&] {
        selector cases{sluice::in_order};
        for (const auto& other : others) cases.on_get(other);
        cases.on_put(ch, 1);
        cases.wait();
        put = true;
      });
      crowd.start([&, delay = any() % 1'500] {
        dawdle(delay);
        ch.get();
        served = true;
      });
      dawdle(any() % 1'500);
      ending.put(1);
      test::await([&] {  // had the putter met the first selector, the getter would still wait
        if (put && !served) static_cast<void>(ch.try_put(2));
        return served.load();
      });
      crowd.join();
    }
  });
}
