// A machine that disturbs: too few CPUs, threads that are stopped anywhere for a while, runtimes that
// come and go. After each run every item is with one owner, nobody waits, and nothing is left behind.
//
//   SLUICE_STARTS=100000   runtimes that start and end in the last test; tools/stress sets it
#include <dirent.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <thread>
#include <vector>

#include "../support/allocations.hpp"
#include "../support/items.hpp"
#include "../support/shapes.hpp"
#include "../support/strands.hpp"
#include "../support/tally.hpp"
#include "../support/watch.hpp"
#include "sluice/sluice.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::status;
using test::counted;
using test::number;
using test::shape;
using test::tally;

/// The threads of this process.
std::vector<pid_t> all_threads() {
  std::vector<pid_t> all;
  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(::opendir("/proc/self/task"), ::closedir);
  while (const dirent* one = ::readdir(tasks.get())) {
    const int id = std::atoi(one->d_name);
    if (id != 0) all.push_back(id);
  }
  return all;
}

/// While it lives this thread, and all that it starts, have the first so many CPUs.
class few_cpus {
 public:
  explicit few_cpus(int most) {
    CHECK(::sched_getaffinity(0, sizeof before_, &before_) == 0);
    cpu_set_t few;
    CPU_ZERO(&few);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&few) < most; ++cpu) {
      if (CPU_ISSET(cpu, &before_)) CPU_SET(cpu, &few);
    }
    CHECK(::sched_setaffinity(0, sizeof few, &few) == 0);
  }
  few_cpus(const few_cpus&) = delete;
  few_cpus& operator=(const few_cpus&) = delete;
  ~few_cpus() { ::sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_;
};

void put_some(const channel<counted>& ch, tally& sums, test::random& any, number n) {
  for (number i = 0; i < n; ++i) {
    counted item(i);
    ++sums.made;
    status answer = status::full;
    try {
      switch (any() % 3) {
        case 0:
          answer = ch.try_put(std::move(item));
          break;
        case 1:
          answer = ch.put_for(std::move(item), std::chrono::microseconds(any() % 100));
          break;
        default:
          answer = ch.put_for(std::move(item), 1h);
      }
    } catch (const sluice::cancelled&) {
      ++sums.returned;
      CHECK(item.value() == i);
      throw;
    }
    ++(answer == status::ok ? sums.accepted : sums.returned);
    if (answer == status::closed) return;
  }
}

void get_all(const channel<counted>& ch, tally& sums, test::random& any) {
  for (;;) {
    const auto limit = any() % 2 == 0 ? std::chrono::microseconds(any() % 100) : 1h;
    const sluice::result<counted> item = ch.get_for(limit);
    if (item) ++sums.got;
    if (item.status() == status::closed) return;
  }
}

/// What is left in the channel counts as got.
void check_sums(const channel<counted>& ch, tally& sums) {
  while (ch.try_get()) ++sums.got;
  CHECK(sums.made == sums.accepted + sums.returned);
  CHECK(sums.accepted == sums.got);
  CHECK(test::getters_waiting(ch) == 0);
  CHECK(test::putters_waiting(ch) == 0);
  CHECK(test::joiners_waiting(ch) == 0);
}

/// Fibers and two threads put and get, some fibers are stopped, and somebody closes.
void bustle(sluice::runtime& rt, const shape& what, std::uint64_t round) {
  const channel<counted> ch = what.make<counted>();
  tally sums;
  test::random any = test::random_for("bustle " + what.name(), round);
  std::vector<sluice::task<void>> tasks;
  for (int i = 0; i < 6; ++i) {
    tasks.push_back(
        rt.go([&, any = test::random(any())]() mutable { put_some(ch, sums, any, 100); }));
    tasks.push_back(rt.go([&, any = test::random(any())]() mutable { get_all(ch, sums, any); }));
  }
  std::thread puts([&, any = test::random(any())]() mutable { put_some(ch, sums, any, 100); });
  std::thread gets([&, any = test::random(any())]() mutable { get_all(ch, sums, any); });
  for (int i = 0; i < 4; ++i) {
    tasks[any() % tasks.size()].request_stop();
    std::this_thread::yield();
  }
  if (any() % 2 == 0) puts.join();
  ch.close();
  if (puts.joinable()) puts.join();
  gets.join();
  for (auto& task : tasks) {
    try {
      task.join();
    } catch (const sluice::cancelled&) {
      ++sums.cancelled;
    }
  }
  check_sums(ch, sums);
  test::progress();
}

/// What a process has, apart from what it keeps for ever.
struct footprint {
  std::int64_t blocks = test::blocks;
  std::size_t threads = all_threads().size();
};

/// A joined thread is in the list for a moment more; one that is there for ever is the watchdog's.
void check_nothing_is_left(const footprint& before) {
  test::await([&] { return all_threads().size() <= before.threads; });
  CHECK(counted::alive() == 0);
  CHECK(counted::misuses() == 0);
  CHECK(test::blocks - before.blocks < 8);  // less than one for each round
}

