// Facts about select that the users of channels in other languages rely on, as programs: several
// selects that work together, timers among the cases, waits that are left and entered again.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using sluice::all_closed;
using sluice::channel;
using sluice::in_order;
using sluice::on_get;
using sluice::on_put;
using sluice::on_timeout;
using sluice::otherwise;
using sluice::rendezvous;
using sluice::select;
using sluice::status;
using test::boxed;
using test::getters_waiting;
using test::nothing;
using test::number;
using test::putters_waiting;
using test::shape;
using test::strands;

using numbers = std::vector<number>;

bool is_large(const shape& what) { return what.is_bounded() && what.capacity > 7; }

template <class T>
void check_nobody_waits(const channel<T>& ch) {
  CHECK(getters_waiting(ch) == 0);
  CHECK(putters_waiting(ch) == 0);
}

}  // namespace

// ---- one item, one way ---------------------------------------------------------------------------

TEST_CASE("a put that is offered to several channels goes to one of them") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto out = what.make<number>();
    constexpr number n = 150;
    std::vector<channel<number>> ways;
    for (int i = 0; i < 4; ++i) ways.push_back(what.make<number>());
    std::atomic<int> carrying{4};
    for (const auto& way : ways) {
      crowd.start([&, way, out] {
        for (const number item : way) out << item;
        if (--carrying == 0) out.close();
      });
    }
    crowd.start([ways] {
      for (number i = 0; i < n; ++i) {
        CHECK(select(on_put(ways[0], i), on_put(ways[1], i), on_put(ways[2], i),
                     on_put(ways[3], i)) < 4);
      }
      for (const auto& way : ways) way.close();
    });
    numbers seen(n);
    for (const number item : out) ++seen.at(std::size_t(item));
    CHECK(seen == numbers(n, 1));
    crowd.join();
    for (const auto& way : ways) check_nobody_waits(way);
  });
}

TEST_CASE("a channel that stands in five cases gives one item at a time") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto ch = what.make<number>();
    crowd.start([=] {
      for (number i = 0; i < 60; ++i) ch << i;
      ch.close();
    });
    number next = 0;
    const auto note = [&](number item) { CHECK(item == next++); };
    while (select(on_get(ch, note), on_get(ch, note), on_get(ch, note), on_get(ch, note),
                  on_get(ch, note)) != all_closed) {
    }
    CHECK(next == 60);
    check_nobody_waits(ch);
  });
}

TEST_CASE("a channel that stands in several put cases takes one item at a time") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto ch = what.make<number>();
    crowd.start([=] {
      for (number i = 0; i < 60; ++i) select(on_put(ch, i), on_put(ch, i), on_put(ch, i));
      ch.close();
    });
    number next = 0;
    for (const number item : ch) CHECK(item == next++);
    CHECK(next == 60);
  });
}

TEST_CASE("two strands that put and get in one select never get their own item") {
  test::everywhere([](strands& crowd) {
    const channel<number> ch{rendezvous};
    constexpr int rounds = 200;
    std::atomic<int> put{0};
    std::atomic<int> got{0};
    for (number self = 0; self < 2; ++self) {
      crowd.start([&, ch, self] {
        const auto note = [&](number item) {
          CHECK(item != self);
          ++got;
        };
        for (int i = 0; i < rounds; ++i) {  // in both orders
          const bool put_first = (i + self) % 3 == 0;
          const std::size_t chosen = put_first ? select(on_put(ch, self), on_get(ch, note))
                                               : select(on_get(ch, note), on_put(ch, self));
          if ((chosen == 0) == put_first) ++put;
        }
      });
    }
    crowd.join();
    CHECK(put == rounds);
    CHECK(got == rounds);
    check_nobody_waits(ch);
  });
}

TEST_CASE("an item that one strand keeps offering until it is taken arrives once and in order") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto ch = what.make<boxed>();
    const channel<number> other{1};
    constexpr number n = 80;
    crowd.start([=] {
      for (number i = 0; i < n; ++i) {
        boxed item(i);
        for (bool put = false; !put;) {  // the other case comes between, again and again
          static_cast<void>(other.try_put(i));
          put = select(on_get(other), on_put(ch, std::move(item))) == 1;
          CHECK(item.moved_from() == put);
          if (!put) test::relax();
        }
      }
      ch.close();
    });
    number next = 0;
    for (const boxed& item : ch) CHECK(item.value() == next++);
    CHECK(next == n);
  });
}

