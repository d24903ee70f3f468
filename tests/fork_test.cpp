// In a forked child no operation works and none hangs; fork and exec is as always.
#include <doctest/doctest.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/child.hpp"
#include "support/fork.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;

/// What the parent had when it forked.
struct things {
  sluice::channel<int> bounded{4};
  sluice::channel<int> unbounded{sluice::unbounded, {.name = "copied"}};
  sluice::channel<int> meeting{sluice::rendezvous};
  sluice::channel<int> over{1};
  sluice::channel<int> never{1};
  std::optional<std::pair<sluice::sender<int>, sluice::receiver<int>>> halves;
  std::optional<sluice::runtime> rt;
  sluice::task<int> ended;
  sluice::task<int> waiting;

  things() : rt(sluice::runtime_options{.workers = 2}) {
    bounded.put(1);
    bounded.put(2);
    unbounded.put(3);
    over.close();
    auto [tx, rx] = sluice::make_channel<int>(4);
    tx.put(1);
    halves.emplace(std::move(tx), std::move(rx));
    ended = rt->go([] { return 1; });
    static_cast<void>(ended.join_for(1h));
    waiting = rt->go([ch = never] { return ch.get(); });
  }
};

struct step {
  const char* name;
  void (*of)(things&);
};

const std::vector<int> batch{1, 2};

/// Each throws std::logic_error that speaks of the fork.
constexpr step refused[] = {
    {"put", [](things& t) { t.bounded.put(1); }},
    {"put, unbounded", [](things& t) { t.unbounded.put(1); }},
    {"put, rendezvous", [](things& t) { t.meeting.put(1); }},
    {"put, closed", [](things& t) { t.over.put(1); }},
    {"<<", [](things& t) { t.bounded << 1; }},
    {"try_put", [](things& t) { static_cast<void>(t.bounded.try_put(1)); }},
    {"try_put, rendezvous", [](things& t) { static_cast<void>(t.meeting.try_put(1)); }},
    {"put_for", [](things& t) { t.bounded.put_for(1, 1ms); }},
    {"put_until", [](things& t) { t.bounded.put_until(1, std::chrono::system_clock::now()); }},
    {"put_batch", [](things& t) { t.bounded.put_batch(batch); }},
    {"get", [](things& t) { t.bounded.get(); }},
    {"get, unbounded", [](things& t) { t.unbounded.get(); }},
    {"get, rendezvous", [](things& t) { t.meeting.get(); }},
    {"get, closed", [](things& t) { t.over.get(); }},
    {">>",
     [](things& t) {
       int item = 0;
       t.bounded >> item;
     }},
    {"for",
     [](things& t) {
       for (const int item : t.unbounded) static_cast<void>(item);
     }},
    {"try_get", [](things& t) { static_cast<void>(t.bounded.try_get()); }},
    {"get_for", [](things& t) { static_cast<void>(t.never.get_for(1ms)); }},
    {"get_until",
     [](things& t) { static_cast<void>(t.never.get_until(std::chrono::steady_clock::now())); }},
    {"get_batch", [](things& t) { static_cast<void>(t.bounded.get_batch(2)); }},
    {"get_batch, linger", [](things& t) { static_cast<void>(t.bounded.get_batch(2, 1ms)); }},
    {"try_get_batch", [](things& t) { static_cast<void>(t.bounded.try_get_batch(2)); }},
    {"join of a channel", [](things& t) { t.never.join(); }},
    {"join_for of a channel", [](things& t) { t.over.join_for(1ms); }},
    {"put of a sender", [](things& t) { t.halves->first.put(1); }},
    {"get of a receiver", [](things& t) { t.halves->second.get(); }},
    {"select",
     [](things& t) { sluice::select(sluice::on_get(t.never), sluice::on_put(t.bounded, 1)); }},
    {"select with otherwise",
     [](things& t) { sluice::select(sluice::on_get(t.unbounded), sluice::otherwise()); }},
    {"wait of a selector",
     [](things& t) {
       sluice::selector cases;
       cases.on_get(t.meeting);
       cases.wait();
     }},
    {"put on a new channel", [](things&) { sluice::channel<int>{1}.put(1); }},
    {"join of a task", [](things& t) { t.waiting.join(); }},
    {"join of a task that has ended", [](things& t) { t.ended.join(); }},
    {"join_for of a task", [](things& t) { t.waiting.join_for(1ms); }},
    {"go", [](things&) { sluice::go([] {}); }},
    {"go with options", [](things&) { sluice::go({.name = "none"}, [] {}); }},
    {"runtime::go", [](things& t) { t.rt->go([] {}); }},
    {"run", [](things&) { sluice::run([] {}); }},
    {"runtime::run", [](things& t) { t.rt->run([] {}); }},
    {"a new runtime", [](things&) { const sluice::runtime fresh{{.workers = 1}}; }},
    {"sleep_for", [](things&) { sluice::this_fiber::sleep_for(1ms); }},
};

