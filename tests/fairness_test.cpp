// Shares: who waits in line is served in turn, and select prefers none of its ready cases.
//
// A share is judged where it follows from the rules: waiters of one side are served in the order in
// which they came. A select is judged by statistics, within 10 standard deviations.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using sluice::channel;
using sluice::on_get;
using sluice::on_put;
using sluice::select;
using test::number;
using test::shape;
using test::strands;

constexpr std::size_t sharers = 8;
using shares = std::array<std::atomic<number>, sharers>;

/// Largest by smallest.
double spread(const shares& all) {
  const auto [least, most] = std::minmax_element(all.begin(), all.end());
  return static_cast<double>(*most) / static_cast<double>(*least);
}

bool is_fair(int hits, int trials, double probability) {
  const double expected = trials * probability;
  return std::abs(hits - expected) <= 10 * std::sqrt(expected * (1 - probability));
}

constexpr int trials = 10'000;

/// Do the ready cases of a select share evenly, over 10,000 choices? `choose` makes one.
template <std::size_t Ready, class F>
void check_choice(F choose) {
  std::array<int, Ready> hits{};
  for (int i = 0; i < trials; ++i) ++hits.at(choose());
  for (const int one : hits) CHECK(is_fair(one, trials, 1.0 / Ready));
}

/// Eight fibers that get as fast as they can, until the end.
void start_sharers(sluice::scope& in, const channel<number>& ch, shares& got) {
  for (std::size_t i = 0; i < sharers; ++i) {
    in.go([&ch, &got, i] {
      for ([[maybe_unused]] number item : ch) ++got.at(i);
    });
  }
}

}  // namespace

TEST_CASE("eight getters that wait in line get an item each before one gets its second") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (what.capacity == 1000 || what.capacity == 64) return;
    const auto ch = what.make<number>();
    constexpr number rounds = 12;
    shares got{};
    for (std::size_t i = 0; i < sharers; ++i) {
      crowd.start([&, ch, i] {
        for ([[maybe_unused]] number item : ch) ++got.at(i);
      });
    }
    for (number round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < sharers; ++i) {
        test::await([&] { return test::getters_waiting(ch) == sharers; });
        ch << round;
      }
      test::await([&] { return test::getters_waiting(ch) == sharers; });
      for (const auto& one : got) CHECK(one == round + 1);
    }
    ch.close();
    crowd.join();
  });
}

TEST_CASE("eight putters that wait in line put an item each before one puts its second") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (!what.can_fill() || what.capacity > 7) return;
    const auto ch = what.make<number>();
    constexpr number rounds = 12;
    for (std::size_t i = 0; i < what.capacity; ++i) ch << -1;
    for (number i = 0; i < number{sharers}; ++i) {
      crowd.start([=] {
        for (number k = 0; k < rounds; ++k) ch << i;
      });
    }
    std::vector<number> order;
    for (number k = 0; k < rounds * number{sharers}; ++k) {
      const auto left = std::size_t(rounds * number{sharers} - k);
      test::await([&] { return test::putters_waiting(ch) == std::min(left, sharers); });
      order.push_back(ch.get());
    }
    while (const auto item = ch.try_get()) order.push_back(*item);
    crowd.join();
    std::array<number, sharers> put{};
    for (const number who : order) {
      if (who >= 0) ++put.at(std::size_t(who));
      const auto [least, most] = std::minmax_element(put.begin(), put.end());
      CHECK(*most - *least <= 1);
    }
    CHECK(put[0] == rounds);
  });
}