TEST_CASE("a select with otherwise, over and over, loses no item and no room") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const std::array<channel<number>, 2> ch{what.make<number>(), what.make<number>()};
    constexpr number n = 150;
    std::atomic<number> sum{0};
    std::atomic<int> putting{2};
    for (std::size_t i = 0; i < 2; ++i) {
      crowd.start([&, ch, i] {
        for (number k = 1; k <= n; ++k) {
          // By polling on one side only: on a rendezvous channel somebody must wait.
          if (i == 0 || what.is_rendezvous()) {
            select(on_put(ch[0], k), on_put(ch[1], k));
          } else {
            test::await(
                [&] { return select(on_put(ch[0], k), otherwise(), on_put(ch[1], k)) != 1; });
          }
        }
        if (--putting == 0) {
          for (const auto& one : ch) one.close();
        }
      });
      crowd.start([&, ch] {
        const auto add = [&](number item) { sum += item; };
        test::await([&] {
          return select(on_get(ch[1], add), on_get(ch[0], add), otherwise()) == all_closed;
        });
      });
    }
    crowd.join();
    CHECK(sum == 2 * n * (n + 1) / 2);
  });
}

// ---- many selects --------------------------------------------------------------------------------

TEST_CASE("four channels, putters and getters that wait in one channel or select among all") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    std::vector<channel<number>> ch;
    for (int i = 0; i < 4; ++i) ch.push_back(what.make<number>());
    constexpr number n = 60;
    std::atomic<number> sum{0};
    for (std::size_t i = 0; i < 4; ++i) {  // as many items go into each channel as come out of it
      crowd.start([=] {
        for (number k = 0; k < n; ++k) ch[i] << k;
      });
      crowd.start([&, one = ch[i]] {
        for (number k = 0; k < n; ++k) sum += one.get();
      });
    }
    crowd.start([ch] {
      std::array<number, 4> left{n, n, n, n};
      for (number total = 0; total < 4 * n; ++total) {
        // Whose share is used up is replaced by a channel that is never ready.
        const channel<number> none{rendezvous};
        const auto pick = [&](std::size_t i) { return left.at(i) > 0 ? ch[i] : none; };
        --left.at(
            select(on_put(pick(0), 1), on_put(pick(1), 1), on_put(pick(2), 1), on_put(pick(3), 1)));
      }
    });
    crowd.start([&, ch] {
      std::array<number, 4> left{n, n, n, n};
      const auto add = [&](number item) { sum += item; };
      for (number total = 0; total < 4 * n; ++total) {
        const channel<number> none{rendezvous};
        const auto pick = [&](std::size_t i) { return left.at(i) > 0 ? ch[i] : none; };
        --left.at(select(on_get(pick(0), add), on_get(pick(1), add), on_get(pick(2), add),
                         on_get(pick(3), add)));
      }
    });
    crowd.join();
    CHECK(sum == 4 * n * (n - 1) / 2 + 4 * n);
    for (const auto& one : ch) {
      CHECK(one.empty());
      check_nobody_waits(one);
    }
  });
}

TEST_CASE("selects over the same channels in opposite orders do not hold each other up") {
  test::everywhere([](strands& crowd) {
    const channel<number> a{rendezvous};
    const channel<number> b{rendezvous};
    constexpr number n = 150;
    std::atomic<number> sum{0};
    const auto add = [&](number item) { sum += item; };
    crowd.start([=] {
      for (number i = 0; i < n; ++i) select(on_put(a, i), on_put(b, i));
    });
    crowd.start([=] {
      for (number i = 0; i < n; ++i) select(on_put(b, i), on_put(a, i));
    });
    crowd.start([&, a, b] {
      for (number i = 0; i < n; ++i) select(on_get(a, add), on_get(b, add));
    });
    crowd.start([&, a, b] {
      for (number i = 0; i < n; ++i) select(on_get(b, add), on_get(a, add));
    });
    crowd.join();
    CHECK(sum == n * (n - 1));
    check_nobody_waits(a);
    check_nobody_waits(b);
  });
}

