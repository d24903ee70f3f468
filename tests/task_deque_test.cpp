// The tasks that have not begun: newest first for the owner, oldest first for thieves, and the
// last one for one of them.
#include "sched/task_deque.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

#include "support/watch.hpp"

namespace {

using sluice::detail::task_core;
using sluice::detail::task_deque;

struct numbered : task_core {
  explicit numbered(int n) : task_core({}), number(n) {}
  void invoke() noexcept override {}
  int number;
  std::atomic<int> taken{0};
};

int number_of(const task_core* one) {
  return one == nullptr ? -1 : static_cast<const numbered*>(one)->number;
}

std::deque<numbered> make(int count) {
  std::deque<numbered> all;
  for (int i = 0; i < count; ++i) all.emplace_back(i);
  return all;
}

constexpr int capacity = static_cast<int>(task_deque::capacity);

}  // namespace

TEST_CASE("the owner takes the newest task, a thief the oldest") {
  task_deque deque;
  auto all = make(6);
  CHECK(deque.empty());
  CHECK(deque.take_newest() == nullptr);
  CHECK(deque.take_oldest() == nullptr);
  for (auto& one : all) CHECK(deque.push(one));
  CHECK(deque.size() == 6);
  CHECK(number_of(deque.take_newest()) == 5);
  CHECK(number_of(deque.take_oldest()) == 0);
  CHECK(number_of(deque.take_oldest()) == 1);
  CHECK(number_of(deque.take_newest()) == 4);
  CHECK(deque.size() == 2);
  CHECK(number_of(deque.take_newest()) == 3);
  CHECK(number_of(deque.take_newest()) == 2);
  CHECK(deque.take_newest() == nullptr);
  CHECK(deque.take_oldest() == nullptr);
  CHECK(deque.empty());
}

TEST_CASE("an owner without thieves takes the newest or the oldest") {
  task_deque deque;
  auto all = make(4);
  CHECK(deque.take_newest_alone() == nullptr);
  CHECK(deque.take_oldest_alone() == nullptr);
  for (auto& one : all) CHECK(deque.push(one));
  CHECK(number_of(deque.take_oldest_alone()) == 0);
  CHECK(number_of(deque.take_newest_alone()) == 3);
  CHECK(number_of(deque.take_oldest_alone()) == 1);
  CHECK(deque.size() == 1);
  CHECK(number_of(deque.take_oldest_alone()) == 2);
  CHECK(deque.take_oldest_alone() == nullptr);
  CHECK(deque.take_newest_alone() == nullptr);
  CHECK(deque.empty());
}

TEST_CASE("a deque takes as many as it has places, lap after lap") {
  task_deque deque;
  auto all = make(capacity + 1);
  for (int lap = 0; lap < 5; ++lap) {
    for (int i = 0; i < capacity; ++i) CHECK(deque.push(all[i]));
    CHECK_FALSE(deque.push(all[capacity]));
    for (int i = 0; i < capacity; ++i) {
      CHECK(number_of(lap % 2 == 0 ? deque.take_oldest() : deque.take_newest()) ==
            (lap % 2 == 0 ? i : capacity - 1 - i));
    }
    CHECK(deque.push(all[0]));
    CHECK(number_of(deque.take_oldest()) == 0);
    CHECK(deque.empty());
  }
}

TEST_CASE("between an owner and its thieves no task is lost or doubled") {
  const int count = 400'000 / test::slowness;
  auto all = make(count);
  task_deque deque;
  std::atomic<bool> over{false};
  const auto take = [](task_core* one) { ++static_cast<numbered*>(one)->taken; };

  std::vector<std::thread> thieves;
  for (int i = 0; i < 2; ++i) {
    thieves.emplace_back([&] {
      while (!over) {
        if (task_core* one = deque.take_oldest()) take(one);
      }
    });
  }
  // Mostly nearly empty: what is hard is the last one.
  auto random = test::random_for("owner");
  for (auto& one : all) {
    while (!deque.push(one)) {
      if (task_core* newest = deque.take_newest()) take(newest);
    }
    for (auto turns = random() % 3; turns > 0; --turns) {
      if (task_core* newest = deque.take_newest()) take(newest);
    }
  }
  while (task_core* one = deque.take_newest()) take(one);
  over = true;
  for (auto& thief : thieves) thief.join();

  int wrong = 0;
  for (const auto& one : all) wrong += one.taken == 1 ? 0 : 1;
  CHECK(wrong == 0);
  CHECK(deque.empty());
}
