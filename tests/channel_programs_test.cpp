// Facts that the users of channels in other languages rely on, as programs: sieves, chains, pools,
// streams on demand, channels that carry channels.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::rendezvous;
using test::counted;
using test::nothing;
using test::number;
using test::shape;
using test::strands;

using numbers = std::vector<number>;

/// 0, 1 .. n - 1.
numbers count_to(number n) {
  numbers all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// Where more strands only take longer.
bool is_large(const shape& what) { return what.is_bounded() && what.capacity > 7; }

}  // namespace

// ---- strands in rows and circles -----------------------------------------------------------------

TEST_CASE("a sieve of filters, a strand each, lets the primes pass; closing its end ends it all") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (what.is_unbounded() || is_large(what)) return;  // it would run ahead for ever
    channel<number> from = what.make<number>();
    crowd.start([to = from] {
      try {
        for (number n = 2;; ++n) to << n;
      } catch (const sluice::channel_closed&) {
      }
    });
    for (const number expected : {2, 3, 5, 7, 11, 13, 17, 19, 23, 29}) {
      const number prime = from.get();
      CHECK(prime == expected);
      const channel<number> to = what.make<number>();
      crowd.start([=] {
        try {
          for (const number n : from) {
            if (n % prime != 0) to << n;
          }
        } catch (const sluice::channel_closed&) {
          from.close();  // the end travels up
        }
      });
      from = to;
    }
    from.close();
    crowd.join();
    CHECK(test::getters_waiting(from) + test::putters_waiting(from) == 0);
  });
}

TEST_CASE("a number that passes a long row of strands is raised once by each") {
  test::everywhere([](strands& crowd) {
    const number length = crowd.where().kind == test::flavour::fibers ? 2'000 / test::slowness : 60;
    const channel<number> first{rendezvous};
    channel<number> last = first;
    for (number i = 0; i < length; ++i) {
      const channel<number> from = last;
      last = channel<number>{rendezvous};
      crowd.start([from, to = last] {
        for (const number n : from) to << n + 1;
        to.close();
      });
    }
    crowd.start([=] {
      for (number n = 0; n < 3; ++n) first << n;
      first.close();
    });
    for (number n = 0; n < 3; ++n) CHECK(last.get() == length + n);
    last.join();
  });
}

TEST_CASE("a token that goes round a circle of strands visits them in turn") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    constexpr std::size_t members = 5;
    constexpr number rounds = 40;
    std::vector<channel<number>> ring;
    for (std::size_t i = 0; i < members; ++i) ring.push_back(what.make<number>());
    numbers visits;  // no lock: only who holds the token touches it
    for (std::size_t i = 0; i < members; ++i) {
      crowd.start([&, i, from = ring[i], to = ring[(i + 1) % members]] {
        for (const number n : from) {
          visits.push_back(static_cast<number>(i));
          if (n == 0) {
            for (const auto& ch : ring) ch.close();
            return;
          }
          to << n - 1;
        }
      });
    }
    ring[0] << rounds * number{members} - 1;
    crowd.join();
    CHECK(visits.size() == rounds * members);
    for (std::size_t i = 0; i < visits.size(); ++i) CHECK(visits[i] == number(i % members));
  });
}

TEST_CASE("ping and pong take turns, and each sees what the other wrote before") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto ping = what.make<nothing>();
    const auto pong = what.make<nothing>();
    number turns = 0;  // no lock: the channels order the accesses
    constexpr number rounds = 200;
    crowd.start([&, ping, pong] {
      for (number i = 0; i < rounds; ++i) {
        ping.get();
        CHECK(turns++ == 2 * i + 1);
        pong << nothing{};
      }
    });
    crowd.start([&, ping, pong] {
      for (number i = 0; i < rounds; ++i) {
        CHECK(turns++ == 2 * i);
        ping << nothing{};
        pong.get();
      }
    });
    crowd.join();
    CHECK(turns == 2 * rounds);
  });
}

