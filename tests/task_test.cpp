// go and task: values, references, errors, the ends of tasks and of their handles.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"

namespace {

using namespace std::chrono_literals;

int free_function(int a, int b) { return a * b; }

struct counts_instances {
  counts_instances() noexcept { ++alive; }
  counts_instances(const counts_instances&) noexcept { ++alive; }
  counts_instances(counts_instances&&) noexcept { ++alive; }
  counts_instances& operator=(const counts_instances&) = default;
  counts_instances& operator=(counts_instances&&) = default;
  ~counts_instances() { --alive; }
  inline static std::atomic<int> alive{0};
};

struct adder {
  int base;
  [[nodiscard]] int plus(int more) const { return base + more; }
};

/// Runs the body on a plain thread and in a fiber: a join works in both.
template <class Body>
void on_thread_and_fiber(Body body) {
  body();
  sluice::runtime rt{{.workers = 1}};
  rt.run(body);
}

}  // namespace

TEST_CASE("a join returns the value of the function") {
  on_thread_and_fiber([] {
    CHECK(sluice::go([] { return 1 + 2; }).join() == 3);
    CHECK(sluice::go(free_function, 6, 7).join() == 42);
    CHECK(sluice::go([](const std::string& text) { return text + "!"; }, "hello").join() ==
          "hello!");
    CHECK(sluice::go(&adder::plus, adder{5}, 2).join() == 7);
    CHECK(sluice::go(std::function<int()>([] { return 9; })).join() == 9);
  });
}

TEST_CASE("a join of a function that returns nothing returns when it has ended") {
  on_thread_and_fiber([] {
    std::atomic<bool> ran{false};
    auto task = sluice::go([&] { ran = true; });
    static_assert(std::is_void_v<decltype(task.join())>);
    task.join();
    CHECK(ran);
  });
}

TEST_CASE("a join returns a reference to the very object") {
  int object = 0;
  auto task = sluice::go([&]() -> int& { return object; });
  static_assert(std::is_same_v<decltype(task.join()), int&>);
  CHECK(&task.join() == &object);

  auto constant = sluice::go([&]() -> const int& { return object; });
  CHECK(&constant.join() == &object);

  auto moving = sluice::go([&]() -> int&& { return std::move(object); });
  static_assert(std::is_same_v<decltype(moving.join()), int&&>);
  int&& referred = moving.join();
  CHECK(&referred == &object);
}

TEST_CASE("what cannot be copied or moved into a task is refused where go is called") {
  const auto f = [](std::unique_ptr<int>) {};
  std::unique_ptr<int> owned;
  const auto can_go = [&]<class Arg>(Arg&& arg) {
    return requires { sluice::go(f, std::forward<Arg>(arg)); };
  };
  CHECK(can_go(std::move(owned)));
  CHECK(!can_go(owned));
}

TEST_CASE("functions, arguments and results may be move-only") {
  on_thread_and_fiber([] {
    auto owned = std::make_unique<int>(4);
    auto task = sluice::go(
        [held = std::make_unique<int>(3)](std::unique_ptr<int> given) {
          return std::make_unique<int>(*held * *given);
        },
        std::move(owned));
    CHECK(owned == nullptr);
    CHECK(*task.join() == 12);
  });
}

TEST_CASE("arguments are copied unless std::ref says otherwise") {
  int count = 0;
  sluice::go([](int& copy) { ++copy; }, std::ref(count)).join();
  CHECK(count == 1);

  std::vector<int> original{1, 2, 3};
  auto task = sluice::go([](std::vector<int> copy) { return copy.size(); }, original);
  original.clear();
  CHECK(task.join() == 3);
}

TEST_CASE("an over-aligned result is delivered") {
  struct alignas(64) wide {
    int value;
  };
  auto task = sluice::go([] { return wide{8}; });
  CHECK(task.join().value == 8);
}

TEST_CASE("a join rethrows what escaped the function") {
  on_thread_and_fiber([] {
    auto task = sluice::go([]() -> int { throw std::range_error("too far"); });
    CHECK_THROWS_WITH_AS(task.join(), "too far", std::range_error);
    auto odd = sluice::go([] { throw 5; });
    CHECK_THROWS_AS(odd.join(), int);
  });
}