void demand(bool holds) {
  if (!holds) throw std::runtime_error("it is not so");
}

/// Each answers from the copy, or does nothing; none throws or waits.
constexpr step answered[] = {
    {"close", [](things& t) { demand(!t.bounded.close() && !t.meeting.close()); }},
    {"close with a cause",
     [](things& t) {
       demand(!t.unbounded.close(std::make_exception_ptr(std::runtime_error("cause"))));
     }},
    {"close of halves", [](things& t) { demand(!t.halves->first.close()); }},
    {"close_on_exit", [](things& t) { const sluice::close_on_exit guard{t.never}; }},
    {"size", [](things& t) { demand(t.bounded.size() == 2 && t.unbounded.size() == 1); }},
    {"empty and full", [](things& t) { demand(!t.bounded.empty() && !t.bounded.full()); }},
    {"capacity", [](things& t) { demand(t.bounded.capacity() == 4); }},
    {"closed", [](things& t) { demand(t.over.closed() && !t.bounded.closed()); }},
    {"drained", [](things& t) { demand(t.over.drained() && !t.bounded.drained()); }},
    {"name", [](things& t) { demand(t.unbounded.name() == "copied"); }},
    {"valid and ==", [](things& t) { demand(t.never.valid() && !(t.never == t.over)); }},
    {"done", [](things& t) { demand(t.ended.done() && !t.waiting.done()); }},
    {"id", [](things& t) { demand(t.ended.id() != t.waiting.id()); }},
    {"request_stop", [](things& t) { static_cast<void>(t.waiting.request_stop()); }},
    {"this_fiber",
     [](things&) {
       demand(sluice::this_fiber::id() == sluice::this_fiber::id());
       static_cast<void>(sluice::this_fiber::name());
       static_cast<void>(sluice::this_fiber::stop_requested());
     }},
    {"stats", [](things& t) { demand(t.rt->stats().workers == 2); }},
    {"dump",
     [](things& t) {
       std::ostringstream text;
       t.rt->dump(text);
     }},
    {"the end of tasks",
     [](things& t) {
       t.ended = sluice::task<int>();
       t.waiting = sluice::task<int>();
     }},
    {"the end of halves", [](things& t) { t.halves.reset(); }},
    {"the end of channels",
     [](things& t) { t.bounded = t.unbounded = t.meeting = sluice::channel<int>(); }},
    {"the end of a runtime", [](things& t) { t.rt.reset(); }},
};

/// Shared with the child: what it is at.
std::atomic<const char*>& at() {
  static void* const page =
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  static auto* const only = ::new (page) std::atomic<const char*>("nothing");
  return *only;
}

int try_all(things& t) {
  for (const step& one : refused) {
    at() = one.name;
    try {
      one.of(t);
      return 1;
    } catch (const std::logic_error& error) {
      if (std::string(error.what()).find("fork") == std::string::npos) return 2;
    } catch (...) {
      return 3;
    }
  }
  for (const step& one : answered) {
    at() = one.name;
    try {
      one.of(t);
    } catch (...) {
      return 4;
    }
  }
  return 0;
}

/// Forks; the child's exit code is what `body` returns, it dies of SIGALRM if it hangs.
template <class Body>
pid_t fork_and(Body body) {
  at() = "the fork";
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::alarm(20 * test::slowness);
  ::_exit(body());
}

void check_end(pid_t pid) {
  REQUIRE(pid > 0);
  int how = 0;
  REQUIRE(::waitpid(pid, &how, 0) == pid);
  const std::string step = at().load();
  CAPTURE(step);
  CHECK(WIFEXITED(how));
  CHECK(WEXITSTATUS(how) == 0);
}

