// Selects against puts, gets, closes, times, stops and each other: each wait ends once, and nothing
// is lost or doubled.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <vector>

#include "../support/items.hpp"
#include "../support/shapes.hpp"
#include "../support/strands.hpp"
#include "sluice/sluice.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::all_closed;
using sluice::channel;
using sluice::on_get;
using sluice::on_put;
using sluice::on_timeout;
using sluice::select;
using std::chrono::microseconds;
using test::boxed;
using test::counted;
using test::getters_waiting;
using test::number;
using test::putters_waiting;
using test::shape;
using test::strands;

constexpr int each = 300 / test::slowness;

template <class F>
std::size_t start_fiber(strands& crowd, F f) {
  if (!crowd.next_is_fiber()) crowd.start([] {});
  return crowd.start(std::move(f));
}

template <class T>
void check_nobody_waits(const std::vector<channel<T>>& channels) {
  for (const channel<T>& ch : channels) {
    CHECK(getters_waiting(ch) == 0);
    CHECK(putters_waiting(ch) == 0);
  }
}

template <class T>
std::vector<channel<T>> make(const shape& what, std::size_t count) {
  std::vector<channel<T>> channels;
  for (std::size_t i = 0; i < count; ++i) channels.push_back(what.make<T>());
  return channels;
}

/// What was put and what was got, by number and by sum.
struct tally {
  std::atomic<number> put{0};
  std::atomic<number> got{0};
  std::atomic<number> sum_put{0};
  std::atomic<number> sum_got{0};

  void count_put(number n) {
    ++put;
    sum_put += n;
  }
  void count_got(number n) {
    ++got;
    sum_got += n;
  }
  void check() const {
    CHECK(put == got);
    CHECK(sum_put == sum_got);
  }
};

/// Puts `each` items by selects over all channels; now and then the time runs out first.
template <class T>
void put_by_selects(const std::vector<channel<T>>& to, tally& t, test::random any) {
  for (int i = 0; i < each;) {
    const number n = static_cast<number>(any() % 1'000);
    T a = test::make<T>(n);
    T b = test::make<T>(n + 1);
    const std::size_t chosen =
        any() % 4 != 0 ? select(on_put(to[0], std::move(a)), on_put(to[1], std::move(b)))
                       : select(on_put(to[0], std::move(a)), on_put(to[1], std::move(b)),
                                on_timeout(microseconds(any() % 30)));
    CHECK((test::number_of(a) == n) == (chosen != 0));
    CHECK((test::number_of(b) == n + 1) == (chosen != 1));
    if (chosen == 2) continue;
    t.count_put(n + static_cast<number>(chosen));
    ++i;
  }
}

/// Gets by selects over all channels until each has ended.
template <class T>
void get_by_selects(const std::vector<channel<T>>& from, tally& t, test::random any) {
  const auto note = [&](const T& item) { t.count_got(test::number_of(item)); };
  for (;;) {
    const std::size_t chosen =
        any() % 4 != 0 ? select(on_get(from[0], note), on_get(from[1], note))
                       : select(on_get(from[1], note), on_get(from[0], note), on_get(from[1], note),
                                on_timeout(microseconds(any() % 30)));
    if (chosen == all_closed) return;
  }
}

/// All four corners: selects and plain operations on both sides of two channels.
template <class T>
void race(strands& crowd, const shape& what) {
  test::random any = test::random_for("select race");
  const auto channels = make<T>(what, 2);
  tally t;
  std::atomic<int> putting{4};
  const auto done = [&, channels] {
    if (--putting != 0) return;
    for (const channel<T>& ch : channels) ch.close();
  };
  for (int i = 0; i < 2; ++i) {
    crowd.start([&, channels, mine = test::random(any())] {
      put_by_selects(channels, t, mine);
      done();
    });
    crowd.start([&, ch = channels[static_cast<std::size_t>(i)]] {
      for (number n = 0; n < each; ++n) {
        ch.put(test::make<T>(n));
        t.count_put(n);
      }
      done();
    });
    crowd.start([&, channels, mine = test::random(any())] { get_by_selects(channels, t, mine); });
    crowd.start([&, ch = channels[static_cast<std::size_t>(i)]] {
      for (const T& item : ch) t.count_got(test::number_of(item));
    });
  }
  crowd.join();
  t.check();
  check_nobody_waits(channels);
}

}  // namespace