TEST_CASE("what escapes while a small value is being made is all that is left of it") {
  // It is made where an error would lie.
  struct half_made {
    half_made() {
      address = ~std::uintptr_t{0};
      throw std::range_error("too far");
    }
    ~half_made() { ++destroyed(); }
    static int& destroyed() {
      static int count = 0;
      return count;
    }
    std::uintptr_t address;
  };
  on_thread_and_fiber([] {
    auto task = sluice::go([] { return half_made(); });
    CHECK_THROWS_WITH_AS(task.join(), "too far", std::range_error);
  });
  CHECK(half_made::destroyed() == 0);
}

TEST_CASE("a small value that nobody takes is destroyed, and is no error") {
  {
    sluice::runtime rt{{.workers = 1}};
    auto task = rt.go([] { return std::make_shared<counts_instances>(); });
    auto small = rt.go([] { return std::make_unique<counts_instances>(); });
    CHECK(task.join_for(1h));
    CHECK(small.join_for(1h));
  }
  CHECK(counts_instances::alive == 0);
}

TEST_CASE("a second join throws, after a value and after an error") {
  auto task = sluice::go([] { return 1; });
  task.join();
  CHECK_THROWS_AS(task.join(), std::logic_error);

  auto failed = sluice::go([]() -> int { throw std::range_error("once"); });
  CHECK_THROWS_AS(failed.join(), std::range_error);
  CHECK_THROWS_AS(failed.join(), std::logic_error);
}

TEST_CASE("a fiber that joins itself is told so and does not hang") {
  sluice::runtime rt{{.workers = 1}};
  rt.run([] {
    sluice::channel<sluice::task<int>*> to_itself{1};
    auto task = sluice::go([to_itself] {
      sluice::task<int>* self = to_itself.get();
      CHECK_THROWS_AS(self->join(), std::logic_error);
      CHECK_THROWS_AS(self->join_for(1h), std::logic_error);
      return 6;
    });
    to_itself.put(&task);
    CHECK(task.join() == 6);
  });
}

TEST_CASE("a default task and a moved-from one only answer valid") {
  sluice::task<int> none;
  sluice::task<int> taken = sluice::go([] { return 2; });
  sluice::task<int> holder = std::move(taken);
  for (sluice::task<int>* empty : {&none, &taken}) {
    CHECK_FALSE(empty->valid());
    CHECK_THROWS_AS(empty->join(), std::logic_error);
    CHECK_THROWS_AS(empty->join_for(1ms), std::logic_error);
    CHECK_THROWS_AS(static_cast<void>(empty->done()), std::logic_error);
    CHECK_THROWS_AS(static_cast<void>(empty->id()), std::logic_error);
    CHECK_THROWS_AS(empty->request_stop(), std::logic_error);
  }
  CHECK(holder.valid());
  none = std::move(holder);
  CHECK(none.valid());
  CHECK(none.join() == 2);
}

TEST_CASE("whether a task was joined moves with its handle") {
  auto first = sluice::go([] { return 1; });
  first.join();
  auto second = std::move(first);
  CHECK_THROWS_AS(second.join(), std::logic_error);
  second = sluice::go([] { return 2; });
  CHECK(second.join() == 2);
}

TEST_CASE("join_for says whether the end was reached, and leaves the value") {
  on_thread_and_fiber([] {
    sluice::channel<int> release{1};
    auto task = sluice::go([release] { return release.get(); });
    CHECK_FALSE(task.join_for(2ms));
    CHECK_FALSE(task.join_for(0ms));
    CHECK_FALSE(task.join_for(-1h));
    CHECK_FALSE(task.done());
    release.put(11);
    CHECK(task.join_for(1h));
    CHECK(task.join_for(std::chrono::hours::max()));
    CHECK(task.done());
    CHECK(task.join() == 11);
    CHECK(task.join_for(0ms));  // joined before: done
  });
}

TEST_CASE("join_for does not throw what the function threw") {
  auto task = sluice::go([] { throw std::range_error("later"); });
  CHECK(task.join_for(1h));
  CHECK_THROWS_AS(task.join(), std::range_error);
}

TEST_CASE("a task is done once its function has returned, not before") {
  sluice::channel<int> release{1};
  auto task = sluice::go([release] { release.get(); });
  CHECK_FALSE(task.done());
  release.put(1);
  task.join();
  CHECK(task.done());
}

