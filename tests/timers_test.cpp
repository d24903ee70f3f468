// The heap of timers: order, the earliest one, and who ends a wait when several want to.
#include "sched/timers.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "sched/soon.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::detail::deadline;
using sluice::detail::no_deadline;
using sluice::detail::operation_kind;
using sluice::detail::outcome;
using sluice::detail::parker;
using sluice::detail::timer;
using sluice::detail::timer_shard;
using sluice::detail::verdict;
using sluice::detail::waiter;

/// Stands for a parked fiber: notes when it is woken.
class strand final : public parker {
 public:
  explicit strand(std::vector<int>* order = nullptr, int number = 0)
      : order_(order), number_(number) {
    park();
  }
  void wait(waiter&, sluice::detail::time_limit) noexcept override {}
  verdict check(operation_kind) noexcept override { return verdict::proceed; }
  [[nodiscard]] std::uint64_t strand_id() const noexcept override { return 0; }

  void park() noexcept { word_.store(parked); }
  [[nodiscard]] bool woken() const noexcept { return word_.load() == notified; }
  [[nodiscard]] int number() const noexcept { return number_; }
  void call(std::function<void(int)> when_woken) { when_woken_ = std::move(when_woken); }

 private:
  void wake() noexcept override {
    if (order_ != nullptr) order_->push_back(number_);
    if (when_woken_) when_woken_(number_);
  }
  std::function<void(int)> when_woken_;
  std::vector<int>* order_;
  int number_;
};

/// One wait with a deadline.
struct timed {
  explicit timed(std::vector<int>* order = nullptr, int number = 0)
      : who(order, number), wait(who, {}) {}
  strand who;
  waiter wait;
  timer own;
};

constexpr deadline start{std::chrono::hours(1)};

}  // namespace

TEST_CASE("timers fire in the order of their deadlines, only those whose time has come") {
  auto random = test::random_for("order");
  for (int round = 0; round < 50; ++round) {
    timer_shard shard;
    std::vector<int> woken;
    std::deque<timed> waits;
    std::vector<int> deadlines(100);
    for (int i = 0; i < 100; ++i) deadlines[i] = i;
    std::shuffle(deadlines.begin(), deadlines.end(), random);
    for (const int at : deadlines) {
      timed& one = waits.emplace_back(&woken, at);
      shard.arm(one.own, one.wait, start + at * 1ms);
    }
    CHECK(shard.earliest() == start);
    shard.fire(start - 1ns);
    CHECK(woken.empty());
    for (const int until : {0, 1, 37, 38, 80, 1000}) {
      shard.fire(start + until * 1ms);
      CHECK(woken.size() == static_cast<std::size_t>(std::min(until + 1, 100)));
    }
    CHECK(std::is_sorted(woken.begin(), woken.end()));
    CHECK(shard.earliest() == no_deadline);
    for (const timed& one : waits) CHECK(one.wait.result() == outcome::timed_out);
  }
}

TEST_CASE("timers taken out anywhere leave the others in order") {
  auto random = test::random_for("taken out");
  for (int round = 0; round < 200; ++round) {
    timer_shard shard;
    std::vector<int> woken;
    std::deque<timed> waits;
    for (int i = 0; i < 40; ++i) waits.emplace_back(&woken, i);
    std::vector<int> armed;
    std::vector<int> expected;
    const auto earliest = [&] {
      return armed.empty() ? no_deadline
                           : start + *std::min_element(armed.begin(), armed.end()) * 1ms;
    };
    std::vector<int> places(40);
    for (int i = 0; i < 40; ++i) places[i] = i;
    std::shuffle(places.begin(), places.end(), random);
    for (const int i : places) {
      shard.arm(waits[i].own, waits[i].wait, start + i * 1ms);
      armed.push_back(i);
      if (random() % 3 == 0) {
        // Fires the first few, so that the heap is not only a list.
        const int upto = *std::min_element(armed.begin(), armed.end());
        shard.fire(start + upto * 1ms);
        armed.erase(std::find(armed.begin(), armed.end(), upto));
        expected.push_back(upto);
      }
      if (!armed.empty() && random() % 2 == 0) {
        const auto victim = armed.begin() + static_cast<std::ptrdiff_t>(random() % armed.size());
        shard.disarm(waits[*victim].own);
        shard.disarm(waits[*victim].own);  // once more does nothing
        armed.erase(victim);
      }
      CHECK(shard.earliest() == earliest());
    }
    std::sort(armed.begin(), armed.end());
    expected.insert(expected.end(), armed.begin(), armed.end());
    shard.fire(start + 1h);
    CHECK(woken == expected);
  }
}