TEST_CASE("two strands that either put here or get there exchange one item at each meeting") {
  test::everywhere([](strands& crowd) {
    const channel<number> a{rendezvous};
    const channel<number> b{rendezvous};
    std::array<std::atomic<int>, 4> chosen{};
    constexpr int rounds = 200;
    crowd.start([&, a, b] {
      for (int i = 0; i < rounds; ++i) ++chosen.at(select(on_put(a, 1), on_get(b)));
    });
    crowd.start([&, a, b] {
      for (int i = 0; i < rounds; ++i) ++chosen.at(2 + select(on_get(a), on_put(b, 2)));
    });
    crowd.join();
    CHECK(chosen[0] == chosen[2]);
    CHECK(chosen[1] == chosen[3]);
    CHECK(chosen[0] + chosen[1] == rounds);
  });
}

TEST_CASE("every way to put meets every way to get on a rendezvous channel") {
  using put_way = void (*)(const channel<number>&, number);
  using get_way = number (*)(const channel<number>&);
  const std::array<put_way, 4> puts{
      [](const channel<number>& ch, number n) { ch << n; },
      [](const channel<number>& ch, number n) { select(on_put(ch, n)); },
      [](const channel<number>& ch, number n) {
        const channel<number> none;
        CHECK(select(on_get(none), on_put(ch, n), on_timeout(1h)) == 1);
      },
      [](const channel<number>& ch, number n) {
        test::await([&] { return select(on_put(ch, n), otherwise()) == 0; });
      },
  };
  const std::array<get_way, 5> gets{
      [](const channel<number>& ch) { return ch.get(); },
      [](const channel<number>& ch) {
        number got = -1;
        select(on_get(ch, [&](number n) { got = n; }));
        return got;
      },
      [](const channel<number>& ch) {
        number got = -1;
        const channel<number> none;
        select(on_get(none), on_timeout(1h),
               on_get(ch, [&](const sluice::result<number>& r) { got = r ? *r : -2; }));
        return got;
      },
      [](const channel<number>& ch) {
        number got = -1;
        sluice::selector cases;
        cases.on_get(ch, [&](number n) { got = n; });
        cases.wait();
        return got;
      },
      [](const channel<number>& ch) {
        number got = -1;
        test::await(
            [&] { return select(on_get(ch, [&](number n) { got = n; }), otherwise()) == 0; });
        return got;
      },
  };
  test::everywhere([&](strands& crowd) {
    for (std::size_t p = 0; p < puts.size(); ++p) {
      for (std::size_t g = 0; g < gets.size(); ++g) {
        if (p == 3 && g == 4) continue;  // nobody would wait
        const channel<number> ch{rendezvous};
        crowd.start([=, put = puts.at(p)] {
          for (number i = 0; i < 20; ++i) put(ch, i);
        });
        for (number i = 0; i < 20; ++i) CHECK(gets.at(g)(ch) == i);
        crowd.join();
        check_nobody_waits(ch);
      }
    }
  });
}

TEST_CASE("a select that leaves the middle of a line leaves the line whole") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto line = what.make<number>();
    const auto way_out = what.make<number>();
    std::array<std::atomic<number>, 5> got{};
    for (std::size_t i = 0; i < got.size(); ++i) {
      crowd.start([&, line, way_out, i] {
        if (i % 2 == 0) {
          got.at(i) = line.get();
        } else {
          select(on_get(line, [](number) { FAIL_CHECK("it has left the line"); }), on_get(way_out));
        }
      });
      test::await([&] { return getters_waiting(line) == i + 1; });
    }
    for (int i = 0; i < 2; ++i) way_out << 0;
    test::await([&] { return getters_waiting(line) == 3; });
    for (number i = 1; i <= 3; ++i) line << i;
    crowd.join();
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(got.at(i) == (i % 2 == 0 ? i / 2 + 1 : 0));
  });
}

TEST_CASE("selects that wait in one line are served in the order in which they came") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto ch = what.make<number>();
    const auto other = what.make<number>();
    for (number i = 0; i < 6; ++i) {
      crowd.start([=] {
        CHECK(select(on_get(other), on_get(ch, [&](number item) { CHECK(item == i); })) == 1);
      });
      test::await([&] { return getters_waiting(ch) == std::size_t(i) + 1; });
    }
    for (number i = 0; i < 6; ++i) ch << i;
    crowd.join();
    check_nobody_waits(other);
  });
}

