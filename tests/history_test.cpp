// The checker of histories finds each way to be wrong, and finds nothing where all is well.
#include "support/history.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "support/exact_history.hpp"
#include "support/recorded.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"
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
              "saw nothing beside items"));
  CHECK(finds({{kind::put, 1, 1, 2},
               {kind::close, 0, 3, 4},
               {kind::get_end, 0, 5, 6},
               {kind::get, 1, 7, 8}},
              "saw the end beside items"));
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

TEST_CASE("the exact checker knows what a stop and a batch allow") {
  const auto right = [](std::vector<event> all, std::size_t capacity = 2) {
    return test::exact_history(std::move(all)).is_right(capacity);
  };
  const event put{kind::put, 1, 1, 2};
  const event get{kind::get, 1, 5, 6};
  // What was stopped has no effect, wherever it stands.
  CHECK(right({put, {kind::stopped, 2, 3, 4}, get, {kind::get_empty, 0, 7, 8}}));
  CHECK(right({{kind::close, 0, 1, 2}, {kind::stopped, 0, 3, 4}, {kind::get_end, 0, 5, 6}}));
  CHECK(!right({put, {kind::stopped, 2, 3, 4}, get, {kind::get, 2, 7, 8}}));
  CHECK(!right({put, {kind::stopped, 0, 3, 4}, {kind::get_empty, 0, 5, 6}}));
  // A batch is in order, others may come between, and after its end comes nothing of it.
  const event first{kind::put, 1, 1, 6, 0};
  const event second{kind::put, 2, 1, 6, 1};
  const event other{kind::put, 3, 2, 3};
  const auto got = [](number a, number b, number c) {
    return std::vector<event>{{kind::get, a, 7, 8}, {kind::get, b, 9, 10}, {kind::get, c, 11, 12}};
  };
  const auto with = [&](std::vector<event> gets) {
    gets.insert(gets.end(), {first, second, other});
    return gets;
  };
  CHECK(right(with(got(1, 2, 3)), 3));
  CHECK(right(with(got(1, 3, 2)), 3));
  CHECK(right(with(got(3, 1, 2)), 3));
  CHECK(!right(with(got(2, 1, 3)), 3));
  CHECK(!right(with(got(3, 2, 1)), 3));
  // The same of those that are got in one batch.
  CHECK(right({put, {kind::put, 2, 3, 4}, {kind::get, 1, 5, 6, 0}, {kind::get, 2, 5, 6, 1}}));
  CHECK(!right({put, {kind::put, 2, 3, 4}, {kind::get, 2, 5, 6, 0}, {kind::get, 1, 5, 6, 1}}));
  // It is refused where it ends, not before.
  const event close{kind::close, 0, 2, 3};
  const event refused{kind::put_closed, 0, 1, 4, 1};
  CHECK(right({{kind::put, 1, 1, 4, 0}, refused, close, get}));
  CHECK(!right({{kind::put_closed, 0, 1, 4, 0}, {kind::put, 1, 1, 4, 1}, close, get}));
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
        case kind::stopped:
          bad.push_back({kind::close, 0, now, now + 1});
      }
      CHECK(!test::exact_history(bad).is_right(2));
    }
  }
}

namespace {

/// A recorded history with one fault in it, and where the fault comes from.
class corruption {
 public:
  corruption(const std::vector<event>& good, std::size_t capacity, test::random& any)
      : all_(good), capacity_(capacity), any_(any) {
    for (const event& one : all_) {
      last_ = std::max(last_, one.end);
      if (one.what == kind::close) close_ = one;
      if (one.what == kind::put) puts_.push_back(one);
      if (one.what == kind::get) gets_.push_back(one);
    }
    std::ranges::sort(puts_, {}, &event::value);
    std::ranges::sort(gets_, {}, &event::value);  // the same items
  }

  [[nodiscard]] const std::vector<event>& events() const { return all_; }
  [[nodiscard]] std::size_t items() const { return puts_.size(); }

  // Each makes one kind of fault at a random place; false: here is no place for it.