/// The library's first use in the process comes after the fork.
const test::child fork_first("fork first", [] {
  const auto use = [] {
    sluice::channel<int> ch{1};
    auto task = sluice::go([ch] { ch.put(4); });
    const int got = ch.get();
    task.join();
    return got == 4 && sluice::run([] { return 5; }) == 5 ? 0 : 1;
  };
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(use());
  int how = 0;
  ::waitpid(pid, &how, 0);
  if (how != 0 || use() != 0) throw std::runtime_error("one of them does not work");
});

const test::child exits_after_fork("exits after a fork", [] {
  static sluice::channel<int> never;
  static sluice::runtime rt{{.workers = 2}};
  rt.go([] { never.get(); });
  rt.run([] {});
  sluice::run([] {});
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(20 * test::slowness);
    std::exit(0);  // with all destructors
  }
  int how = 0;
  ::waitpid(pid, &how, 0);
  if (how != 0) throw std::runtime_error("the child did not exit");
});

const test::child just_exits("just exits", [] {});

}  // namespace

TEST_CASE("in a forked child every operation is refused or answered, and none hangs" *
          test::unless_forks_hang()) {
  things t;
  check_end(fork_and([&] { return try_all(t); }));
  t.never.put(7);
  CHECK(t.waiting.join() == 7);
  CHECK(t.bounded.get() == 1);
}

TEST_CASE("the same in a child that a fiber has forked" * test::unless_forks_hang()) {
  things t;
  sluice::runtime other{{.workers = 2}};
  check_end(other.run([&] { return fork_and([&] { return try_all(t); }); }));
  t.never.put(7);
  CHECK(t.waiting.join() == 7);
}

TEST_CASE("the same in a child of a child" * test::unless_forks_hang()) {
  things t;
  check_end(fork_and([&] {
    const pid_t inner = ::fork();
    if (inner == 0) {
      ::alarm(20 * test::slowness);
      ::_exit(try_all(t));
    }
    int how = 0;
    ::waitpid(inner, &how, 0);
    return how == 0 ? 0 : 5;
  }));
  t.never.put(7);
  CHECK(t.waiting.join() == 7);
}

TEST_CASE("a spawn that is refused in a forked child leaves no memory behind" *
          test::unless_forks_hang()) {
  things t;
  check_end(fork_and([&] {
    const auto refuse = [&] {
      try {
        t.rt->go([] {});
      } catch (const std::logic_error&) {
      }
    };
    refuse();
    const std::size_t before = ::mallinfo2().uordblks;
    for (int i = 0; i < 1000; ++i) refuse();
    return ::mallinfo2().uordblks - before < 1000 ? 0 : 6;
  }));
  t.never.put(7);
  CHECK(t.waiting.join() == 7);
}

TEST_CASE("a fork in the middle of everybody's operations leaves no child that hangs" *
          test::unless_forks_hang()) {
  things t;
  std::atomic<bool> over{false};
  const sluice::channel<int> busy{2};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      while (!over) {
        static_cast<void>(i == 0 ? busy.put_for(1, 1ms) : busy.get_for(1ms).status());
        static_cast<void>(t.rt->stats());
      }
    });
  }
  auto load = t.rt->go([&] {
    while (!over) {
      std::vector<sluice::task<void>> tasks;
      for (int i = 0; i < 4; ++i) tasks.push_back(sluice::go(sluice::this_fiber::yield));
      for (auto& task : tasks) task.join();
    }
  });
  for (int round = 0; round < 100 / test::slowness; ++round) {
    test::progress();
    check_end(fork_and([&] {
      // Also the very channel that the others were using.
      static_cast<void>(busy.size());
      if (busy.close()) return 6;
      return try_all(t);
    }));
  }
  over = true;
  for (auto& thread : threads) thread.join();
  load.join();
  t.never.put(7);
  CHECK(t.waiting.join() == 7);
}

TEST_CASE("fork and exec works, from a thread and from a fiber") {
  CHECK(just_exits.run().exit_code == 0);
  CHECK(sluice::run([] { return just_exits.run().exit_code; }) == 0);
  const auto exec = [] {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::execl("/bin/true", "true", nullptr);
      ::_exit(1);
    }
    return pid;
  };
  check_end(exec());
  check_end(sluice::run(exec));
}

TEST_CASE("a child that was forked before the first use of the library can use it") {
  const test::ending end = fork_first.run();
  CAPTURE(end);
  CHECK(end.exit_code == 0);
}

TEST_CASE("a forked child exits with all its destructors" * test::unless_forks_hang()) {
  const test::ending end = exits_after_fork.run();
  CAPTURE(end);
  CHECK(end.exit_code == 0);
}