TEST_CASE("many that are due at once fire in the order of their deadlines, and no others") {
  auto random = test::random_for("many");
  for (int round = 0; round < 20; ++round) {
    timer_shard shard;
    std::vector<int> woken;
    std::deque<timed> waits;
    std::vector<int> armed;
    for (int i = 0; i < 2'000; ++i) {
      const int at = round % 2 == 0 ? i / 3 : static_cast<int>(random() % 1'000);
      timed& one = waits.emplace_back(&woken, at);
      shard.arm(one.own, one.wait, start + at * 1ms);
      armed.push_back(at);
      if (random() % 8 == 0) {
        const std::size_t victim = random() % waits.size();
        if (shard.disarm(waits[victim].own)) {
          armed.erase(std::find(armed.begin(), armed.end(), waits[victim].who.number()));
        }
      }
    }
    std::sort(armed.begin(), armed.end());
    for (const int until : {-1, 3, 400, 401, 990}) {
      shard.fire(start + until * 1ms);
      const auto due = std::upper_bound(armed.begin(), armed.end(), until);
      CHECK(std::equal(woken.begin(), woken.end(), armed.begin(), due));
      CHECK(shard.earliest() == (due == armed.end() ? no_deadline : start + *due * 1ms));
    }
  }
}

TEST_CASE("while many fire, what the woken arm and take out is seen") {
  // Each that is woken takes out one that would fire 200 later, and arms it again for the very end.
  timer_shard shard;
  constexpr int n = 1'000;
  constexpr int later = 200;
  std::vector<int> woken;
  std::deque<timed> waits;
  const auto wake = [&](int number) {
    woken.push_back(number);
    if (number % 2 != 0 || number + later >= n) return;
    timed& one = waits[static_cast<std::size_t>(number + later)];
    if (shard.disarm(one.own)) shard.arm(one.own, one.wait, start + 1h);
  };
  for (int i = 0; i < n; ++i) {
    timed& one = waits.emplace_back(nullptr, i);
    one.who.call(wake);
    shard.arm(one.own, one.wait, start + i * 1ns);
  }
  shard.fire(start + 1s);
  // Those that were put off did not put off others: 0 to 199 do, 200 to 398 are put off, 400 do ...
  std::vector<int> expected;
  for (int i = 0; i < n; ++i) {
    if (i % 2 != 0 || i / later % 2 == 0) expected.push_back(i);
  }
  CHECK(woken == expected);
  CHECK(shard.earliest() == start + 1h);
  shard.fire(start + 2h);
  CHECK(woken.size() == n);
  CHECK(shard.earliest() == no_deadline);
}

TEST_CASE("a timer whose wait has ended otherwise wakes nobody") {
  timer_shard shard;
  timed completed;
  timed late;
  shard.arm(completed.own, completed.wait, start);
  shard.arm(late.own, late.wait, start + 1ms);
  CHECK(completed.wait.try_claim(outcome::completed));
  shard.fire(start + 1h);
  CHECK_FALSE(completed.who.woken());
  CHECK(completed.wait.result() == outcome::completed);
  CHECK(late.who.woken());
  shard.disarm(completed.own);
  CHECK(shard.earliest() == no_deadline);
}

TEST_CASE("timers with the same deadline all fire") {
  timer_shard shard;
  std::deque<timed> waits(20);
  for (timed& one : waits) shard.arm(one.own, one.wait, start);
  shard.fire(start);
  for (const timed& one : waits) CHECK(one.who.woken());
}

TEST_CASE(
    "a span counts from a reading of the clock after its begin, not from the one brought along") {
  timer_shard shard;
  timed one;
  CHECK_FALSE(shard.any());
  const deadline before = sluice::detail::clock::now();
  shard.arm_span(one.own, one.wait, 1h);
  CHECK(shard.any());
  CHECK(shard.earliest() == no_deadline);  // no moment yet
  shard.fire(before - 1h);
  CHECK(shard.earliest() >= before + 1h);
  CHECK(shard.earliest() <= sluice::detail::clock::now() + 1h);
  CHECK_FALSE(one.who.woken());
  const deadline due = shard.earliest();
  shard.fire(due - 1ns);
  CHECK_FALSE(one.who.woken());
  shard.fire(due);
  CHECK(one.who.woken());
  CHECK(one.wait.result() == outcome::timed_out);
  CHECK_FALSE(shard.any());
}

TEST_CASE("spans that end before anybody has looked, in any order, leave nothing") {
  auto random = test::random_for("spans");
  for (int round = 0; round < 100; ++round) {
    timer_shard shard;
    std::vector<int> woken;
    std::deque<timed> waits;
    std::vector<int> places(10);
    for (int i = 0; i < 10; ++i) {
      places[i] = i;
      timed& one = waits.emplace_back(&woken, i);
      shard.arm_span(one.own, one.wait, i * 1h);
    }
    std::shuffle(places.begin(), places.end(), random);
    const auto some = static_cast<std::ptrdiff_t>(random() % 11);
    for (int i = 0; i < some; ++i) {
      timed& one = waits[places[i]];
      CHECK(shard.disarm(one.own));
      CHECK_FALSE(shard.disarm(one.own));
    }
    std::sort(places.begin() + some, places.end());
    shard.fire(deadline{});
    if (random() % 2 == 0 && some < 10) {  // now it has its moment
      CHECK(shard.disarm(waits[places.back()].own));
      places.pop_back();
    }
    shard.fire(sluice::detail::clock::now() + 1000h);
    CHECK(std::equal(woken.begin(), woken.end(), places.begin() + some, places.end()));
    CHECK_FALSE(shard.any());
  }
}

TEST_CASE("between waits that end early and a ticker that fires, each wait ends once") {
  timer_shard shard;
  std::deque<strand> strands(2);  // outlive the ticker, whose last wake may be late
  std::atomic<bool> over{false};
  std::atomic<int> wrong{0};
  std::thread ticker([&] {
    while (!over) shard.fire(sluice::detail::clock::now());
  });
  std::vector<std::thread> waiters;
  for (int i = 0; i < 2; ++i) {
    waiters.emplace_back([&, i] {
      auto random = test::random_for("waiter", static_cast<std::uint64_t>(i));
      strand& who = strands[static_cast<std::size_t>(i)];
      timer own;
      for (int round = 0; round < 10'000 / test::slowness; ++round) {
        if (round % 100 == 0) test::progress();  // a busy machine may take a slice for each
        who.park();
        waiter wait(who, {});
        const auto at = sluice::detail::clock::now() + std::chrono::nanoseconds(random() % 3000);
        shard.arm(own, wait, at);
        if (random() % 2 == 0 && wait.try_claim(outcome::completed)) {
          shard.disarm(own);
          if (who.woken() || wait.result() != outcome::completed) ++wrong;
          continue;
        }
        while (!who.woken()) std::this_thread::yield();
        if (round % 2 == 0) shard.disarm(own);  // I1: it need not
        if (wait.result() != outcome::timed_out || sluice::detail::clock::now() < at) ++wrong;
      }
    });
  }
  for (auto& one : waiters) one.join();
  over = true;
  ticker.join();
  CHECK(wrong == 0);
  CHECK(shard.earliest() == no_deadline);
}

TEST_CASE("a line that was noted is found on both sides of the note") {
  constexpr std::size_t line = sluice::detail::cache_line;
  constexpr std::size_t lines = 64;
  struct alignas(line) place {
    sluice::detail::line_nearby soon;
  };
  std::vector<place> all(lines);
  for (place& from : all) {
    for (const place& to : all) {
      from.soon.note(&to);
      CHECK(from.soon.address() == &to);
      from.soon.note(reinterpret_cast<const char*>(&to) + line - 1);
      CHECK(from.soon.address() == &to);
    }
  }
}

TEST_CASE("whoever builds a list from the back knows who comes eight steps after each") {
  const int numbers[40]{};
  sluice::detail::came_last came;
  for (const int& one : numbers) {
    const bool early = &one - numbers < 8;
    CHECK(came.pass(&one) == (early ? nullptr : &one - 8));
  }
}