TEST_CASE("one close ends the selects of all who wait for that channel alone") {
  test::everywhere([](strands& crowd) {
    const int n = crowd.where().kind == test::flavour::fibers ? 500 / test::slowness : 30;
    const channel<number> a{rendezvous};
    const channel<number> b{rendezvous};
    std::atomic<int> ended{0};
    for (int i = 0; i < n; ++i) {
      crowd.start([&, a, b] {
        if (select(on_get(a), on_get(b)) == all_closed) ++ended;
      });
    }
    test::await([&] { return getters_waiting(a) == std::size_t(n); });
    test::await([&] { return getters_waiting(b) == std::size_t(n); });
    a.close();
    CHECK(getters_waiting(b) == std::size_t(n));
    b.close();
    crowd.join();
    CHECK(ended == n);
  });
}

TEST_CASE("a merge of channels keeps the order of each") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    std::vector<channel<number>> in;
    for (int i = 0; i < 3; ++i) in.push_back(what.make<number>());
    for (const auto& ch : in) {
      crowd.start([=] {
        const sluice::close_on_exit guard{ch};
        for (number k = 0; k < 100; ++k) ch << k;
      });
    }
    std::array<number, 3> next{};
    const auto note = [&](std::size_t i) {
      return [&, i](number item) { CHECK(item == next.at(i)++); };
    };
    while (select(on_get(in[0], note(0)), on_get(in[1], note(1)), on_get(in[2], note(2))) !=
           all_closed) {
    }
    CHECK(next == std::array<number, 3>{100, 100, 100});
  });
}

TEST_CASE("jobs go to whichever worker is free, each once") {
  test::everywhere([](strands& crowd) {
    std::vector<channel<number>> desks;
    for (int i = 0; i < 3; ++i) desks.emplace_back(rendezvous);
    const channel<number> done;
    for (const auto& desk : desks) {
      crowd.start([=] {
        for (const number job : desk) done << job;
      });
    }
    constexpr number n = 150;
    for (number i = 0; i < n; ++i)
      select(on_put(desks[0], i), on_put(desks[1], i), on_put(desks[2], i));
    for (const auto& desk : desks) desk.close();
    crowd.join();
    std::vector<number> all = done.get_batch(2 * n);
    std::sort(all.begin(), all.end());
    CHECK(all.size() == n);
    for (number i = 0; i < std::min<number>(n, number(all.size())); ++i)
      CHECK(all[std::size_t(i)] == i);
  });
}

// ---- cases that come and go ----------------------------------------------------------------------

TEST_CASE("a case is switched off by an ended channel in its place, and on again") {
  const channel<number> a{1};
  channel<number> off;
  off.close();
  a << 1;
  CHECK(select(on_get(off), on_get(off), otherwise()) == all_closed);
  CHECK(select(on_get(off), on_get(a)) == 1);
  for (const bool on : {false, true, false, true}) {
    static_cast<void>(a.try_put(1));
    CHECK(select(in_order, on_get(on ? a : off), on_timeout(0ms)) == (on ? 0 : all_closed));
  }
}