TEST_CASE("many strands can wait for one task") {
  sluice::channel<int> release{1};
  auto task = sluice::go([release] { release.get(); });
  std::atomic<int> seen{0};
  std::vector<sluice::task<void>> fibers;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    fibers.push_back(sluice::go([&] { seen += task.join_for(1h) ? 1 : 0; }));
    threads.emplace_back([&] { seen += task.join_for(1h) ? 1 : 0; });
  }
  release.put(1);
  for (auto& fiber : fibers) fiber.join();
  for (auto& thread : threads) thread.join();
  CHECK(seen == 8);
}

TEST_CASE("ids differ, are ordered, hash and print, and the fiber knows its own") {
  sluice::runtime rt{{.workers = 2}};
  std::vector<sluice::task<sluice::fiber_id>> tasks;
  for (int i = 0; i < 100; ++i) tasks.push_back(rt.go(sluice::this_fiber::id));
  std::set<sluice::fiber_id> ordered;
  std::unordered_set<sluice::fiber_id> hashed;
  for (auto& task : tasks) {
    const sluice::fiber_id id = task.id();
    ordered.insert(id);
    hashed.insert(id);
    CHECK(task.join() == id);
    CHECK(task.id() == id);
    std::ostringstream text;
    text << id;
    CHECK(text.str() == std::to_string(id.number()));
  }
  ordered.insert(sluice::this_fiber::id());
  CHECK(ordered.size() == 101);
  CHECK(hashed.size() == 100);
  CHECK(ordered.count(sluice::fiber_id()) == 0);
}

TEST_CASE("a plain thread has an id of its own that stays the same, and no name") {
  const sluice::fiber_id mine = sluice::this_fiber::id();
  CHECK(sluice::this_fiber::id() == mine);
  sluice::fiber_id other;
  std::thread([&] { other = sluice::this_fiber::id(); }).join();
  CHECK(other != mine);
  CHECK(other != sluice::fiber_id());
  CHECK(sluice::this_fiber::name().empty());
}

TEST_CASE("a fiber has the name that it was given") {
  CHECK(sluice::go({.name = "reader of parts"}, [] {
          return std::string(sluice::this_fiber::name());
        }).join() == "reader of parts");
  CHECK(sluice::go([] { return std::string(sluice::this_fiber::name()); }).join().empty());
}

TEST_CASE("a fiber keeps its name when somebody asks for its stop token") {
  auto named = sluice::go({.name = "named"}, [] {
    static_cast<void>(sluice::this_fiber::stop_token());
    return std::string(sluice::this_fiber::name());
  });
  CHECK(named.join() == "named");
  auto unnamed = sluice::go([] {
    static_cast<void>(sluice::this_fiber::stop_token());
    return std::string(sluice::this_fiber::name());
  });
  CHECK(unnamed.join().empty());
}

TEST_CASE("captured objects and arguments are gone when a join returns") {
  on_thread_and_fiber([] {
    for (int i = 0; i < 200; ++i) {
      auto task =
          sluice::go([held = counts_instances()](const counts_instances&) {}, counts_instances());
      task.join();
      CHECK(counts_instances::alive == 0);
    }
  });
}

TEST_CASE("a function that has no state is called, and one that has a destructor is destroyed") {
  CHECK(sluice::go([] { return 4; }).join() == 4);
  struct counted : counts_instances {
    counted() noexcept { ++made(); }
    int operator()() const { return counts_instances::alive; }
    static std::atomic<int>& made() {
      static std::atomic<int> count{0};
      return count;
    }
  };
  CHECK(sluice::go(counted()).join() >= 1);  // the one that was copied may still be there
  CHECK(counts_instances::alive == 0);
  CHECK(counted::made() == 1);  // what runs is a copy
}

TEST_CASE("a sender that a task captured has closed its channel when the join returns") {
  for (int i = 0; i < 200; ++i) {
    auto [tx, rx] = sluice::make_channel<int>(1);
    auto task = sluice::go([tx = std::move(tx)] { tx.put(1); });
    task.join();
    CHECK(rx.closed());
    CHECK(rx.size() == 1);
  }
}

TEST_CASE("dropping a task lets the fiber run on") {
  sluice::channel<int> out{sluice::rendezvous};
  sluice::go([out] { out.put(21); });
  CHECK(out.get() == 21);
}

TEST_CASE("a value that nobody joins is destroyed") {
  {
    sluice::runtime rt{{.workers = 1}};
    auto before_the_end = rt.go([] { return counts_instances(); });
    { auto dropped = std::move(before_the_end); }
    auto after_the_end = rt.go([] { return counts_instances(); });
    CHECK(after_the_end.join_for(1h));
  }
  CHECK(counts_instances::alive == 0);
}
