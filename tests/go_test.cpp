// What `go` refuses, what its options do, and on which runtime a fiber starts.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"

namespace {

using namespace std::chrono_literals;

/// Counts its instances; its copies can be made to throw.
struct counted {
  counted() noexcept { ++alive; }
  counted(const counted& other) : throws_when_copied(other.throws_when_copied) {
    if (throws_when_copied) throw std::range_error("no copy");
    ++alive;
  }
  counted(counted&& other) noexcept : throws_when_copied(other.throws_when_copied) { ++alive; }
  counted& operator=(const counted&) = delete;
  counted& operator=(counted&&) = delete;
  ~counted() { --alive; }
  inline static std::atomic<int> alive{0};
  bool throws_when_copied = false;
};

struct adder {
  int plus(int more) { return more; }
};

constexpr std::size_t absurd_sizes[] = {
    std::numeric_limits<std::size_t>::max(),
    std::numeric_limits<std::size_t>::max() / 2,
    std::size_t{1} << 47,
};

/// Uses most of `bytes` of the stack, page by page, and returns a number made from all of it.
[[gnu::noinline]] std::uint64_t use_stack(std::size_t bytes) {
  constexpr std::size_t frame = 4096;
  volatile unsigned char room[frame];
  room[0] = static_cast<unsigned char>(bytes);
  room[frame - 1] = 1;
  const std::uint64_t below = bytes > 3 * frame ? use_stack(bytes - 2 * frame) : 0;
  return below + room[frame - 1];
}

}  // namespace

TEST_CASE("a null function pointer and an empty function are refused at the call") {
  sluice::runtime rt{{.workers = 1}};
  void (*nothing)() = nullptr;
  const auto refused = [&](auto f) {
    CHECK_THROWS_AS(sluice::go(f), std::invalid_argument);
    CHECK_THROWS_AS(sluice::go({.name = "none"}, f), std::invalid_argument);
    CHECK_THROWS_AS(rt.go(f), std::invalid_argument);
    CHECK_THROWS_AS(rt.go({.name = "none"}, f), std::invalid_argument);
    CHECK_THROWS_AS(rt.run(f), std::invalid_argument);
    CHECK_THROWS_AS(sluice::run(f), std::invalid_argument);
  };
  refused(nothing);
  refused(std::function<void()>());
  refused(std::function<void()>(nothing));

  int (adder::*no_function)(int) = nullptr;
  CHECK_THROWS_AS(sluice::go(no_function, adder{}, 1), std::invalid_argument);
  CHECK(rt.stats().spawned == 0);
  CHECK(rt.run([] { return 3; }) == 3);
}

TEST_CASE("an absurd stack size is a length_error of go and leaves no fiber") {
  sluice::runtime rt{{.workers = 1}};
  for (const std::size_t size : absurd_sizes) {
    CAPTURE(size);
    CHECK_THROWS_AS(rt.go({.stack_size = size}, [held = counted()] {}), std::length_error);
    CHECK_THROWS_AS(sluice::go({.stack_size = size}, [held = counted()] {}), std::length_error);
    CHECK_THROWS_AS(sluice::runtime({.workers = 1, .stack_size = size}), std::length_error);
  }
  CHECK(counted::alive == 0);
  CHECK(rt.stats().fibers == 0);
  CHECK(rt.stats().spawned == 0);
  CHECK(rt.run([] { return 4; }) == 4);
}

TEST_CASE("a copy that throws passes out of go, and there is no fiber") {
  sluice::runtime rt{{.workers = 1}};
  counted argument;
  argument.throws_when_copied = true;
  std::atomic<bool> ran{false};
  const auto body = [&ran, held = counted()](const counted&) { ran = true; };
  CHECK_THROWS_AS(rt.go(body, argument), std::range_error);
  CHECK_THROWS_AS(rt.go({.name = "copied"}, body, argument), std::range_error);
  CHECK(counted::alive == 2);  // the argument, and the one in `body`
  CHECK(rt.stats().spawned == 0);
  rt.run([] {});
  CHECK_FALSE(ran);
}