TEST_CASE("a case of a moved-from handle is refused, and says which") {
  channel<number> gone;
  const channel<number> there = std::move(gone);
  const auto words = [](auto f) {
    try {
      f();
    } catch (const std::logic_error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(words([&] { select(on_get(gone), otherwise()); }).find("on_get") != std::string::npos);
  CHECK(words([&] { select(on_put(gone, 1), otherwise()); }).find("on_put") != std::string::npos);
  sluice::selector cases;
  CHECK(words([&] { cases.on_get(gone); }).find("on_get") != std::string::npos);
  CHECK(words([&] { cases.on_put(gone, 1); }).find("on_put") != std::string::npos);
  CHECK(there.empty());
}

TEST_CASE("the last sender that goes ends a select, the last receiver makes its put throw") {
  test::everywhere([](strands& crowd) {
    auto [tx, rx] = sluice::make_channel<number>(rendezvous);
    auto [tx2, rx2] = sluice::make_channel<number>(1);
    crowd.start([rx = std::move(rx)] { CHECK(select(on_get(rx)) == all_closed); });
    tx2 << 1;
    crowd.start([tx2 = std::move(tx2)] {
      CHECK_THROWS_AS(select(on_put(tx2, 2)), sluice::channel_closed);
    });
    { const auto gone = std::move(tx); }
    { const auto gone = std::move(rx2); }
    crowd.join();
  });
}

TEST_CASE("a case that takes the end is ready for ever, and shares with the others") {
  const channel<number> over;
  over.close();
  const channel<number> full{200};
  for (int i = 0; i < 200; ++i) full << 1;
  int ends = 0;
  int items = 0;
  while (items < 200) {
    const std::size_t chosen =
        select(on_get(over, [&](const sluice::result<number>& r) { ends += r ? 1000 : 1; }),
               on_get(full, [&](number) { ++items; }));
    CHECK(chosen < 2);
  }
  CHECK(ends > 50);
  CHECK(ends < 800);
}

TEST_CASE("high and low priority: in order, the low one is served only while the high is empty") {
  test::everywhere([](strands& crowd) {
    const channel<number> high;
    const channel<number> low;
    for (number i = 0; i < 50; ++i) {
      low << i;
      high << i;
    }
    high.close();
    low.close();
    crowd.start([=] {
      std::string order;
      const auto note = [&](char c) { return [&, c](number) { order += c; }; };
      while (select(in_order, on_get(high, note('h')), on_get(low, note('l'))) != all_closed) {
      }
      CHECK(order == std::string(50, 'h') + std::string(50, 'l'));
    });
    crowd.join();
  });
}

TEST_CASE("a selector over many channels takes each item once, whoever brought it") {
  test::everywhere([](strands& crowd) {
    std::vector<channel<number>> all;
    for (int i = 0; i < 64; ++i) all.emplace_back(rendezvous);
    for (std::size_t s = 0; s < 4; ++s) {
      crowd.start([all, s] {
        for (std::size_t i = s; i < all.size(); i += 4) all[i] << number(i);
        for (std::size_t i = s; i < all.size(); i += 4) all[i].close();
      });
    }
    numbers seen(all.size());
    sluice::selector cases;
    for (const auto& ch : all) cases.on_get(ch, [&](number n) { ++seen.at(std::size_t(n)); });
    while (cases.wait() != all_closed) {
    }
    CHECK(seen == numbers(all.size(), 1));
    crowd.join();
  });
}

TEST_CASE("a selector that puts and gets on one rendezvous channel does not meet itself") {
  test::everywhere([](strands& crowd) {
    const channel<number> ch{rendezvous};
    sluice::selector cases;
    number got = 0;
    cases.on_get(ch, [&](number n) { got = n; });
    cases.on_put(ch, 1);
    cases.on_timeout(1ms);
    CHECK(cases.wait() == 2);
    CHECK(got == 0);
    check_nobody_waits(ch);
    crowd.start([=] { CHECK(ch.get() == 1); });
    test::await([&] { return cases.wait() == 1; });
    crowd.start([=] { ch << 2; });
    test::await([&] { return cases.wait() == 0; });
    CHECK(got == 2);
  });
}

// ---- handlers ------------------------------------------------------------------------------------

TEST_CASE("a handler may use the channels of its select, and select again") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (what.is_rendezvous()) return;
    const auto ch = what.make<number>();
    ch << 6;
    number last = -1;
    const auto again = [&](auto& self, number n) -> void {
      last = n;
      if (n == 0) return;
      ch << n - 1;
      select(on_get(ch, [&](number item) { self(self, item); }));
    };
    select(on_get(ch, [&](number item) { again(again, item); }));
    CHECK(last == 0);
    CHECK(ch.empty());
    crowd.join();
  });
}

TEST_CASE("what a handler throws passes on; its item is gone with it, the others stay") {
  const channel<test::counted> a{2};
  const channel<test::counted> b{2};
  a << test::counted(1) << test::counted(2);
  CHECK_THROWS_WITH_AS(
      select(on_get(a, [](const test::counted&) { throw std::runtime_error("mine"); }),
             on_put(b, test::counted(3), [] { throw std::runtime_error("mine"); })),
      "mine", std::runtime_error);
  CHECK(a.size() + b.size() == (b.empty() ? 1 : 3));
  CHECK(test::counted::alive() == std::int64_t(a.size() + b.size()));
}

