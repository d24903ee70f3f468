// A storm of stops: fibers that wait in puts, gets, selects and their timed forms are stopped by
// the hundred thousand, while items, closes and deadlines come at the same moments.
//
// Each wait ends in one way. An item is afterwards with the getter that got it, in the channel, or,
// unmoved, with the fiber whose put was cut short.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../support/allocations.hpp"
#include "../support/items.hpp"
#include "../support/shapes.hpp"
#include "../support/strands.hpp"
#include "../support/tally.hpp"
#include "sluice/sluice.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::on_get;
using sluice::on_put;
using sluice::on_timeout;
using sluice::select;
using sluice::status;
using std::chrono::microseconds;
using test::counted;
using test::number;
using test::shape;
using test::tally;

/// Waits that must have been cut short at the end.
constexpr std::uint64_t storm = 100'000 / test::slowness;

/// One put of a fresh item, in one of five ways. Ends in one way.
void put_one(const channel<counted>& a, const channel<counted>& b, std::uint64_t way, tally& t) {
  counted item(1);
  ++t.made;
  bool accepted = false;
  try {
    const auto time = microseconds(way / 8 % 50);
    switch (way % 5) {
      case 0:
        a.put(std::move(item));
        accepted = true;
        break;
      case 1:
        accepted = a.put_for(std::move(item), time) == status::ok;
        break;
      case 2:
        accepted =
            select(on_put(a, std::move(item)), on_get(b, [&](const counted&) { ++t.got; })) == 0;
        break;
      case 3:
        accepted = select(on_timeout(time), on_put(b, std::move(item))) == 1;
        break;
      default: {
        std::vector<counted> batch;
        batch.push_back(std::move(item));
        try {
          accepted = b.put_batch(std::move(batch)) == 1;
        } catch (const sluice::cancelled&) {
          item = std::move(batch[0]);
          throw;
        }
        if (!accepted) item = std::move(batch[0]);
      }
    }
  } catch (const sluice::cancelled&) {
    ++t.cancelled;
  } catch (const sluice::channel_closed&) {
  }
  // Not moved if it was not accepted, moved if it was.
  CHECK((item.value() == 1) == !accepted);
  ++(accepted ? t.accepted : t.returned);
}

/// One get, in one of six ways.
void get_one(const channel<counted>& a, const channel<counted>& b, std::uint64_t way, tally& t) {
  const auto note = [&](const counted& item) {
    CHECK(item.value() == 1);
    ++t.got;
  };
  try {
    const auto time = microseconds(way / 8 % 50);
    switch (way % 6) {
      case 0:
        note(a.get());
        break;
      case 1:
        if (const auto r = b.get_for(time)) note(*r);
        break;
      case 2:
        select(on_get(a, note), on_get(b, note));
        break;
      case 3:
        select(on_get(b, note), on_timeout(time));
        break;
      case 4:
        for (const counted& item : a.get_batch(3, time)) note(item);
        break;
      default: {
        sluice::selector cases;
        cases.on_get(b, note);
        cases.on_get(a, note);
        cases.wait();
      }
    }
  } catch (const sluice::cancelled&) {
    ++t.cancelled;
  } catch (const sluice::channel_closed&) {
  }
}

/// Fibers of each kind in a volley.
constexpr int each = 60;

/// A volley of fibers, one wait each, that are stopped while others bring what they wait for.
void volley(sluice::runtime& rt, const shape& what, test::random& any, tally& t) {
  const auto a = what.make<counted>();
  const auto b = what.make<counted>();
  std::vector<sluice::task<void>> waits;
  for (int i = 0; i < each; ++i) {
    waits.push_back(rt.go([&, a, b, way = any()] { put_one(a, b, way, t); }));
    waits.push_back(rt.go([&, a, b, way = any()] { get_one(a, b, way, t); }));
    waits.push_back(rt.go([&, a, b, way = any()] { get_one(b, a, way, t); }));
  }
  // In every other volley somebody is not stopped: what is put must reach him.
  std::vector<sluice::task<void>> steady;
  if (any() % 2 == 0) {
    for (const auto& ch : {a, b}) {
      steady.push_back(rt.go([&, ch] {
        for ([[maybe_unused]] const counted& item : ch) ++t.got;
      }));
    }
  }
  // At the same time: items that come and go, the stops, and now and then a close.
  const bool closes = any() % 3 == 0;
  auto items = rt.go([&, a, b, n = any() % 20] {
    for (std::uint64_t i = 0; i < n; ++i) {
      counted item(1);
      ++t.made;
      ++((i % 2 == 0 ? a : b).try_put(std::move(item)) == status::ok ? t.accepted : t.returned);
      if ((i % 3 == 0 ? b : a).try_get()) ++t.got;
    }
    if (closes) a.close();
  });
  for (std::uint64_t i = any() % 40; i > 0; --i) test::relax();
  const std::size_t first = any() % waits.size();
  for (std::size_t i = 0; i < waits.size(); ++i) waits[(first + i) % waits.size()].request_stop();
  for (auto& one : waits) one.join();
  items.join();
  if (!steady.empty()) test::await([&] { return t.accepted == t.got; });
  for (const auto& ch : {a, b}) {
    if (steady.empty()) CHECK(test::getters_waiting(ch) == 0);
    CHECK(test::putters_waiting(ch) == 0);
    ch.close();
    for ([[maybe_unused]] const counted& item : ch) ++t.got;
  }
  for (auto& one : steady) one.join();
}

/// Volleys on a runtime of its own, until so many waits were cut short.
void storm_on(int workers, std::uint64_t waits, tally& t) {
  sluice::runtime rt{{.workers = workers}};
  const test::dumper show([&](std::ostream& out) { rt.dump(out); });
  test::random any = test::random_for("cancel storm", static_cast<std::uint64_t>(workers));
  for (std::size_t round = 0; t.cancelled < waits; ++round) {
    const shape& what = test::shapes.at(round % test::shapes.size());
    const test::situation now(what.name() + ", " + std::to_string(workers) + " workers");
    volley(rt, what, any, t);
  }
  CHECK(t.made == t.accepted + t.returned);
  CHECK(t.accepted == t.got);
  test::await([&] { return rt.stats().fibers == 0; });
  CHECK(counted::alive() == 0);
  CHECK(counted::misuses() == 0);
  // What one volley needs was enough for the thousands of fibers.
  CHECK(rt.stats().stacks <= 2 * (3 * each + 3));
}

}  // namespace

TEST_CASE("a hundred thousand waits are cut short, and every item is with one owner") {
  tally first;
  storm_on(2, 1'000, first);  // makes what the library and the test make once for all
  for (const int workers : {1, 2, 4}) {
    const std::int64_t blocks = test::blocks;
    tally t;
    storm_on(workers, storm / 3 + 1, t);
    // Few things are made once for all; a leak would be one for each of thousands.
    if (test::counts_memory) CHECK(test::blocks <= blocks + 16);
    MESSAGE(workers << " workers: " << t.cancelled.load() << " waits cut short, " << t.got.load()
                    << " items got, " << t.returned.load() << " kept");
  }
}