TEST_CASE("selects and plain operations on both sides of two channels lose and double nothing") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (what.capacity == 1000) return;
    race<boxed>(crowd, what);
    race<counted>(crowd, what);
    CHECK(counted::alive() == 0);
    CHECK(counted::misuses() == 0);
  });
}

TEST_CASE("selects that put and get at once over the same rendezvous channels, in rings") {
  // Strand i puts into channel i or gets from channel i + 1, and the other way round: each meets its
  // neighbours, each pair may try at the same time, from both ends, and all of them in a circle.
  test::everywhere([](strands& crowd) {
    for (const std::size_t size : {1, 2, 3, 5}) {
      const test::situation now("ring of " + std::to_string(size));
      const std::vector<channel<number>> ring = make<number>({shape::kind::rendezvous, 0}, size);
      tally t;
      std::atomic<std::size_t> left{2 * size};
      for (std::size_t i = 0; i < 2 * size; ++i) {
        crowd.start([&, ring, i] {
          const channel<number>& one = ring[i % size];
          const channel<number>& two = ring[(i + 1) % size];
          const auto note = [&](number n) { t.count_got(n); };
          const number mine = static_cast<number>(i);
          for (int k = 0; k < each;) {
            const bool alone = left == 1;
            const std::size_t chosen =
                select(on_put(one, mine), on_get(two, note), on_put(two, mine + 100),
                       on_get(one, note), on_timeout(alone ? microseconds(0) : 1h));
            if (chosen == 0) t.count_put(mine);
            if (chosen == 2) t.count_put(mine + 100);
            ++k;
          }
          --left;
          // Whoever still waits for a partner gets one from those who are through.
          while (left != 0) {
            const std::size_t chosen =
                select(on_put(one, mine), on_get(two, note), on_put(two, mine + 100),
                       on_get(one, note), on_timeout(microseconds(50)));
            if (chosen == 0) t.count_put(mine);
            if (chosen == 2) t.count_put(mine + 100);
          }
        });
      }
      crowd.join();
      t.check();
      check_nobody_waits(ring);
    }
  });
}

TEST_CASE("selects beside closes, with and without a cause: each item before the close arrives") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (what.capacity >= 64 && what.is_bounded()) return;
    for (int round = 0; round < 60 / test::slowness; ++round) {
      test::progress();
      const auto channels = make<boxed>(what, 3);
      tally t;
      for (std::size_t i = 0; i < 3; ++i) {
        crowd.start([&, ch = channels[i], round, i] {
          for (number n = 0; n < round % 5; ++n) {
            ch.put(boxed(n));
            t.count_put(n);
          }
          const bool fails = (static_cast<std::size_t>(round) + i) % 4 == 0;
          ch.close(fails ? std::make_exception_ptr(std::runtime_error("broken")) : nullptr);
        });
      }
      for (int i = 0; i < 2; ++i) {
        crowd.start([&, channels] {
          const auto note = [&](const boxed& item) { t.count_got(item.value()); };
          std::vector<channel<boxed>> in_play = channels;
          const auto drop_ended = [&] {
            std::erase_if(in_play, [](const auto& ch) { return ch.drained(); });
            while (in_play.size() < 3) {  // an ended channel without a cause in its place
              channel<boxed> over;
              over.close();
              in_play.push_back(over);
            }
          };
          for (;;) {
            try {
              if (select(on_get(in_play[0], note), on_get(in_play[1], note),
                         on_get(in_play[2], note)) == all_closed) {
                return;
              }
            } catch (const std::runtime_error&) {
              drop_ended();
            }
          }
        });
      }
      crowd.join();
      t.check();
      for (const auto& ch : channels) CHECK(ch.drained());
      check_nobody_waits(channels);
    }
  });
}