  bool thin_air() {
    get_of(any_item()).value = -7;
    return true;
  }
  bool duplicate() {
    event again = gets_[any_item()];
    again.begin = any_step(again.end, last_);
    again.end = again.begin + 1;
    all_.push_back(again);
    return true;
  }
  bool inversion() {
    const std::size_t a = any_item();
    const std::size_t b = any_item();
    if (puts_[a].end >= puts_[b].begin || gets_[a].end >= gets_[b].begin) return false;
    event& first = get_of(a);
    event& second = get_of(b);
    std::swap(first.value, second.value);
    return true;
  }
  bool lost() {
    const number value = gets_[any_item()].value;
    std::erase_if(all_,
                  [&](const event& one) { return one.what == kind::get && one.value == value; });
    return true;
  }
  bool early() {
    event& got = get_of(any_item());
    const event& put = *std::ranges::find(puts_, got.value, &event::value);
    if (put.begin < 3) return false;
    got.begin = any_step(1, put.begin - 2);
    got.end = got.begin + 1;
    return true;
  }
  bool closed_too_soon() {
    if (close_.begin < 3) return false;
    return add(any_() % 2 == 0 ? kind::put_closed : kind::get_end, any_step(1, close_.begin - 2));
  }
  bool open_too_long() {
    const step at = any_step(close_.end + 1, last_ + 9);
    return add(any_() % 2 == 0 ? kind::put_full : kind::get_empty, at);
  }
  bool accepted_too_late() {
    const std::size_t item = any_item();
    const step at = any_step(std::max(close_.end, last_) + 1, last_ + 9);
    move(put_of(item), at);
    move(get_of(item), at + 2);
    return true;
  }
  /// One item or several by turns were inside for all that time.
  bool nothing_there() {
    const std::size_t item = any_item();
    step from = puts_[item].end;
    step until = gets_[item].begin;
    if (from >= until) return false;
    for (std::size_t i = 0; i < items(); ++i) {
      if (puts_[i].end <= until && gets_[i].begin > until) until = gets_[i].begin;
    }
    if (any_() % 2 == 0) from = any_step(from, until - 1);
    if (any_() % 2 == 0) until = any_step(from + 1, until);
    const bool end = from > close_.end;
    if (!end && until > close_.begin) return false;
    all_.push_back({end ? kind::get_end : kind::get_empty, 0, from, until});
    return true;
  }
  bool too_many() {
    const step put = any_step(1, close_.begin);
    const step get = any_step(put + 2, last_ + 9);
    for (std::size_t i = 0; i <= capacity_; ++i) {
      const auto value = static_cast<number>(900'000'000 + i);
      all_.push_back({kind::put, value, put, put + 1});
      all_.push_back({kind::get, value, get, get + 1});
    }
    return true;
  }
  bool full_with_room() {
    const step at = any_step(1, close_.end);
    std::size_t inside = 0;
    for (std::size_t i = 0; i < items(); ++i) {
      if (puts_[i].begin <= at && gets_[i].end > at) ++inside;
    }
    return inside < capacity_ && add(kind::put_full, at);
  }

 private:
  using step = test::step;

  [[nodiscard]] std::size_t any_item() { return any_() % items(); }
  [[nodiscard]] step any_step(step from, step to) { return from + any_() % (to - from + 1); }
  event& find(kind what, number value) {
    return *std::ranges::find_if(
        all_, [&](const event& one) { return one.what == what && one.value == value; });
  }
  event& put_of(std::size_t item) { return find(kind::put, puts_[item].value); }
  event& get_of(std::size_t item) { return find(kind::get, gets_[item].value); }
  bool add(kind what, step at) {
    all_.push_back({what, 0, at, at + 1});
    return true;
  }
  static void move(event& one, step at) {
    one.begin = at;
    one.end = at + 1;
  }

  std::vector<event> all_;
  std::vector<event> puts_;
  std::vector<event> gets_;
  event close_{};
  step last_ = 0;
  const std::size_t capacity_;
  test::random& any_;
};

struct fault {
  bool (corruption::*plant)();
  const char* words;  ///< of the verdict
};
const fault faults[] = {
    {&corruption::thin_air, "out of thin air"},
    {&corruption::duplicate, "delivered twice"},
    {&corruption::inversion, "overtaken"},
    {&corruption::lost, "lost"},
    {&corruption::early, "before it was put"},
    {&corruption::closed_too_soon, "closed before the close"},
    {&corruption::open_too_long, "open after the close"},
    {&corruption::accepted_too_late, "accepted after the close"},
    {&corruption::nothing_there, "beside items"},
    {&corruption::too_many, "items inside"},
    {&corruption::full_with_room, "full with room"},
};

}  // namespace

TEST_CASE("of a recorded history nothing is wrong, and each fault that is planted in it is found") {
  test::random any = test::random_for("corruption");
  std::uint64_t which = 0;
  int planted[std::size(faults)] = {};
  for (const test::setting where :
       {test::setting{test::flavour::fibers, 2}, test::setting{test::flavour::mixed, 2}}) {
    test::strands crowd(where);
    for (const test::shape& what : test::shapes) {
      for (int round = 0; round < 8 / test::slowness; ++round) {
        test::progress();
        const std::size_t limit = what.is_unbounded() ? history::no_limit : what.capacity;
        test::history good = test::recorded(what, which++).run(crowd);
        CHECK(good.problems(limit).empty());
        for (const fault& one : faults) {
          const bool needs_limit = one.plant == &corruption::too_many;
          const bool needs_room = one.plant == &corruption::full_with_room;
          if (what.is_unbounded() && (needs_limit || needs_room)) continue;
          for (int times = 0; times < 3; ++times) {
            corruption bad(good.events(), limit, any);
            if (bad.items() == 0 || !(bad.*one.plant)()) continue;
            ++planted[&one - faults];
            CHECK_MESSAGE(finds(bad.events(), one.words, limit), one.words, ", planted in ",
                          what.name());
          }
        }
      }
    }
  }
  for (const fault& one : faults) {
    CHECK_MESSAGE(planted[&one - faults] > 8 / test::slowness, one.words);
  }
}
