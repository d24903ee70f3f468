// stop_on_signal: a signal becomes a stop once, and all is as before afterwards.
#include "sluice/stop_on_signal.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/allocations.hpp"
#include "support/child.hpp"
#include "support/strands.hpp"
#include "support/watch.hpp"

namespace {

using sluice::cancelled;
using sluice::stop_on_signal;

#define NEED(condition)                                     \
  do {                                                      \
    if (!(condition)) throw std::runtime_error(#condition); \
  } while (false)

bool is_default(int signal) {
  struct sigaction now {};
  ::sigaction(signal, nullptr, &now);
  return (now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_DFL;
}

template <class Task>
bool was_stopped(Task& task) {
  try {
    task.join();
  } catch (const cancelled&) {
    return true;
  }
  return false;
}

sluice::task<void> waiter_for(const sluice::channel<int>& ch) {
  return sluice::go([ch] { ch.get(); });
}

const test::child once("a signal stops a task", [] {
  const sluice::channel<int> never{1};
  for (int round = 0; round < 20; ++round) {
    auto task = waiter_for(never);
    stop_on_signal(task, SIGINT);
    NEED(!is_default(SIGINT));
    ::kill(::getpid(), SIGINT);
    NEED(was_stopped(task));
    NEED(is_default(SIGINT));
  }
});

const test::child several("several signals and several tasks", [] {
  const sluice::channel<int> never{1};
  auto first = waiter_for(never);
  auto second = waiter_for(never);
  auto third = waiter_for(never);
  stop_on_signal(first, SIGINT, SIGTERM);
  auto watch = stop_on_signal(second, SIGTERM);
  auto other = stop_on_signal(third, SIGUSR1);
  ::raise(SIGTERM);
  NEED(was_stopped(first));
  NEED(was_stopped(second));
  NEED(is_default(SIGINT));
  NEED(is_default(SIGTERM));
  NEED(!is_default(SIGUSR1));
  NEED(!third.done());
  ::raise(SIGUSR1);
  NEED(was_stopped(third));
  watch.end();
  other.end();
});

/// What the next call finds on its stack.
[[gnu::noinline]] void fill_stack(unsigned char with) {
  volatile unsigned char room[4096];
  for (volatile unsigned char& one : room) one = with;
}

const test::child steady("as many blocks as before", [] {
  const sluice::channel<int> gate{1};
  auto task = waiter_for(gate);
  std::int64_t before = 0;
  for (int round = 0; round < 100; ++round) {
    if (round == 10) before = test::blocks;
    fill_stack(static_cast<unsigned char>(round));
    stop_on_signal(task, SIGUSR1).end();
  }
  NEED(test::blocks - before < 10);
  gate.put(1);
  task.join();
});

const test::child again("the second signal", [] {
  std::atomic<bool> stopped{false};
  auto task = sluice::go([&] {
    while (!sluice::this_fiber::stop_requested()) {
      sluice::shield([] { sluice::this_fiber::yield(); });
    }
    stopped = true;
    sluice::channel<int> never{1};
    sluice::shield([&] { never.get(); });  // a stop that takes for ever
  });
  stop_on_signal(task, SIGINT);
  ::raise(SIGINT);
  while (!stopped) std::this_thread::yield();
  ::raise(SIGINT);
  std::_Exit(1);
});

const test::child lasts("as long as the task", [] {
  sluice::channel<int> gate{1};
  auto task = waiter_for(gate);
  stop_on_signal(task, SIGINT, SIGTERM);
  gate.put(1);
  task.join();
  NEED(is_default(SIGINT));
  NEED(is_default(SIGTERM));
  auto over = sluice::go([] {});
  over.join();
  auto watch = stop_on_signal(over, SIGINT);
  NEED(is_default(SIGINT));
  watch.end();
});

const test::child ends("end", [] {
  sluice::channel<int> gate{1};
  auto task = waiter_for(gate);
  auto other = waiter_for(gate);
  auto watch = stop_on_signal(task, SIGINT);
  auto beside = stop_on_signal(other, SIGINT);
  watch.end();
  watch.end();
  NEED(!is_default(SIGINT));
  beside.end();
  NEED(is_default(SIGINT));
  watch = stop_on_signal(task, SIGUSR2);  // and once more
  ::raise(SIGUSR2);
  NEED(was_stopped(task));
  gate.put(1);
  other.join();
});

volatile std::sig_atomic_t handled = 0;

const test::child former("the former disposition", [] {
  std::signal(SIGUSR1, [](int) { handled = handled + 1; });
  std::signal(SIGUSR2, SIG_IGN);
  const sluice::channel<int> never{1};
  for (int round = 1; round <= 5; ++round) {
    auto task = waiter_for(never);
    stop_on_signal(task, SIGUSR1, SIGUSR2);
    ::raise(SIGUSR2);
    NEED(was_stopped(task));
    ::raise(SIGUSR1);
    NEED(handled == round);
    ::raise(SIGUSR2);  // ignored again
  }
  // A handler that is installed later stays.
  auto task = waiter_for(never);
  auto watch = stop_on_signal(task, SIGUSR1);
  handled = 0;
  std::signal(SIGUSR1, [](int) { handled = 100; });
  watch.end();
  ::raise(SIGUSR1);
  NEED(handled == 100);
  task.request_stop();
  NEED(was_stopped(task));
});

const test::child detached("a task without a handle", [] {
  sluice::channel<int> never{1};
  sluice::channel<int> told{1};
  {
    auto task = sluice::go([=] {
      try {
        never.get();
      } catch (const cancelled&) {
        sluice::shield([&] { told.put(1); });
        throw;
      }
    });
    stop_on_signal(task, SIGTERM);
  }
  ::raise(SIGTERM);
  told.get();
  while (!is_default(SIGTERM)) std::this_thread::yield();
});

const test::child watched("those who watch its token hear of it", [] {
  sluice::channel<std::stop_token> tokens{1};
  sluice::channel<int> never{1};
  auto task = sluice::go([=] {
    tokens.put(sluice::this_fiber::stop_token());
    never.get();
  });
  const std::stop_token token = tokens.get();
  stop_on_signal(task, SIGINT);
  ::raise(SIGINT);
  NEED(was_stopped(task));
  while (!token.stop_requested()) std::this_thread::yield();
});

const test::child storm("a storm", [] {
  // A signal that comes when nobody wants it does what it did before: this.
  std::signal(SIGUSR1, [](int) { handled = handled + 1; });
  for (int round = 0; round < 200; ++round) {
    const sluice::channel<int> ch{1};
    auto task = waiter_for(ch);
    auto watch = stop_on_signal(task, SIGUSR1);
    const int before = handled;
    std::thread signals([] { ::kill(::getpid(), SIGUSR1); });
    if (round % 3 == 0) ch.put(1);
    if (round % 5 == 0) watch.end();
    signals.join();
    if (round % 5 == 0 && round % 3 != 0) task.request_stop();
    const bool stopped = was_stopped(task);
    NEED(stopped || handled > before || round % 3 == 0);
  }
});

std::atomic<bool> passed_on{false};

const test::child late("late handlers", [] {
  std::signal(SIGUSR1, [](int) { passed_on = true; });
  const sluice::channel<int> never{1};
  struct sigaction ours {};
  {
    auto task = waiter_for(never);
    auto watch = stop_on_signal(task, SIGUSR1);
    ::sigaction(SIGUSR1, nullptr, &ours);
    task.request_stop();
    NEED(was_stopped(task));
  }
  // What a handler is whose thread stood still before its first step, while others ended the watch.
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!over) ours.sa_sigaction(SIGUSR1, nullptr, nullptr);
    });
  }
  for (int round = 0; round < 2000; ++round) {
    auto task = waiter_for(never);
    stop_on_signal(task, SIGUSR1);
    NEED(was_stopped(task));  // one of them was in time
  }
  over = true;
  for (std::thread& one : threads) one.join();
  struct sigaction now {};
  ::sigaction(SIGUSR1, nullptr, &now);
  NEED((now.sa_flags & SA_SIGINFO) == 0);
  auto task = waiter_for(never);
  stop_on_signal(task, SIGUSR1);
  passed_on = false;
  ::raise(SIGUSR1);
  NEED(was_stopped(task));
  NEED(!passed_on);
});

