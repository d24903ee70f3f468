// fiber_local: one for each strand, made late, destroyed at the strand's end.
#include "sluice/fiber_local.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/strands.hpp"

namespace {

using sluice::fiber_local;

sluice::fiber_local<int> global;

/// Counts those alive; its destructor waits.
struct counted {
  static inline std::atomic<int> living{0};
  int number = 0;
  counted() { ++living; }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  ~counted() {
    sluice::this_fiber::yield();
    --living;
  }
};

TEST_CASE("each strand has a value of its own, and keeps it across waits") {
  test::everywhere([](test::strands& crowd) {
    const fiber_local<int> mine{7};
    const fiber_local<std::string> text([] { return std::string("begin"); });
    for (int i = 0; i < 8; ++i) {
      crowd.start([&, i] {
        CHECK(*mine == 7);
        CHECK(*text == "begin");
        CHECK(global.get() == 0);
        int& same = *mine;
        *mine = i;
        *global = 10 * i;
        text->push_back(static_cast<char>('a' + i));
        for (int k = 0; k < 20; ++k) {
          sluice::this_fiber::yield();
          CHECK(*mine == i);
          CHECK(&*mine == &same);
          CHECK(*global == 10 * i);
        }
        CHECK(text->size() == 6);
        CHECK(text->back() == 'a' + i);
      });
    }
    crowd.join();
  });
}

TEST_CASE("values are gone before a join returns, also those of a stopped fiber") {
  const fiber_local<counted> held;
  for (const int workers : {1, 2}) {
    sluice::runtime rt({.workers = workers});
    for (int i = 0; i < 50; ++i) {
      rt.go([&] { held->number = 1; }).join();
      CHECK(counted::living == 0);
    }
    sluice::channel<int> never{1};
    auto stopped = rt.go([&] {
      held->number = 2;
      never.get();
    });
    stopped.request_stop();
    CHECK_THROWS_AS(stopped.join(), sluice::cancelled);
    CHECK(counted::living == 0);
    auto failed = rt.go([&] {
      held->number = 3;
      throw std::runtime_error("end");
    });
    CHECK_THROWS_AS(failed.join(), std::runtime_error);
    CHECK(counted::living == 0);
  }
  std::thread([&] { held->number = 4; }).join();
  CHECK(counted::living == 0);
}

TEST_CASE("in a scope values are gone when its join returns") {
  const fiber_local<counted> held;
  sluice::run([&] {
    sluice::scope s;
    for (int i = 0; i < 20; ++i) s.go([&] { held->number = 1; });
    s.join();
    CHECK(counted::living == 0);
  });
}

TEST_CASE("a fiber that follows another on its stack begins with a fresh value") {
  sluice::runtime rt({.workers = 1});
  const fiber_local<int> mine{1};
  rt.run([&] {
    for (int i = 0; i < 10; ++i) {
      sluice::go([&] {
        CHECK(*mine == 1);
        *mine = 2;
      }).join();
    }
  });
}

TEST_CASE("it is made late, once for each strand, and again if making it failed") {
  std::atomic<int> made{0};
  const fiber_local<int> value([&] {
    if (++made == 1) throw std::runtime_error("not yet");
    return made.load();
  });
  CHECK(made == 0);
  sluice::run([&] {
    CHECK_THROWS_AS(static_cast<void>(value.get()), std::runtime_error);
    CHECK(*value == 2);
    CHECK(*value == 2);
  });
  CHECK(made == 2);
}

TEST_CASE("the last made goes first, and a destructor finds those made before") {
  static std::vector<int> order;
  struct noting {
    const fiber_local<int>* reads;
    int number;
    ~noting() { order.push_back(number + **reads); }
  };
  order.clear();
  const fiber_local<int> base;
  const fiber_local<std::unique_ptr<noting>> first([&] {
    return std::make_unique<noting>(noting{&base, 1});
  });
  const fiber_local<std::unique_ptr<noting>> second([&] {
    return std::make_unique<noting>(noting{&base, 2});
  });
  const auto use = [&] {
    *base = 10;
    static_cast<void>(first.get());
    static_cast<void>(second.get());
    order.clear();  // what the temporaries said
  };
  sluice::run(use);
  CHECK(order == std::vector<int>{12, 11});
  std::thread(use).join();
  CHECK(order == std::vector<int>{12, 11});
}

TEST_CASE("a destructor may make another value") {
  static std::atomic<int> made{0};
  static const fiber_local<int> late([] { return ++made; });
  struct uses_late {
    ~uses_late() { CHECK(*late == 1); }
  };
  made = 0;
  const fiber_local<uses_late> early;
  sluice::go([&] { static_cast<void>(early.get()); }).join();
  CHECK(made == 1);
}

TEST_CASE("instances that come and go do not see each other's values") {
  sluice::run([] {
    const fiber_local<int> stays{1};
    *stays = 5;
    for (int i = 0; i < 100; ++i) {
      const fiber_local<int> a{i};
      const fiber_local<std::string> b{std::to_string(i)};
      CHECK(*a == i);
      CHECK(*b == std::to_string(i));
      *a = -1;
    }
    CHECK(*stays == 5);
  });
}

TEST_CASE("an instance may go before the strands that have a value of it") {
  sluice::runtime rt({.workers = 2});
  sluice::channel<int> gate{1};
  sluice::channel<int> made{1};
  std::optional<fiber_local<counted>> held(std::in_place);
  auto task = rt.go([&] {
    (*held)->number = 3;
    made.put(1);
    gate.get();
    CHECK(counted::living == 1);
  });
  made.get();
  held.reset();
  const fiber_local<int> next{8};  // in its place
  rt.run([&] { CHECK(*next == 8); });
  gate.put(1);
  task.join();
  CHECK(counted::living == 0);
}

TEST_CASE("within blocking it is the helper's") {
  sluice::run([] {
    const fiber_local<int> value{1};
    *value = 2;
    sluice::blocking([&] { CHECK(*value == 1); });
    CHECK(*value == 2);
  });
}

TEST_CASE("values that refer to one another while they are made") {
  static const fiber_local<int> inner{1};
  static const fiber_local<int> outer([] { return *inner + 1; });
  sluice::run([] { CHECK(*outer == 2); });
}

TEST_CASE("move-only and over-aligned values") {
  struct alignas(128) wide {
    int number = 3;
  };
  sluice::run([] {
    const fiber_local<std::unique_ptr<int>> pointer([] { return std::make_unique<int>(4); });
    CHECK(**pointer == 4);
    const fiber_local<wide> aligned;
    CHECK(reinterpret_cast<std::uintptr_t>(&*aligned) % 128 == 0);
    CHECK(aligned->number == 3);
  });
}

}  // namespace