TEST_CASE("two strands that swap through two rendezvous channels never get out of step") {
  test::everywhere([](strands& crowd) {
    const channel<number> one{rendezvous};
    const channel<number> two{rendezvous};
    constexpr number rounds = 300;
    crowd.start([=] {
      for (number i = 0; i < rounds; ++i) {
        one << i;
        CHECK(two.get() == -i);
      }
    });
    crowd.start([=] {
      for (number i = 0; i < rounds; ++i) {
        CHECK(one.get() == i);
        two << -i;
      }
    });
    crowd.join();
  });
}

TEST_CASE("turns that are handed on fix the order in which strands get from one channel") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    constexpr number getters = 20;
    const channel<number> ch = what.make<number>();
    std::vector<channel<nothing>> turn;
    for (number i = 0; i <= getters; ++i) turn.emplace_back(1);
    for (number i = getters; i-- > 0;) {  // the last comes first, and waits
      crowd.start([=, mine = turn[std::size_t(i)], next = turn[std::size_t(i) + 1]] {
        mine.get();
        CHECK(ch.get() == i);
        next << nothing{};
      });
    }
    crowd.start([=] { ch.put_batch(count_to(getters)); });
    turn.front() << nothing{};
    turn.back().get();
    crowd.join();
    CHECK(ch.empty());
  });
}

TEST_CASE("stages in a row keep the order of the items, and their ends cascade") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const std::array<channel<number>, 3> step{what.make<number>(), what.make<number>(),
                                              what.make<number>()};
    constexpr number n = 300;
    crowd.start([=] {
      const sluice::close_on_exit guard{step[0]};
      step[0].put_batch(count_to(n));
    });
    for (std::size_t i = 0; i < 2; ++i) {
      crowd.start([=, from = step[i], to = step[i + 1]] {
        const sluice::close_on_exit guard{to};
        for (const number item : from) to << 2 * item + 1;
      });
    }
    number expected = 0;
    for (const number item : step[2]) CHECK(item == 4 * expected++ + 3);
    CHECK(expected == n);
  });
}

TEST_CASE("two sorted streams are merged into one by peeking at both") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto odd = what.make<number>();
    const auto even = what.make<number>();
    const auto out = what.make<number>();
    for (const auto& [ch, first] : {std::pair(odd, 1), std::pair(even, 0)}) {
      crowd.start([ch = ch, first = first] {
        const sluice::close_on_exit guard{ch};
        for (number i = first; i < 100; i += 2) ch << i;
      });
    }
    crowd.start([=] {
      const sluice::close_on_exit guard{out};
      number a = 0;
      number b = 0;
      bool has_a = static_cast<bool>(odd >> a);
      bool has_b = static_cast<bool>(even >> b);
      while (has_a || has_b) {
        if (has_a && (!has_b || a < b)) {
          out << a;
          has_a = static_cast<bool>(odd >> a);
        } else {
          out << b;
          has_b = static_cast<bool>(even >> b);
        }
      }
    });
    number next = 0;
    for (const number item : out) CHECK(item == next++);
    CHECK(next == 100);
  });
}

// ---- streams on demand ---------------------------------------------------------------------------

namespace {

/// A stream that computes an item only when it is asked for one. It ends with its `ask`.
struct stream {
  channel<nothing> ask{rendezvous};
  channel<number> answer{rendezvous};

  [[nodiscard]] number next() const {
    ask << nothing{};
    return answer.get();
  }
};

}  // namespace

TEST_CASE("a power series is multiplied on demand, coefficient by coefficient, and no further") {
  test::everywhere([](strands& crowd) {
    const stream ones_a;
    const stream ones_b;
    const stream product;
    std::atomic<number> computed{0};
    for (const stream& one : {ones_a, ones_b}) {
      crowd.start([&, one] {
        for ([[maybe_unused]] nothing demand : one.ask) {
          ++computed;
          one.answer << 1;
        }
      });
    }
    crowd.start([=] {
      numbers a;
      numbers b;
      for ([[maybe_unused]] nothing demand : product.ask) {
        a.push_back(ones_a.next());
        b.insert(b.begin(), ones_b.next());
        product.answer << std::inner_product(a.begin(), a.end(), b.begin(), number{0});
      }
      ones_a.ask.close();
      ones_b.ask.close();
    });
    for (number i = 0; i < 30; ++i) CHECK(product.next() == i + 1);  // 1 / (1 - x)^2
    product.ask.close();
    crowd.join();
    CHECK(computed == 2 * 30);
  });
}