const test::child in_fork("a forked child", [] {
  const sluice::channel<int> never{1};
  auto task = waiter_for(never);
  stop_on_signal(task, SIGINT);
  const pid_t pid = ::fork();
  if (pid == 0) {
    try {
      stop_on_signal(task, SIGTERM);
      ::_exit(2);
    } catch (const std::logic_error&) {
    }
    ::raise(SIGINT);  // does what it did before
    ::_exit(3);
  }
  int how = 0;
  ::waitpid(pid, &how, 0);
  NEED(WIFSIGNALED(how) && WTERMSIG(how) == SIGINT);
  NEED(!task.done());
  ::raise(SIGINT);
  NEED(was_stopped(task));
});

void check_runs(const test::child& body) {
  const test::ending end = body.run();
  CHECK_MESSAGE(end.exit_code == 0, end);
}

TEST_CASE("a signal stops the task, and the former disposition is back when it is joined") {
  check_runs(once);
}
TEST_CASE("a task may want several signals, and several tasks one") { check_runs(several); }
TEST_CASE("the second signal does what it did before: kills") {
  const test::ending end = again.run();
  CHECK_MESSAGE(end.signal == SIGINT, end);
}
TEST_CASE("it lasts as long as the task does") { check_runs(lasts); }
TEST_CASE("it can be ended early") { check_runs(ends); }
TEST_CASE("handlers and ignored signals of the program come back") { check_runs(former); }
TEST_CASE("watches that come and go keep no memory") { check_runs(steady); }
TEST_CASE("the task needs no handle") { check_runs(detached); }
TEST_CASE("who watches the fiber's token hears of it") { check_runs(watched); }
TEST_CASE("signals race ends") { check_runs(storm); }
TEST_CASE("a handler that comes late takes no signal away") { check_runs(late); }
// Not under AddressSanitizer, see support/fork.hpp; under ThreadSanitizer, which delivers signals
// itself, the child is not killed.
TEST_CASE("a forked child gets the former disposition" *
          doctest::skip(test::under_asan || test::under_tsan)) {
  check_runs(in_fork);
}

TEST_CASE("what is no signal, or reports a fault, is refused") {
  sluice::channel<int> gate{1};
  auto task = waiter_for(gate);
  for (const int signal : {0, -1, 1000, SIGKILL, SIGSTOP, SIGSEGV}) {
    CHECK_THROWS_AS(stop_on_signal(task, signal), std::invalid_argument);
    CHECK_THROWS_AS(stop_on_signal(task, SIGUSR1, signal), std::invalid_argument);
  }
  CHECK(is_default(SIGUSR1));
  sluice::task<void> none;
  CHECK_THROWS_AS(stop_on_signal(none, SIGUSR1), std::logic_error);
  gate.put(1);
  task.join();
}

}  // namespace
