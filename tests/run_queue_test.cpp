// The ring of ready fibers: order, limits, halves, and nothing lost or doubled between an owner
// and its thieves.
#include "sched/run_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "sched/backlog.hpp"
#include "support/watch.hpp"

namespace {

using sluice::detail::chain;
using sluice::detail::run_queue;
using sluice::detail::runnable;

struct numbered : runnable {
  explicit numbered(int n) noexcept : runnable(sort::fiber), number(n) {}
  int number;
  std::atomic<int> taken{0};
};

int number_of(const runnable* one) {
  return one == nullptr ? -1 : static_cast<const numbered*>(one)->number;
}

std::deque<numbered> make(int count) {
  std::deque<numbered> all;
  for (int i = 0; i < count; ++i) all.emplace_back(i);
  return all;
}

std::vector<int> numbers_of(const chain& some) {
  std::vector<int> numbers;
  for (const runnable* one = some.first; one != nullptr; one = one->link) {
    numbers.push_back(number_of(one));
  }
  return numbers;
}

constexpr int capacity = static_cast<int>(run_queue::capacity);

}  // namespace

TEST_CASE("a run queue gives out what it got, oldest first") {
  run_queue queue;
  auto all = make(5);
  CHECK(queue.empty());
  CHECK(queue.pop() == nullptr);
  for (auto& one : all) CHECK(queue.push(one));
  CHECK_FALSE(queue.empty());
  for (int i = 0; i < 5; ++i) CHECK(number_of(queue.pop()) == i);
  CHECK(queue.pop() == nullptr);
  CHECK(queue.empty());
}

TEST_CASE("the first of a run queue changes places with any other, or none, by a random number") {
  run_queue queue;
  auto all = make(4);
  queue.exchange_first_alone(65'535);  // there is none
  CHECK(queue.pop_alone() == nullptr);
  for (auto& one : all) CHECK(queue.push(one));
  queue.exchange_first_alone(16'383);  // with itself
  CHECK(number_of(queue.pop_alone()) == 0);
  queue.exchange_first_alone(65'535);  // with the last
  CHECK(number_of(queue.pop_alone()) == 3);
  queue.exchange_first_alone(32'768);
  CHECK(number_of(queue.pop_alone()) == 1);
  CHECK(number_of(queue.pop_alone()) == 2);
  CHECK(queue.pop_alone() == nullptr);
}

TEST_CASE("a run queue takes as many as it has places, lap after lap") {
  run_queue queue;
  auto all = make(capacity + 1);
  for (int lap = 0; lap < 5; ++lap) {
    for (int i = 0; i < capacity; ++i) CHECK(queue.push(all[i]));
    CHECK_FALSE(queue.push(all[capacity]));
    for (int i = 0; i < capacity; ++i) CHECK(number_of(queue.pop()) == i);
    // From another place in the ring the next time.
    CHECK(queue.push(all[0]));
    CHECK(number_of(queue.pop()) == 0);
  }
}

TEST_CASE("a full run queue sheds its older half, in order") {
  run_queue queue;
  auto all = make(capacity);
  CHECK(queue.shed_half().count == 0);
  for (auto& one : all) CHECK(queue.push(one));
  const chain shed = queue.shed_half();
  CHECK(shed.count == run_queue::capacity / 2);
  CHECK(shed.last->link == nullptr);
  const std::vector<int> numbers = numbers_of(shed);
  REQUIRE(numbers.size() == run_queue::capacity / 2);
  for (int i = 0; i < capacity / 2; ++i) CHECK(numbers[i] == i);
  for (int i = capacity / 2; i < capacity; ++i) CHECK(number_of(queue.pop()) == i);
}

TEST_CASE("a backlog gives out what it got, oldest first, however many come and go at a time") {
  sluice::detail::backlog backlog;
  auto all = make(500);
  int in = 0;
  int out = 0;
  CHECK(backlog.take(1).count == 0);
  while (out < 500) {
    for (int at_once = 1; at_once <= 20 && in < 500; ++at_once) {
      chain some;
      for (int i = 0; i < at_once && in < 500; ++i) some.push_back(all[in++]);
      backlog.push(some);
    }
    for (std::uint64_t at_most : {1, 7, 8, 9, 64, 250}) {
      const std::uint64_t size = backlog.size();
      const chain some = backlog.take(at_most);
      REQUIRE(some.count == std::min(at_most, size));
      for (const int number : numbers_of(some)) CHECK(number == out++);
      CHECK(backlog.size() == size - some.count);
      CHECK(backlog.taken() == static_cast<std::uint64_t>(out));
    }
  }
  CHECK(backlog.empty());
}

TEST_CASE("a thief takes the older half, and the only one") {
  for (int count = 0; count <= 9; ++count) {
    CAPTURE(count);
    run_queue queue;
    auto all = make(count);
    for (auto& one : all) CHECK(queue.push(one));
    const chain stolen = queue.take_half();
    const int half = count - count / 2;
    CHECK(stolen.count == static_cast<std::uint64_t>(half));
    const std::vector<int> numbers = numbers_of(stolen);
    REQUIRE(numbers.size() == static_cast<std::size_t>(half));
    for (int i = 0; i < half; ++i) CHECK(numbers[i] == i);
    for (int i = half; i < count; ++i) CHECK(number_of(queue.pop()) == i);
    CHECK(queue.empty());
  }
}

TEST_CASE("between an owner and its thieves nothing is lost or doubled") {
  const int count = 400'000 / test::slowness;
  auto all = make(count);
  run_queue queue;
  std::atomic<bool> over{false};
  std::atomic<int> out_of_order{0};

  const auto take = [](runnable* one) { ++static_cast<numbered*>(one)->taken; };
  const auto take_all = [&](const chain& some) {
    // A claim is one run of the ring: its numbers grow.
    int last = -1;
    for (runnable* one = some.first; one != nullptr;) {
      runnable* next = one->link;
      if (number_of(one) <= last) ++out_of_order;
      last = number_of(one);
      take(one);
      one = next;
    }
  };

  std::vector<std::thread> thieves;
  for (int i = 0; i < 2; ++i) {
    thieves.emplace_back([&, i] {
      while (!over) {
        if (i == 0) {
          take_all(queue.take_half());
        } else if (runnable* one = queue.pop()) {
          take(one);
        }
      }
    });
  }
  auto random = test::random_for("owner");
  for (auto& one : all) {
    while (!queue.push(one)) take_all(queue.shed_half());
    if (random() % 3 == 0) {
      if (runnable* oldest = queue.pop()) take(oldest);
    }
  }
  while (runnable* one = queue.pop()) take(one);
  over = true;
  for (auto& thief : thieves) thief.join();

  int wrong = 0;
  for (const auto& one : all) wrong += one.taken == 1 ? 0 : 1;
  CHECK(wrong == 0);
  CHECK(out_of_order == 0);
  CHECK(queue.empty());
}
