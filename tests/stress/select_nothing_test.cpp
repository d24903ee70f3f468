// A select that does not wait, or whose time is over, says so only if there was a moment at which
// none of its cases was ready. Here one of them is at each moment: what makes it ready goes round
// the channels, and comes to the next before it leaves the last.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <vector>

#include "../support/items.hpp"
#include "../support/shapes.hpp"
#include "../support/strands.hpp"
#include "sluice/sluice.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::in_order;
using sluice::on_get;
using sluice::on_put;
using sluice::on_timeout;
using sluice::otherwise;
using sluice::rendezvous;
using sluice::select;
using sluice::selector;
using test::number;
using test::putters_waiting;
using test::shape;
using test::strands;

using channels = std::vector<channel<number>>;

constexpr int rounds = 800 / test::slowness;

/// A case that gets: ready is what has an item.
struct getting {
  static void make_ready(const channel<number>& ch) { static_cast<void>(ch.try_put(1)); }
  static void make_unready(const channel<number>& ch) { static_cast<void>(ch.try_get()); }
  static auto of(const channel<number>& ch) { return on_get(ch); }
  static void add(selector& to, const channel<number>& ch) { to.on_get(ch); }
};

/// A case that puts: ready is what has room for one.
struct putting {
  static constexpr number one = 1;  // cases refer to it
  static void make_ready(const channel<number>& ch) { static_cast<void>(ch.try_get()); }
  static void make_unready(const channel<number>& ch) { static_cast<void>(ch.try_put(1)); }
  static auto of(const channel<number>& ch) { return on_put(ch, one); }
  static void add(selector& to, const channel<number>& ch) { to.on_put(ch, 1); }
};

/// What ends a select that finds nothing.
struct without_wait {
  static auto of() { return otherwise(); }
  static void add(selector& to) { to.otherwise(); }
};
struct after_time {
  std::chrono::microseconds time;
  [[nodiscard]] auto of() const { return on_timeout(time); }
  void add(selector& to) const { to.on_timeout(time); }
};

/// The last channel first: the way that they become ready is the other one.
template <class Side, class End>
std::size_t choose(const channels& all, bool ordered, bool kept, End end) {
  if (kept) {
    selector cases = ordered ? selector(in_order) : selector();
    for (std::size_t i = all.size(); i-- != 0;) Side::add(cases, all[i]);
    end.add(cases);
    return cases.wait();
  }
  if (all.size() == 2) {
    return ordered ? select(in_order, Side::of(all[1]), Side::of(all[0]), end.of())
                   : select(Side::of(all[1]), Side::of(all[0]), end.of());
  }
  return ordered ? select(in_order, Side::of(all[2]), Side::of(all[1]), Side::of(all[0]), end.of())
                 : select(Side::of(all[2]), Side::of(all[1]), Side::of(all[0]), end.of());
}

/// One of the forms: all of them in eight rounds.
template <class Side>
bool finds_one(const channels& all, int round) {
  const bool ordered = round % 2 == 0;
  const bool kept = round / 2 % 2 == 0 || all.size() > 3;
  const std::size_t chosen =
      round / 4 % 2 == 0 ? choose<Side>(all, ordered, kept, without_wait{})
                         : choose<Side>(all, ordered, kept, after_time{round / 8 % 2 * 1us});
  return chosen < all.size();
}

void spend(std::uint64_t steps) {
  for (std::atomic<std::uint64_t> i{0}; i < steps;) ++i;
}

template <class Side>
void go_round(strands& crowd, const shape& what, std::size_t count) {
  test::random any = test::random_for("select nothing");
  std::atomic<const channels*> now{nullptr};
  std::atomic<int> asked{0};
  std::atomic<int> moved{0};
  crowd.start([&, mine = test::random(any())]() mutable {
    for (int round = 1; round <= rounds; ++round) {
      test::await([&] { return asked == round; });
      const channels& all = *now;
      // Once from each to the next, as in the tests of Go and of crossbeam; or on and on.
      const std::size_t moves = mine() % 2 == 0 ? count - 1 : mine() % (count * 13);
      spend(mine() % 40);
      for (std::size_t i = 0; i < moves; ++i) {
        Side::make_ready(all[(i + 1) % count]);
        Side::make_unready(all[i % count]);
      }
      moved = round;
    }
  });
  for (int round = 1; round <= rounds; ++round) {
    channels all;
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(what.make<number>());
      i == 0 ? Side::make_ready(all[i]) : Side::make_unready(all[i]);
    }
    now = &all;
    asked = round;
    spend(any() % 40);
    CHECK(finds_one<Side>(all, round));
    test::await([&] { return moved == round; });
  }
  crowd.join();
}

}  // namespace

TEST_CASE("a select that gets says nothing only if no channel had an item, at one moment") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (what.is_rendezvous() || what.capacity > 7) return;
    go_round<getting>(crowd, what, 2);
    go_round<getting>(crowd, what, 3);
    go_round<getting>(crowd, what, 8);
  });
}

TEST_CASE("a select that puts says nothing only if no channel had room, at one moment") {
  test::everywhere([](strands& crowd) {
    go_round<putting>(crowd, {shape::kind::bounded, 1}, 2);
    go_round<putting>(crowd, {shape::kind::bounded, 1}, 3);
  });
}

TEST_CASE("a select says nothing only if nobody waited on the other side, at one moment") {
  test::everywhere([](strands& crowd) {
    test::random any = test::random_for("select nobody");
    std::atomic<const channels*> now{nullptr};
    std::atomic<int> asked{0};
    std::atomic<int> chosen{0};
    std::atomic<int> moved{0};
    std::atomic<int> ended{0};
    const channel<number> never;
    // Two who put, the second one after a while, some of them by a select.
    for (std::size_t i = 0; i < 2; ++i) {
      crowd.start([&, i, mine = test::random(any())]() mutable {
        for (int round = 1; round <= rounds; ++round) {
          test::await([&] { return asked == round; });
          const channel<number> ch = now.load()->at(i);
          if (i == 1) spend(mine() % 40);
          try {
            mine() % 2 == 0 ? ch.put(1) : void(select(on_get(never), on_put(ch, 1)));
          } catch (const sluice::channel_closed&) {
          }
          ++ended;
        }
      });
    }
    crowd.start([&] {
      for (int round = 1; round <= rounds; ++round) {
        test::await([&] { return asked == round; });
        const channels& all = *now;
        test::await([&] { return putters_waiting(all[1]) == 1 || chosen == round; });
        static_cast<void>(all[0].try_get());
        moved = round;
      }
    });
    for (int round = 1; round <= rounds; ++round) {
      const channels all{channel<number>{rendezvous}, channel<number>{rendezvous}};
      now = &all;
      ended = 0;
      asked = round;
      test::await([&] { return putters_waiting(all[0]) + putters_waiting(all[1]) != 0; });
      spend(any() % 40);
      CHECK(finds_one<getting>(all, round));
      chosen = round;
      test::await([&] { return moved == round; });
      for (const auto& one : all) one.close();
      test::await([&] { return ended == 2; });
    }
    crowd.join();
  });
}
