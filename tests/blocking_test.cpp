// blocking: values, errors, stops, many at once, more than there are helpers, their end.
#include "sluice/blocking.hpp"

#include <doctest/doctest.h>

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/child.hpp"
#include "support/fork.hpp"
#include "support/parked.hpp"
#include "support/strands.hpp"

namespace {

using sluice::blocking;
using sluice::cancelled;

/// Threads of this process.
std::size_t threads() {
  std::size_t n = 0;
  for (const auto& one : std::filesystem::directory_iterator("/proc/self/task")) {
    static_cast<void>(one);
    ++n;
  }
  return n;
}

/// A pipe whose read end blocks until somebody writes.
struct pipe_ends {
  int read = -1;
  int write = -1;
  pipe_ends() {
    int both[2];
    REQUIRE(::pipe(both) == 0);
    read = both[0];
    write = both[1];
  }
  pipe_ends(const pipe_ends&) = delete;
  pipe_ends& operator=(const pipe_ends&) = delete;
  ~pipe_ends() {
    ::close(read);
    ::close(write);
  }
  char take() const {
    char c = 0;
    while (::read(read, &c, 1) != 1) {
    }
    return c;
  }
  void give(char c) const { CHECK(::write(write, &c, 1) == 1); }
};

TEST_CASE("blocking returns the value and rethrows what escapes") {
  test::everywhere([](test::strands& crowd) {
    for (int i = 0; i < 3; ++i) {
      crowd.start([i] {
        CHECK(blocking([i] { return i + 1; }) == i + 1);
        CHECK(*blocking([] { return std::make_unique<int>(2); }) == 2);
        int number = 0;
        int& same = blocking([&]() -> int& { return number; });
        CHECK(&same == &number);
        blocking([&] { number = 4; });
        CHECK(number == 4);
        CHECK_THROWS_WITH_AS(blocking([]() -> int { throw std::runtime_error("inside"); }),
                             "inside", std::runtime_error);
        const auto owned = std::make_unique<int>(5);
        CHECK(blocking([](const int& n) { return [&n] { return n; }; }(*owned)) == 5);
      });
    }
    crowd.join();
  });
}

TEST_CASE("within f this_fiber describes a plain thread, and channels work") {
  sluice::runtime rt({.workers = 1});
  rt.run([] {
    const auto outside = sluice::this_fiber::id();
    sluice::channel<int> ch{sluice::rendezvous};
    auto other = sluice::go([&] { return ch.get(); });
    blocking([&] {
      CHECK(sluice::this_fiber::id() != outside);
      CHECK(sluice::this_fiber::name().empty());
      CHECK_FALSE(sluice::this_fiber::stop_requested());
      ch.put(7);  // the only worker is free to take it
      CHECK(blocking([] { return 1; }) == 1);
    });
    CHECK(other.join() == 7);
    CHECK(sluice::this_fiber::id() == outside);
  });
}

TEST_CASE("on a plain thread f is called there") {
  const auto here = std::this_thread::get_id();
  CHECK(blocking([] { return std::this_thread::get_id(); }) == here);
}

TEST_CASE("a stop does not cut it short and is thrown by the next wait") {
  sluice::runtime rt({.workers = 2});
  const pipe_ends pipe;
  auto task = rt.go([&] {
    const char c = blocking([&] { return pipe.take(); });
    CHECK(c == 'x');
    CHECK_THROWS_AS(sluice::this_fiber::yield(), cancelled);
    bool called = false;
    CHECK_THROWS_AS(blocking([&] { called = true; }), cancelled);
    CHECK_FALSE(called);
    sluice::shield([&] { blocking([&] { called = true; }); });
    CHECK(called);
    return c;
  });
  test::await_waiting(rt, "blocking");
  CHECK(task.request_stop());
  CHECK(test::count_waiting(rt, "blocking") == 1);
  pipe.give('x');
  CHECK(task.join() == 'x');
}

TEST_CASE("the end of a runtime waits for it") {
  const pipe_ends pipe;
  std::optional<sluice::runtime> rt(std::in_place, sluice::runtime_options{.workers = 1});
  auto task = rt->go([&] { return blocking([&] { return pipe.take(); }); });
  test::await_waiting(*rt, "blocking");
  std::thread closer([&] { rt.reset(); });
  pipe.give('y');
  CHECK(task.join() == 'y');
  closer.join();
}

TEST_CASE("many wait at once, and no worker is held up") {
  constexpr int many = 100;
  sluice::runtime rt({.workers = 1});
  std::latch all_in(many + 1);
  std::vector<sluice::task<void>> tasks;
  for (int i = 0; i < many; ++i) {
    tasks.push_back(rt.go([&] { blocking([&] { all_in.arrive_and_wait(); }); }));
  }
  rt.run([] { sluice::this_fiber::yield(); });
  all_in.arrive_and_wait();  // it needs all of them at a time
  for (auto& one : tasks) one.join();
}

TEST_CASE("more than there are helpers come to their turn, in their order") {
  constexpr int over = 40;
  constexpr int bound = sluice::most_blocking_helpers;
  sluice::runtime rt({.workers = 2});
  const pipe_ends pipe;
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> ended{0};
  std::vector<sluice::task<void>> tasks;
  for (int i = 0; i < bound + over; ++i) {
    tasks.push_back(rt.go([&] {
      blocking([&] {
        const int now = ++running;
        int seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        pipe.take();
        --running;
        ++ended;
      });
    }));
  }
  test::await_waiting(rt, "blocking", bound + over);
  test::await([&] { return running == bound; });
  for (int i = 0; i < bound + over; ++i) pipe.give('z');
  for (auto& one : tasks) {
    one.join();
    test::progress();
  }
  CHECK(most == bound);
  CHECK(ended == bound + over);
}

TEST_CASE("idle helpers end") {
  sluice::runtime rt({.workers = 1});
  rt.run([] { blocking([] {}); });
  const std::size_t with_helpers = threads();
  test::await([&] {
    std::this_thread::yield();
    return threads() < with_helpers;
  });
  // And new ones come when they are needed again.
  CHECK(rt.run([] { return blocking([] { return 3; }); }) == 3);
}

const test::child leaves("a process ends beside idle and busy helpers", [] {
  static sluice::channel<int> never{1};
  sluice::run([] { blocking([] {}); });
  sluice::go([] { blocking([] { ::pause(); }); });
  sluice::run([] { blocking([] {}); });
});

TEST_CASE("helpers do not keep the process from ending") {
  const test::ending end = leaves.run();
  CHECK_MESSAGE(end.exit_code == 0, end);
}

const test::child no_threads("no thread can be had", [] {
  sluice::runtime rt({.workers = 2});
  const rlimit none{1, 1};
  ::setrlimit(RLIMIT_NPROC, &none);
  if (::geteuid() == 0) static_cast<void>(::setuid(65534));
  int refused = 0;
  rt.run([&] {
    try {
      blocking([] {});
    } catch (const std::system_error&) {
      ++refused;
    }
  });
  std::_Exit(refused == 1 ? 0 : 3);
});

TEST_CASE("where no thread can be started it says so" *
          doctest::skip(test::under_tsan || test::under_asan)) {
  const test::ending end = no_threads.run();
  CHECK_MESSAGE((end.exit_code == 0), end);
}

const test::child forked("a fork with helpers", [] {
  sluice::run([] { blocking([] {}); });
  const pid_t pid = ::fork();
  if (pid == 0) {
    try {
      blocking([] {});
    } catch (const std::logic_error&) {
      ::_exit(0);
    }
    ::_exit(1);
  }
  int how = 0;
  ::waitpid(pid, &how, 0);
  if (!WIFEXITED(how) || WEXITSTATUS(how) != 0) throw std::runtime_error("the child failed");
  const int in_child = sluice::run([] {
    return blocking([] {
      const pid_t again = ::fork();
      if (again == 0) ::_exit(7);
      int end = 0;
      ::waitpid(again, &end, 0);
      return WEXITSTATUS(end);
    });
  });
  if (in_child != 7) throw std::runtime_error("no fork within blocking");
});

TEST_CASE("in a forked child it is refused" * test::unless_forks_hang()) {
  const test::ending end = forked.run();
  CHECK_MESSAGE(end.exit_code == 0, end);
}

TEST_CASE("a storm of short ones") {
  for (const int workers : {1, 4}) {
    sluice::runtime rt({.workers = workers});
    std::atomic<int> done{0};
    std::vector<sluice::task<void>> tasks;
    for (int i = 0; i < 20; ++i) {
      tasks.push_back(rt.go([&, i] {
        for (int k = 0; k < 50; ++k) {
          test::progress();
          try {
            blocking([&] {
              ++done;
              if (k % 7 == i % 7) throw std::runtime_error("sometimes");
            });
          } catch (const std::runtime_error&) {
          }
          if (k % 10 == 0) sluice::this_fiber::yield();
        }
      }));
    }
    for (auto& one : tasks) one.join();
    CHECK(done == 1000);
  }
}

}  // namespace