TEST_CASE("a stack is as large as it was asked for") {
  sluice::runtime rt{{.workers = 1}};
  for (const std::size_t size : {64 * 1024, 256 * 1024, 1024 * 1024, 8 * 1024 * 1024}) {
    CAPTURE(size);
    const std::size_t used = size - 24 * 1024;
    CHECK(rt.go({.name = "deep", .stack_size = size}, use_stack, used).join() > 0);
  }
}

TEST_CASE("a runtime's stack size holds for fibers whose options name none") {
  constexpr std::size_t size = 4 * 1024 * 1024;
  sluice::runtime rt{{.workers = 1, .stack_size = size}};
  CHECK(rt.run([] { return use_stack(size - 32 * 1024); }) > 0);
  CHECK(rt.go(use_stack, size - 32 * 1024).join() > 0);
  CHECK(rt.run([] { return sluice::go(use_stack, size - 32 * 1024).join(); }) > 0);
}

TEST_CASE("a bare go in a fiber starts on the runtime of that fiber") {
  sluice::runtime one{{.workers = 1}};
  sluice::runtime other{{.workers = 1}};
  const auto spawned_before = other.stats().spawned;
  const bool in_one = one.run([&] {
    return sluice::go([&] {
             // Only on its own fibers does a runtime refuse to run.
             CHECK_THROWS_AS(one.run([] {}), std::logic_error);
             return other.run([] { return true; });
           })
        .join();
  });
  CHECK(in_one);
  CHECK(one.stats().spawned == 2);
  CHECK(other.stats().spawned == spawned_before + 1);
}

TEST_CASE("a bare go on a plain thread starts on the default runtime") {
  sluice::go([] { CHECK_THROWS_AS(sluice::run([] {}), std::logic_error); }).join();
  std::thread([] {
    sluice::go([] { CHECK_THROWS_AS(sluice::run([] {}), std::logic_error); }).join();
  }).join();
}

TEST_CASE("a fiber of one runtime can start fibers on another") {
  sluice::runtime one{{.workers = 1}};
  sluice::runtime other{{.workers = 1}};
  one.run([&] {
    auto task = other.go([&] {
      CHECK_THROWS_AS(other.run([] {}), std::logic_error);
      return 5;
    });
    CHECK(task.join() == 5);
  });
  CHECK(other.stats().spawned == 1);
}

TEST_CASE("every fiber that is started runs once") {
  constexpr int count = 20'000;
  for (const int workers : {1, 2, 4}) {
    CAPTURE(workers);
    sluice::runtime rt{{.workers = workers}};
    std::vector<std::atomic<int>> ran(count);
    std::vector<sluice::task<void>> tasks;
    for (int i = 0; i < count / 2; ++i) tasks.push_back(rt.go([&ran, i] { ++ran[i]; }));
    rt.run([&] {
      for (int i = count / 2; i < count; ++i) {
        tasks.push_back(sluice::go([&ran, i] { ++ran[i]; }));
      }
    });
    for (auto& task : tasks) task.join();
    int wrong = 0;
    for (const auto& times : ran) wrong += times == 1 ? 0 : 1;
    CHECK(wrong == 0);
    CHECK(rt.stats().spawned == count + 1);
    CHECK(rt.stats().fibers == 0);
  }
}

TEST_CASE("fibers start fibers as deep as they like") {
  struct tree {
    static int leaves(int depth) {
      if (depth == 0) return 1;
      auto left = sluice::go(leaves, depth - 1);
      auto right = sluice::go(leaves, depth - 1);
      return left.join() + right.join();
    }
  };
  for (const int workers : {1, 2, 4}) {
    sluice::runtime rt{{.workers = workers}};
    CHECK(rt.run([] { return tree::leaves(10); }) == 1024);
  }
}