/// Every kind of channel, so many times, on a runtime of its own.
void bustle_everywhere(int workers, int rounds) {
  sluice::runtime rt{{.workers = workers}};
  const test::dumper shows([&](std::ostream& out) { rt.dump(out); });
  for (int round = 0; round < rounds; ++round) {
    for (const shape& what : test::shapes) {
      const test::situation now(what.name());
      bustle(rt, what, static_cast<std::uint64_t>(round));
      test::await([&] { return rt.stats().fibers == 0; });
    }
  }
}

/// As bustle_everywhere, and nothing is left of it.
void bustle_and_vanish(int workers, int rounds) {
  bustle_everywhere(workers, 1);  // fills the caches
  const footprint before;
  bustle_everywhere(workers, rounds);
  check_nothing_is_left(before);
}

// ---- threads that are stopped ------------------------------------------------------------------

/// 1: whoever gets the signal stays in its handler.
std::atomic<std::uint32_t> gate{0};
std::atomic<int> stopped{0};

long futex(int operation, std::uint32_t value) {
  return ::syscall(SYS_futex, &gate, operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
}

void stay(int) {
  const int before = errno;
  if (gate == 1) ++stopped;
  while (gate == 1) futex(FUTEX_WAIT, 1);
  errno = before;
}

/// Stops one thread of the process after the other wherever it is, each for up to two milliseconds.
class stopper {
 public:
  stopper() {
    struct sigaction action {};
    action.sa_handler = stay;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    CHECK(::sigaction(SIGUSR1, &action, &before_) == 0);
    stopped = 0;
    thread_ = std::thread([this] { play(); });
  }
  stopper(const stopper&) = delete;
  stopper& operator=(const stopper&) = delete;
  /// The handler stays: a signal may be on its way.
  ~stopper() {
    over_ = true;
    thread_.join();
  }

 private:
  void play() {
    test::random any = test::random_for("stopper");
    const pid_t self = static_cast<pid_t>(::syscall(SYS_gettid));
    while (!over_) {
      const std::vector<pid_t> all = all_threads();
      const pid_t chosen = all[any() % all.size()];
      if (chosen == self) continue;
      gate = 1;
      ::syscall(SYS_tgkill, ::getpid(), chosen, SIGUSR1);  // it may have ended meanwhile
      std::this_thread::sleep_for(std::chrono::microseconds(any() % 2000));
      gate = 0;
      futex(FUTEX_WAKE, INT_MAX);
      std::this_thread::sleep_for(std::chrono::microseconds(any() % 200));
    }
  }

  struct sigaction before_ {};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

int number_in(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::atoi(text) : otherwise;
}

}  // namespace

TEST_CASE("with one CPU for everything every item is with one owner, and nobody stays behind") {
  const few_cpus one(1);
  bustle_and_vanish(4, 12 / test::slowness);
}

TEST_CASE("sixty-four workers on two CPUs do as well") {
  const few_cpus two(2);
  bustle_and_vanish(64, 8 / test::slowness);
}

TEST_CASE("threads that are stopped anywhere for a while and go on disturb nothing") {
  bustle_everywhere(3, 1);
  const footprint before;
  {
    const stopper signals;
    // A sanitizer may put signals off for ever.
    const int wanted = test::slowness > 1 ? 0 : 100;
    for (int round = 0; round < 3 || (stopped < wanted && round < 1000); ++round) {
      bustle_everywhere(3, 1);
    }
    CHECK(stopped >= wanted);
  }
  check_nothing_is_left(before);
  MESSAGE(stopped.load(), " stops");
}

TEST_CASE("runtimes that start and end under load leave no item, no thread and no memory behind") {
  const int starts = number_in("SLUICE_STARTS", 3000 / (test::slowness * test::slowness));
  const channel<counted> ch{3};
  tally sums;
  std::atomic<bool> over{false};
  test::random any = test::random_for("starts");
  const auto start_one = [&](int round) {
    sluice::runtime rt{{.workers = 1 + round % 3}};
    for (int i = 0; i < 2; ++i) {
      rt.go([&, any = test::random(any())]() mutable { put_some(ch, sums, any, 1000); });
      rt.go([&, any = test::random(any())]() mutable { get_all(ch, sums, any); });
    }
    if (round % 2 == 0) rt.run([] { sluice::this_fiber::yield(); });
    test::progress();
  };
  for (int round = 0; round < 50; ++round) start_one(round);  // fills the caches
  const footprint before;
  std::thread puts([&, any = test::random(any())]() mutable {
    while (!over) put_some(ch, sums, any, 50);
  });
  std::thread gets([&, any = test::random(any())]() mutable { get_all(ch, sums, any); });
  for (int round = 0; round < starts; ++round) start_one(round);
  over = true;
  puts.join();
  ch.close();
  gets.join();
  check_sums(ch, sums);
  check_nothing_is_left(before);
  MESSAGE(starts, " runtimes, ", sums.got.load(), " items");
}