TEST_CASE("selects that are stopped at any moment take no item and no wake-up with them") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (crowd.where().kind == test::flavour::threads || what.capacity == 1000) return;
    test::random any = test::random_for("select stops");
    for (int round = 0; round < 25 / test::slowness; ++round) {
      test::progress();
      const auto channels = make<boxed>(what, 2);
      tally t;
      std::vector<std::size_t> fibers;
      std::atomic<int> stopped{0};
      for (int i = 0; i < 2; ++i) {
        fibers.push_back(start_fiber(crowd, [&, channels] {
          boxed a(1);
          boxed b(2);
          try {
            for (;;) {
              const std::size_t chosen =
                  select(on_put(channels[0], std::move(a)), on_put(channels[1], std::move(b)));
              t.count_put(chosen == 0 ? 1 : 2);
              (chosen == 0 ? a : b) = boxed(chosen == 0 ? 1 : 2);
              if (what.is_unbounded()) test::relax();
            }
          } catch (const sluice::cancelled&) {
            CHECK(a.value() == 1);
            CHECK(b.value() == 2);
          }
          ++stopped;
        }));
        fibers.push_back(start_fiber(crowd, [&, channels] {
          const auto note = [&](const boxed& item) { t.count_got(item.value()); };
          try {
            for (;;) select(on_get(channels[0], note), on_get(channels[1], note));
          } catch (const sluice::cancelled&) {
          }
          ++stopped;
        }));
      }
      // Beside them, those who are not stopped: no wake-up may be lost for them.
      crowd.start([&, channels] {
        const auto note = [&](const boxed& item) { t.count_got(item.value()); };
        while (select(on_get(channels[1], note), on_get(channels[0], note)) != all_closed) {
        }
      });
      for (std::uint64_t i = any() % 6; i > 0; --i) test::relax();
      for (const std::size_t one : fibers) crowd.stop(one);
      test::await([&] {
        return stopped == 4 && channels[0].empty() && channels[1].empty() && t.put == t.got;
      });
      for (const auto& ch : channels) ch.close();
      crowd.join();
      t.check();
      check_nobody_waits(channels);
    }
  });
}

TEST_CASE("an item, a close, a deadline and a second item at one instant end a select once") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (what.capacity == 1000) return;
    for (int round = 0; round < 100 / test::slowness; ++round) {
      test::progress();
      const auto channels = make<boxed>(what, 3);
      std::atomic<int> got{0};
      std::atomic<int> accepted{0};
      std::atomic<int> ready{0};
      const auto together = [&ready](int others) {
        ++ready;
        test::await([&] { return ready >= others; });
      };
      crowd.start([&, channels] {
        together(4);
        std::size_t ends = 0;
        const auto note = [&](const boxed&) { ++got, ++ends; };
        const std::size_t chosen = select(on_get(channels[0], note), on_get(channels[1], note),
                                          on_get(channels[2],
                                                 [&](sluice::result<boxed> end) {
                                                   CHECK(!end);
                                                   ++ends;
                                                 }),
                                          on_timeout(microseconds(round % 30), [&] { ++ends; }));
        CHECK(chosen < 4);
        CHECK(ends == 1);
      });
      for (std::size_t i = 0; i < 2; ++i) {
        crowd.start([&, ch = channels[i]] {
          together(4);
          if (ch.try_put(boxed(1)) == sluice::status::ok) ++accepted;
        });
      }
      crowd.start([&, ch = channels[2]] {
        together(4);
        ch.close();
      });
      crowd.join();
      for (const auto& ch : channels) {
        while (ch.try_get()) ++got;
      }
      CHECK(got == accepted);
      check_nobody_waits(channels);
    }
  });
}

TEST_CASE("selectors that share many channels with plain getters miss nothing") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (what.capacity == 1000) return;
    const auto channels = make<number>(what, 20);
    tally t;
    std::atomic<std::size_t> next{0};
    for (int i = 0; i < 2; ++i) {
      crowd.start([&, channels] {
        for (std::size_t mine = next++; mine < channels.size(); mine = next++) {
          for (number n = 0; n < 20; ++n) {
            channels[mine].put(n);
            t.count_put(n);
          }
          channels[mine].close();
        }
      });
      crowd.start([&, channels] {
        sluice::selector cases;
        for (const auto& ch : channels) cases.on_get(ch, [&](number n) { t.count_got(n); });
        while (cases.wait() != all_closed) {
        }
      });
      crowd.start([&, ch = channels[static_cast<std::size_t>(7 * i)]] {
        for (const number n : ch) t.count_got(n);
      });
    }
    crowd.join();
    t.check();
    check_nobody_waits(channels);
  });
}