TEST_CASE("eight fibers of one worker that get as fast as they can share within a fifth") {
  // Who waits in line is served in turn, but who runs takes what there is; and the putter that it
  // wakes runs next, fills the channel and wakes it again. The scheduler ends such a row after 32
  // hand-overs: then a getter has taken 16 times what fits, and it is another one's turn. So each
  // needs many rows before the shares say anything. Now and then a row comes sooner than in turn,
  // by chance: of a hundred rows for each the difference that is left is a tenth or less.
  constexpr std::size_t row = 16;  // worker::next_limit is twice that
  sluice::runtime rt{{.workers = 1}};
  for (const shape& what : test::shapes) {
    const test::situation now(what.name());
    test::progress();
    const auto ch = what.make<number>();
    const auto items = static_cast<number>(std::max<std::size_t>(
        40'000, what.is_unbounded() ? 0 : 100 * sharers * row * what.capacity));
    shares got{};
    rt.run([&] {
      sluice::scope all;
      start_sharers(all, ch, got);
      test::await([&] { return test::getters_waiting(ch) == sharers; });
      for (number i = 0; i < items; ++i) ch << i;
      ch.close();
      all.join();
    });
    CAPTURE(spread(got));
    CHECK(spread(got) <= 1.2);
  }
}

TEST_CASE("eight getters of one worker share alike, whoever it is that runs behind many putters") {
  // In each round all putters come to wait, one getter takes what they have brought, and then each
  // getter takes 16 items in turn with the last of them, a row of 32 hand-overs. If the order of
  // turns repeats it is the same getter for ever, with 1.4 to 1.8 times the share of the others in
  // three of these four. A round has some 300 turns, and once in some 500 somebody gets another
  // place. So in these 5,400 rounds or more the best place changes hands hundreds of times, and what
  // is left of the difference, a tenth or less, is chance.
  sluice::runtime rt{{.workers = 1}};
  for (const number putters : {32, 48}) {
    for (const shape& what : test::shapes) {
      if (what.capacity > 1) continue;
      const test::situation now(what.name());
      const auto ch = what.make<number>();
      constexpr number items = 960'000;
      shares got{};
      rt.run([&] {
        sluice::scope all;
        start_sharers(all, ch, got);
        sluice::scope crowd;
        for (number i = 0; i < putters; ++i) {
          crowd.go([&] {
            for (number k = 0; k < items / putters; ++k) ch << k;
          });
        }
        crowd.join();
        ch.close();
        all.join();
      });
      CAPTURE(putters);
      CAPTURE(spread(got));
      CHECK(spread(got) <= 1.3);
    }
  }
}

TEST_CASE("a select of two, three and eight ready cases chooses each as often as the others") {
  test::everywhere([](strands& crowd) {
    crowd.start([] {
      const channel<int> ch;  // each choice puts back what it took
      const auto back = [&](int item) { ch << item; };
      ch << 1 << 2;
      const auto get = [&] { return on_get(ch, back); };
      check_choice<2>([&] { return select(get(), get()); });
      check_choice<3>([&] { return select(get(), get(), get()); });
      check_choice<8>(
          [&] { return select(get(), get(), get(), get(), get(), get(), get(), get()); });
    });
    crowd.join();
  });
}

TEST_CASE("a select prefers neither puts nor gets, nor full channels to nearly empty ones") {
  for (const shape& what : test::shapes) {
    if (what.is_rendezvous()) continue;
    const test::situation now(what.name());
    const auto a = what.make<number>();
    const auto b = what.make<number>();
    for (std::size_t i = 0; i < what.room(50); ++i) a << 1;
    check_choice<3>([&] {
      const std::size_t chosen = select(on_get(a, [&](number item) { a << item; }), on_put(b, 2),
                                        on_get(a, [&](number item) { a << item; }));
      static_cast<void>(b.try_get());
      return chosen;
    });
  }
}

TEST_CASE("a select prefers neither puts nor gets where each meets a strand that waits") {
  sluice::runtime rt{{.workers = 1}};
  rt.run([] {
    const channel<number> a(sluice::rendezvous);
    const channel<number> b(sluice::rendezvous);
    sluice::scope others;
    others.go([&] {
      while (a.put_for(1, std::chrono::hours(1)) == sluice::status::ok) {
      }
    });
    others.go([&] {
      while (b.get_for(std::chrono::hours(1))) {
      }
    });
    check_choice<3>([&] {
      test::await([&] { return test::putters_waiting(a) == 1 && test::getters_waiting(b) == 1; });
      return select(on_get(a), on_put(b, 2), on_get(a));
    });
    a.close();
    b.close();
    others.join();
  });
}

TEST_CASE("a select prefers neither items nor ends: plain ones, causes and refused puts") {
  const channel<number> items;
  const channel<number> over{1};
  const channel<number> failed{1};
  over.close();
  failed.close(std::make_exception_ptr(1));
  items.put(1);
  std::size_t chosen = 0;
  const auto put_back = [&](number item) { items.put(item); };
  const auto note_end = [&](const sluice::result<number>&) {};
  check_choice<4>([&] {
    try {
      return select(on_get(items, put_back), on_get(over, note_end), on_get(failed),
                    on_put(over, 1));
    } catch (int) {
      chosen = 2;
    } catch (const sluice::channel_closed&) {
      chosen = 3;
    }
    return chosen;
  });
  // The one that is first in order, though a later one has an item.
  for (int i = 0; i < 100; ++i) {
    CHECK(select(sluice::in_order, on_get(over, note_end), on_get(items)) == 0);
    CHECK_THROWS_AS(select(sluice::in_order, on_get(failed), on_get(items)), int);
    CHECK_THROWS_AS(select(sluice::in_order, on_put(over, 1), on_get(items)),
                    sluice::channel_closed);
  }
  CHECK(items.size() == 1);
}

TEST_CASE("a selector of eight ready channels chooses each as often as the others") {
  test::everywhere([](strands& crowd) {
    crowd.start([] {
      std::vector<channel<int>> all(8);
      sluice::selector cases;
      for (const auto& ch : all) {
        ch << 1;
        cases.on_get(ch, [ch](int item) { ch << item; });
      }
      check_choice<8>([&] { return cases.wait(); });
    });
    crowd.join();
  });
}