// ---- channels as other things --------------------------------------------------------------------

TEST_CASE("a channel of capacity one is a lock") {
  test::everywhere([](strands& crowd) {
    const channel<nothing> lock{1};
    number count = 0;
    for (int i = 0; i < 4; ++i) {
      crowd.start([&, lock] {
        for (int k = 0; k < 200; ++k) {
          lock << nothing{};
          ++count;
          lock.get();
        }
      });
    }
    crowd.join();
    CHECK(count == 4 * 200);
  });
}

TEST_CASE("a channel of n tokens lets n strands in at a time, and no more") {
  test::everywhere([](strands& crowd) {
    for (const int n : {1, 2, 3}) {
      const channel<nothing> tokens{n};
      std::atomic<int> inside{0};
      for (int i = 0; i < 6; ++i) {
        crowd.start([&, tokens] {
          for (int k = 0; k < 30; ++k) {
            tokens << nothing{};
            CHECK(++inside <= n);
            test::relax();
            --inside;
            tokens.get();
          }
        });
      }
      crowd.join();
      CHECK(inside == 0);
      CHECK(tokens.empty());
    }
  });
}

TEST_CASE("a close is a broadcast: it releases all who wait for an item that never comes") {
  test::everywhere([](strands& crowd) {
    const int n = crowd.where().kind == test::flavour::fibers ? 1'000 / test::slowness : 40;
    const channel<nothing> start{rendezvous};
    std::atomic<int> released{0};
    for (int i = 0; i < n; ++i) {
      crowd.start([&, start] {
        start.join();
        nothing item;
        CHECK(!(start >> item));
        ++released;
      });
    }
    test::await([&] { return test::joiners_waiting(start) == std::size_t(n); });
    CHECK(released == 0);
    start.close();
    crowd.join();
    CHECK(released == n);
  });
}

TEST_CASE("a channel of capacity one keeps a value that strands take out, change and put back") {
  test::everywhere([](strands& crowd) {
    const channel<numbers> shared{1};
    shared << numbers{};
    for (number i = 0; i < 4; ++i) {
      crowd.start([=] {
        for (number k = 0; k < 50; ++k) {
          numbers mine = shared.get();
          mine.push_back(i);
          shared << std::move(mine);
        }
      });
    }
    crowd.join();
    CHECK(shared.get().size() == 4 * 50);
  });
}

TEST_CASE("functions are items: a pool calls them, and their results come back by other channels") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto jobs = what.make<std::function<void()>>();
    const channel<number> results;
    for (int i = 0; i < 3; ++i) {
      crowd.start([=] {
        for (auto& job : jobs) job();
      });
    }
    for (number n = 0; n < 60; ++n) jobs << [=] { results << n * n; };
    jobs.close();
    crowd.join();
    number sum = 0;
    for (const number n : results.get_batch(100)) sum += n;
    CHECK(sum == 59 * 60 * 119 / 6);
  });
}

TEST_CASE("work that makes more work ends when the last piece is done") {
  test::everywhere([](strands& crowd) {
    const channel<int> depth;
    std::atomic<int> open{1};
    std::atomic<int> done{0};
    depth << 7;
    for (int i = 0; i < 3; ++i) {
      crowd.start([&, depth] {
        for (const int d : depth) {
          if (d > 0) {
            open += 2;
            depth << d - 1 << d - 1;
          }
          ++done;
          if (--open == 0) depth.close();
        }
      });
    }
    crowd.join();
    CHECK(done == 255);
    CHECK(depth.drained());
  });
}

