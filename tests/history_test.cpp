// The checker of histories finds each way to be wrong, and finds nothing where all is well.
#include "support/history.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "support/exact_history.hpp"
#include "support/watch.hpp"

namespace {

using test::event;
using test::history;
using test::number;
using kind = test::event::kind;

std::vector<std::string> problems(const std::vector<event>& all, std::size_t capacity = 10) {
  history h;
  for (const event& one : all) h.add(one);
  return h.problems(capacity);
}

bool finds(const std::vector<event>& all, const char* words, std::size_t capacity = 10) {
  for (const std::string& one : problems(all, capacity)) {
    if (one.find(words) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a history in which all is well has no problems") {
  CHECK(problems({}).empty());
  CHECK(problems({{kind::put, 1, 1, 2}, {kind::get, 1, 3, 4}}).empty());
  CHECK(problems({{kind::put, 1, 1, 4}, {kind::get, 1, 2, 3}}).empty());
  // Two puts that overlap may be delivered either way round.
  CHECK(
      problems(
          {{kind::put, 1, 1, 3}, {kind::put, 2, 2, 4}, {kind::get, 2, 5, 6}, {kind::get, 1, 7, 8}})
          .empty());
}

TEST_CASE("an item out of thin air, twice, lost or early is found") {
  CHECK(finds({{kind::get, 1, 1, 2}}, "thin air"));
  CHECK(finds({{kind::put, 1, 1, 2}, {kind::get, 1, 3, 4}, {kind::get, 1, 5, 6}}, "twice"));
  CHECK(finds({{kind::put, 1, 1, 2}}, "lost"));
  CHECK(finds({{kind::get, 1, 1, 2}, {kind::put, 1, 3, 4}}, "before it was put"));
}

TEST_CASE("an inversion of the order is found") {
  CHECK(finds(
      {{kind::put, 1, 1, 2}, {kind::put, 2, 3, 4}, {kind::get, 2, 5, 6}, {kind::get, 1, 7, 8}},
      "overtaken"));
}

TEST_CASE("nothing or the end while an item was inside is found") {
  CHECK(finds({{kind::put, 1, 1, 2}, {kind::get_empty, 0, 3, 4}, {kind::get, 1, 5, 6}},
              "saw nothing"));
  CHECK(finds({{kind::put, 1, 1, 2},
               {kind::close, 0, 3, 4},
               {kind::get_end, 0, 5, 6},
               {kind::get, 1, 7, 8}},
              "saw the end"));
  CHECK(problems({{kind::put, 1, 1, 3}, {kind::get_empty, 0, 2, 4}, {kind::get, 1, 5, 6}}).empty());
}

TEST_CASE("an item that was accepted after the close is found, and a close before the close") {
  CHECK(finds({{kind::close, 0, 1, 2}, {kind::put, 1, 3, 4}, {kind::get, 1, 5, 6}}, "after"));
  CHECK(finds({{kind::put_closed, 0, 1, 2}, {kind::close, 0, 3, 4}}, "before the close"));
  CHECK(finds({{kind::get_end, 0, 1, 2}, {kind::close, 0, 3, 4}}, "before the close"));
  CHECK(finds({{kind::close, 0, 1, 2}, {kind::close, 0, 3, 4}}, "closed twice"));
}

TEST_CASE("more items than fit are found, and a rendezvous that nobody attended") {
  const std::vector<event> two = {
      {kind::put, 1, 1, 2}, {kind::put, 2, 3, 4}, {kind::get, 1, 5, 6}, {kind::get, 2, 7, 8}};
  CHECK(finds(two, "2 items inside", 1));
  CHECK(problems(two, 2).empty());
  CHECK(finds({{kind::put, 1, 1, 2}, {kind::get, 1, 3, 4}}, "1 items inside", 0));
  CHECK(problems({{kind::put, 1, 1, 3}, {kind::get, 1, 2, 4}}, 0).empty());
}

TEST_CASE("a channel that is said to be full while it cannot be is found") {
  CHECK(finds({{kind::put_full, 0, 1, 2}}, "full with room", 1));
  CHECK(finds({{kind::put, 1, 1, 2}, {kind::get, 1, 3, 4}, {kind::put_full, 0, 5, 6}},
              "full with room", 1));
  CHECK(
      problems({{kind::put, 1, 1, 2}, {kind::put_full, 0, 3, 4}, {kind::get, 1, 5, 6}}, 1).empty());
}

TEST_CASE("a real queue has no problems, and one broken answer in it is found") {
  test::random any = test::random_for("history");
  for (int round = 0; round < 20; ++round) {
    history good;
    history bad;
    std::deque<number> queue;
    test::step now = 1;
    const std::size_t capacity = 1 + any() % 5;
    const int breaks = static_cast<int>(any() % 100) + 50;
    const auto add = [&](event one, bool broken) {
      good.add(one);
      if (broken) one.value = -1;
      bad.add(one);
      now += 2;
    };
    for (int i = 0; i < 400; ++i) {
      if (any() % 2 == 0) {
        const bool full = queue.size() == capacity;
        if (!full) queue.push_back(i);
        add({full ? kind::put_full : kind::put, i, now, now + 1}, false);
      } else if (queue.empty()) {
        add({kind::get_empty, 0, now, now + 1}, false);
      } else {
        add({kind::get, queue.front(), now, now + 1}, i >= breaks && i < breaks + 20);
        queue.pop_front();
      }
    }
    add({kind::close, 0, now, now + 1}, false);
    for (; !queue.empty(); queue.pop_front()) {
      add({kind::get, queue.front(), now, now + 1}, false);
    }
    add({kind::get_end, 0, now, now + 1}, false);
    CHECK(good.problems(capacity).empty());
    CHECK(!bad.problems(capacity).empty());
  }
}

TEST_CASE("the exact checker knows what the intervals allow") {
  const auto right = [](std::vector<event> all, std::size_t capacity = 2) {
    return test::exact_history(std::move(all)).is_right(capacity);
  };
  CHECK(right({}));
  // A get that began before the put may have waited for it, one that had ended before may not.
  CHECK(right({{kind::get, 1, 1, 4}, {kind::put, 1, 2, 3}}));
  CHECK(!right({{kind::get, 1, 1, 2}, {kind::put, 1, 3, 4}}));
  CHECK(!right({{kind::get, 1, 1, 2}}));
  CHECK(!right({{kind::put, 1, 1, 2}, {kind::get, 1, 3, 4}, {kind::get, 1, 5, 6}}));
  // Two puts that overlap can come either way round, but in one way only.
  const event one{kind::put, 1, 1, 4};
  const event two{kind::put, 2, 2, 3};
  CHECK(right({one, two, {kind::get, 2, 5, 6}, {kind::get, 1, 7, 8}}));
  CHECK(right({one, two, {kind::get, 1, 5, 6}, {kind::get, 2, 7, 8}}));
  CHECK(!right({one, two, {kind::get, 1, 5, 6}, {kind::get, 1, 7, 8}}));
  // Closed is for ever, and the end comes after the last item.
  CHECK(right({{kind::put, 1, 1, 2},
               {kind::close, 0, 3, 4},
               {kind::get, 1, 5, 6},
               {kind::get_end, 0, 7, 8}}));
  CHECK(!right({{kind::put, 1, 1, 2},
                {kind::close, 0, 3, 4},
                {kind::get_end, 0, 5, 6},
                {kind::get, 1, 7, 8}}));
  CHECK(!right({{kind::close, 0, 1, 2}, {kind::put, 1, 3, 4}}));
  CHECK(!right({{kind::close, 0, 1, 2}, {kind::get_empty, 0, 3, 4}}));
  CHECK(!right({{kind::close, 0, 1, 2}, {kind::close, 0, 3, 4}}));
  CHECK(!right({{kind::put_closed, 1, 1, 2}, {kind::close, 0, 3, 4}}));
  // What no two strands alone can disprove: one of the puts must have found room.
  CHECK(!right({{kind::put_full, 1, 1, 6}, {kind::put, 2, 2, 3}, {kind::get, 2, 4, 5}}, 2));
  CHECK(right({{kind::put_full, 1, 1, 6}, {kind::put, 2, 2, 3}, {kind::get, 2, 4, 5}}, 1));
  // A rendezvous holds nothing.
  CHECK(right({{kind::put, 1, 1, 3}, {kind::get, 1, 2, 4}}, 0));
  CHECK(!right({{kind::put, 1, 1, 2}, {kind::get, 1, 3, 4}}, 0));
  CHECK(!right(
      {{kind::put, 1, 1, 6}, {kind::put, 2, 2, 3}, {kind::get, 1, 4, 5}, {kind::get, 2, 7, 8}}, 0));
}

TEST_CASE("the exact checker finds each change of an answer that matters") {
  test::random any = test::random_for("exact");
  for (int round = 0; round < 50; ++round) {
    std::vector<event> good;
    test::sequential_channel queue(2);
    test::step now = 1;
    // In each state one of the answers is right.
    const auto ask = [&](std::vector<std::pair<kind, number>> answers) {
      for (const auto& [what, value] : answers) {
        const event one{what, value, now, now + 1};
        if (!queue.take(one)) continue;
        good.push_back(one);
        break;
      }
      now += 2;
    };
    std::vector<std::pair<kind, number>> gets{{kind::get_empty, 0}, {kind::get_end, 0}};
    for (number i = 1; i <= 40; ++i) {
      if (i == 30) {
        ask({{kind::close, 0}});
      } else if (any() % 2 == 0) {
        ask({{kind::put, i}, {kind::put_full, i}, {kind::put_closed, i}});
        gets.emplace_back(kind::get, i);
      } else {
        ask(gets);
      }
    }
    CHECK(good.size() == 40);
    CHECK(test::exact_history(good).is_right(2));
    for (std::size_t i = 0; i < good.size(); ++i) {
      std::vector<event> bad = good;
      event& one = bad[i];
      switch (one.what) {
        case kind::put:
          one.what = kind::put_full;
          break;
        case kind::put_full:
        case kind::put_closed:
          one.what = kind::put;
          break;
        case kind::get:
        case kind::get_empty:
          one.what = kind::get_end;
          break;
        case kind::get_end:
          one.what = kind::get_empty;
          break;
        case kind::close:
          bad.push_back({kind::close, 0, now, now + 1});
      }
      CHECK(!test::exact_history(bad).is_right(2));
    }
  }
}
