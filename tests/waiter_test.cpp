// The claim word of a waiter: which transitions there are, and that one party alone wins.
#include "sluice/detail/park/waiter.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <thread>
#include <vector>

#include "sluice/detail/park/parker.hpp"
#include "sluice/detail/park/shared_waiter.hpp"
#include "support/strands.hpp"
#include "support/watch.hpp"

namespace {

using sluice::detail::on_stop;
using sluice::detail::outcome;
using sluice::detail::parker;
using sluice::detail::reservation;
using sluice::detail::shared_waiter;
using sluice::detail::wait_site;
using sluice::detail::waiter;

constexpr outcome endings[] = {outcome::completed, outcome::closed, outcome::timed_out,
                               outcome::cancelled};

}  // namespace

TEST_CASE("a fresh waiter waits, and knows its strand, its site and what a stop does to it") {
  const struct : sluice::detail::waited_for {
    void describe(std::ostream& out) const override { out << "\"parsed\""; }
  } parsed;
  waiter w(parker::current(), {"put", &parsed}, on_stop::keep_waiting);
  CHECK(w.result() == outcome::waiting);
  CHECK(&w.strand() == &parker::current());
  CHECK(std::string(w.site().operation) == "put");
  CHECK(w.site().object == &parsed);
  CHECK(w.stop_mode() == on_stop::keep_waiting);
  CHECK(waiter(parker::current(), {}).stop_mode() == on_stop::end_wait);
}

TEST_CASE("the first claim decides, and no later claim or reservation changes it") {
  for (const outcome first : endings) {
    waiter w(parker::current(), {});
    CHECK(w.try_claim(first));
    for (const outcome second : endings) CHECK(!w.try_claim(second));
    CHECK(!w.try_reserve());
    CHECK(w.result() == first);
  }
}

TEST_CASE("a reservation is concluded by its holder") {
  waiter w(parker::current(), {});
  CHECK(w.try_reserve());
  CHECK(w.result() == outcome::reserved);
  w.conclude(outcome::closed);
  CHECK(w.result() == outcome::closed);
  CHECK(!w.try_claim(outcome::timed_out));
}

TEST_CASE("a reservation that is given back leaves the wait as it was") {
  waiter w(parker::current(), {});
  CHECK(w.try_reserve());
  w.unreserve();
  CHECK(w.result() == outcome::waiting);
  CHECK(w.try_claim(outcome::completed));
}

TEST_CASE("a claim waits for the holder of a reservation and goes by what that decides") {
  for (const bool concludes : {true, false}) {
    for (int round = 0; round < 200; ++round) {
      waiter w(parker::current(), {});
      REQUIRE(w.try_reserve());
      std::atomic<bool> trying{false};
      bool claimed = concludes;
      std::thread other([&] {
        trying = true;
        claimed = w.try_claim(outcome::timed_out);
      });
      test::await([&] { return trying.load(); });
      CHECK(w.result() == outcome::reserved);
      concludes ? w.conclude(outcome::completed) : w.unreserve();
      other.join();
      CHECK(claimed == !concludes);
      CHECK(w.result() == (concludes ? outcome::completed : outcome::timed_out));
    }
  }
}

TEST_CASE("of all who race for a waiter exactly one wins") {
  constexpr int rounds = 3000;
  constexpr std::size_t racers = 4;
  std::vector<std::unique_ptr<waiter>> all;
  for (int i = 0; i < rounds; ++i)
    all.push_back(std::make_unique<waiter>(parker::current(), sluice::detail::wait_site{}));
  std::vector<char> won[racers];
  std::vector<std::thread> threads;
  std::atomic<std::size_t> ready{0};
  for (std::size_t racer = 0; racer < racers; ++racer) {
    threads.emplace_back([&, racer] {
      ++ready;
      test::await([&] { return ready == racers; });
      for (int i = 0; i < rounds; ++i) {
        waiter& w = *all[static_cast<std::size_t>(i)];
        bool win = false;
        if ((racer + static_cast<std::size_t>(i)) % 2 == 0) {
          win = w.try_claim(endings[racer]);
        } else if (w.try_reserve()) {
          win = i % 3 != 0;
          win ? w.conclude(endings[racer]) : w.unreserve();
        }
        won[racer].push_back(win);
      }
    });
  }
  for (std::thread& one : threads) one.join();
  for (std::size_t i = 0; i < rounds; ++i) {
    int winners = 0;
    for (std::size_t racer = 0; racer < racers; ++racer) {
      if (won[racer][i] == 0) continue;
      ++winners;
      CHECK(all[i]->result() == endings[racer]);
    }
    CHECK(winners <= 1);
    if (winners == 0) CHECK(all[i]->result() == outcome::waiting);
  }
}

TEST_CASE("a shared wait counts its cases in play, and says when the last one is gone") {
  shared_waiter w(parker::current(), {"select"}, 3);
  CHECK(w.drop_case());
  CHECK(w.drop_case());
  CHECK(!w.drop_case());
  CHECK(w.result() == outcome::waiting);
}

TEST_CASE("two waits are reserved both or neither, and it is said which one had ended") {
  for (const bool swapped : {false, true}) {
    waiter one(parker::current(), {});
    waiter two(parker::current(), {});
    waiter& first = swapped ? two : one;
    waiter& second = swapped ? one : two;
    CHECK(try_reserve_both(first, second) == reservation::both);
    CHECK((first.result() == outcome::reserved && second.result() == outcome::reserved));
    first.unreserve();
    second.conclude(outcome::completed);
    CHECK(try_reserve_both(first, second) == reservation::second_has_ended);
    CHECK(first.result() == outcome::waiting);
    waiter third(parker::current(), {});
    CHECK(try_reserve_both(second, third) == reservation::first_has_ended);
    CHECK(third.result() == outcome::waiting);
  }
}

TEST_CASE(
    "strands that reserve the same pairs from both ends do not wait for each other for ever") {
  constexpr int rounds = 2000;
  constexpr std::size_t racers = 3;
  std::array<std::unique_ptr<waiter>, racers> all;
  for (auto& one : all) one = std::make_unique<waiter>(parker::current(), wait_site{});
  std::vector<std::thread> threads;
  std::atomic<std::size_t> ready{0};
  std::array<int, racers> held{};  // written only by whoever holds that wait
  for (std::size_t racer = 0; racer < racers; ++racer) {
    threads.emplace_back([&, racer] {
      ++ready;
      test::await([&] { return ready == racers; });
      const std::size_t next = (racer + 1) % racers;
      for (int i = 0; i < rounds; ++i) {
        CHECK(try_reserve_both(*all.at(racer), *all.at(next)) == reservation::both);
        ++held.at(racer);
        ++held.at(next);
        all.at(i % 2 == 0 ? racer : next)->unreserve();
        all.at(i % 2 == 0 ? next : racer)->unreserve();
      }
    });
  }
  for (std::thread& one : threads) one.join();
  for (const int count : held) CHECK(count == 2 * rounds);
}