TEST_CASE("answers of many workers arrive once each, whoever did the work") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto questions = what.make<number>();
    const auto answers = what.make<number>();
    constexpr number n = 200;
    std::atomic<int> working{4};
    crowd.start([=] {
      questions.put_batch(count_to(n));
      questions.close();
    });
    for (int i = 0; i < 4; ++i) {
      crowd.start([&, questions, answers] {
        for (const number q : questions) answers << q;
        if (--working == 0) answers.close();
      });
    }
    numbers seen(n);
    for (const number a : answers) ++seen.at(std::size_t(a));
    CHECK(seen == numbers(n, 1));
    crowd.join();
  });
}

TEST_CASE("a tree of fibers adds up what its leaves put") {
  for (const int workers : {1, 4}) {
    sluice::runtime rt{{.workers = workers}};
    const std::function<void(number, number, channel<number>)> add =
        [&](number from, number to, const channel<number>& out) {
          if (to - from == 1) {
            out << from;
            return;
          }
          const channel<number> halves{rendezvous};
          const number middle = from + (to - from) / 2;
          sluice::go(add, from, middle, halves);
          sluice::go(add, middle, to, halves);
          out << halves.get() + halves.get();
        };
    constexpr number n = 1'000 / test::slowness;
    rt.run([&] {
      const channel<number> sum{1};
      add(0, n, sum);
      CHECK(sum.get() == n * (n - 1) / 2);
    });
    test::await([&] { return rt.stats().fibers == 0; });
  }
}

// ---- channels as items ---------------------------------------------------------------------------

TEST_CASE("a channel that is sent along carries the answer back") {
  struct question {
    number n;
    channel<number> answer;
  };
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto server = what.make<question>();
    crowd.start([=] {
      for (const question& q : server) q.answer << q.n * 2;
    });
    std::atomic<int> clients{4};
    for (number i = 0; i < 4; ++i) {
      crowd.start([&, server, i] {
        for (number k = 0; k < 25; ++k) {
          const channel<number> answer{rendezvous};
          server << question{i * 100 + k, answer};
          CHECK(answer.get() == 2 * (i * 100 + k));
        }
        if (--clients == 0) server.close();
      });
    }
    crowd.join();
  });
}

TEST_CASE("a channel can pass through itself") {
  struct letter {
    std::shared_ptr<channel<letter>> home;
    number n = 0;
  };
  for (const shape& what : test::shapes) {
    if (what.is_rendezvous()) continue;
    const auto ch = what.make<letter>();
    ch << letter{std::make_shared<channel<letter>>(ch), 1};
    const letter got = ch.get();
    CHECK(*got.home == ch);
    *got.home << letter{nullptr, 2};
    CHECK(ch.get().n == 2);
  }
}

TEST_CASE("an answer that comes too late has room in a channel of one, and goes with it") {
  test::everywhere([](strands& crowd) {
    const channel<channel<counted>> requests{rendezvous};
    crowd.start([=] {
      for (const auto& answer : requests) answer << counted(1);  // never waits
    });
    for (int i = 0; i < 50; ++i) {
      const channel<counted> answer{1};
      requests << answer;
      static_cast<void>(answer.get_for(i % 2 == 0 ? 0us : 1us));
    }
    requests.close();
    crowd.join();
    CHECK(counted::alive() == 0);
  });
}

TEST_CASE("a reader that has had enough goes, and the writer's next put tells it so") {
  test::everywhere([](strands& crowd) {
    auto [tx, rx] = sluice::make_channel<counted>(2);
    crowd.start([tx = std::move(tx)] {
      counted item(0);
      try {
        for (;;) {
          tx << std::move(item);
          item = counted(0);
        }
      } catch (const sluice::channel_closed&) {
        CHECK(item.value() == 0);
      }
    });
    for (int i = 0; i < 5; ++i) rx.get();
    { const auto gone = std::move(rx); }
    crowd.join();
    CHECK(counted::alive() == 0);
  });
}