TEST_CASE("a handler may close the channels of its select, and the loop ends") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto a = what.make<number>();
    const auto b = what.make<number>();
    crowd.start([=] { a << 1; });
    int rounds = 0;
    while (select(on_get(a,
                         [&](number) {
                           a.close();
                           b.close();
                         }),
                  on_get(b)) != all_closed) {
      ++rounds;
    }
    CHECK(rounds == 1);
    crowd.join();
  });
}

// ---- time ----------------------------------------------------------------------------------------

TEST_CASE("after in a select bounds the wait for an item, and an item comes before a long one") {
  test::everywhere([](strands& crowd) {
    const channel<number> ch{1};
    const auto begin = clock::now();
    CHECK(select(on_get(ch), on_get(sluice::after(2ms))) == 1);
    CHECK(clock::now() - begin >= 2ms);
    crowd.start([=] { ch << 1; });
    CHECK(select(on_get(ch), on_get(sluice::after(1h))) == 0);
    crowd.join();
    check_nobody_waits(ch);
  });
}

TEST_CASE("two that come after different times both come in one loop, none early") {
  test::everywhere([](strands&) {
    const auto begin = clock::now();
    const auto longer = sluice::after(5ms);
    const auto shorter = sluice::after(1ms);
    int came = 0;
    const auto note = [&](clock::duration d) {
      return [&, d](clock::time_point at) {
        CHECK(at >= begin + d);
        ++came;
      };
    };
    while (select(on_get(longer, note(5ms)), on_get(shorter, note(1ms))) != all_closed) {
    }
    CHECK(came == 2);
  });
}

TEST_CASE("a ticker runs in a select until somebody says quit") {
  test::everywhere([](strands& crowd) {
    const channel<nothing> quit{rendezvous};
    const channel<int> beats;
    crowd.start([=] {
      const auto ticker = sluice::tick(500us);
      clock::time_point last{};
      int count = 0;
      while (select(on_get(ticker,
                           [&](clock::time_point at) {
                             CHECK(at > last);
                             last = at;
                             beats << ++count;
                           }),
                    on_get(quit)) == 0) {
      }
    });
    for (int i = 1; i <= 3; ++i) CHECK(beats.get() == i);
    quit << nothing{};
    crowd.join();
  });
}

TEST_CASE("what comes after a time wakes every kind of wait for it") {
  test::everywhere([](strands& crowd) {
    const auto at = sluice::after(1ms);
    std::atomic<int> got{0};
    std::atomic<int> ended{0};
    for (int i = 0; i < 2; ++i) {
      crowd.start([&, at] {
        if (select(on_get(at, [&](clock::time_point) { ++got; })) == all_closed) ++ended;
      });
      crowd.start([&, at] { at.get_for(1h) ? ++got : ++ended; });
      crowd.start([&, at] {
        for ([[maybe_unused]] auto time : at) ++got;
        at.join();
        ++ended;
      });
    }
    crowd.join();
    CHECK(got == 1);
    CHECK((ended == 5 || ended == 6));  // a loop that got it sees the end as well
  });
}

TEST_CASE("a stop of a fiber ends its select among channels and timers, and nothing is taken") {
  test::everywhere([](strands& crowd) {
    if (crowd.where().kind != test::flavour::fibers) return;
    const channel<boxed> in{1};
    const channel<boxed> full{1};
    full << boxed(0);
    const auto late = sluice::after(1h);
    const std::size_t fiber = crowd.start([=] {
      boxed mine(1);
      CHECK_THROWS_AS(
          select(on_get(in), on_put(full, std::move(mine)), on_get(late), on_timeout(1h)),
          sluice::cancelled);
      CHECK(mine.value() == 1);
    });
    test::await([&] { return getters_waiting(late) == 1 && putters_waiting(full) == 1; });
    crowd.stop(fiber);
    crowd.join();
    check_nobody_waits(in);
    check_nobody_waits(full);
    check_nobody_waits(late);
    CHECK(full.get().value() == 0);
    CHECK(full.empty());
  });
}
