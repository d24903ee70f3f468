// What happens when the system refuses: each request for memory, a mapping, a guard or a thread
// fails in turn, until one run gets through without; kernel sleeps end without a cause.
//
// A program that is refused something ends by an exception that says so, or as if nothing had been.
// Either way nothing hangs, nothing leaks, no item is lost.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/child.hpp"
#include "support/demand.hpp"
#include "support/faults.hpp"
#include "support/items.hpp"
#include "support/parked.hpp"
#include "support/refused_pipelines.hpp"
#include "support/refused_programs.hpp"
#include "support/watch.hpp"

namespace {

using sluice::channel;
using test::counted;
using test::fault;
using test::number;
using test::request;
using test::wrong;
using namespace test::refusals;

struct program {
  const char* name;
  void (*run)();
};

const program programs[] = {
    {"fibers on a bounded channel", [] { ferry(channel<counted>{3}); }},
    {"fibers on a rendezvous channel", [] { ferry(channel<counted>{sluice::rendezvous}); }},
    {"fibers on an unbounded channel", [] { ferry(channel<counted>{}); }},
    {"puts into an unbounded channel", put_and_keep},
    {"batches", batches},
    {"select and selector", choose},
    {"gather and scope", together},
    {"timers", times},
    {"blocking", helpers},
    {"fiber_local, tokens, shields", own_things},
    {"mutex, condition, semaphore, group", locks},
    {"meetings and a shared mutex", meetings},
    {"a batch into an unbounded channel", put_batch_and_keep},
    {"results that cannot grow, bounded", [] { grow(channel<counted>{400}); }},
    {"results that cannot grow, unbounded", [] { grow(channel<counted>{}); }},
    {"batches that linger, bounded", [] { linger(channel<counted>{3}); }},
    {"batches that linger, rendezvous", [] { linger(channel<counted>{sluice::rendezvous}); }},
    {"a selector in a loop", select_in_a_loop},
    {"puts by a selector", put_by_selector},
    {"tokens on plain threads", obey_on_threads},
    {"handles, a cause", close_with_a_cause},
    {"signals as stops", stop_by_signals},
    {"a pipeline", stages},
    {"transform, in order and not", transforms},
    {"merge", merges},
    {"tee", tees},
    {"batches in a pipeline", lingering_stages},
    {"process and produce", own_loops},
    {"collect", collected},
    {"into a channel", poured},
    {"stacks of other sizes", other_stacks},
    {"names, dumps, causes", descriptions},
};

enum class end : std::uint8_t { well, refused, badly };

end run(const program& one) {
  try {
    one.run();
    return end::well;
  } catch (const std::bad_alloc&) {
    return end::refused;
  } catch (const std::system_error& error) {
    return error.code() == std::errc::resource_unavailable_try_again ? end::refused : end::badly;
  } catch (...) {
    return end::badly;
  }
}

/// Lets the first, the second ... request fail until none does any more: so many faults.
std::int64_t fail_each(const program& one, request kind, fault::duration how) {
  CHECK(run(one) == end::well);  // and fills the caches
  const std::int64_t before = test::blocks;
  for (std::int64_t n = 1;; ++n) {
    test::progress();
    fault::forget();
    wrong = nullptr;
    end found = end::badly;
    {
      const fault refuse(kind, n, how);
      found = run(one);
    }
    INFO(std::string(one.name), ", request ", n);
    CHECK(found != end::badly);
    CHECK(test::what_is_wrong() == "nothing");
    CHECK(counted::alive() == 0);
    CHECK(counted::misuses() == 0);
    if (!fault::happened()) {
      CHECK(found == end::well);
      CHECK(test::blocks - before < 8);  // a leak at a fault shows as often as there are faults
      return n - 1;
    }
  }
}

/// Kinds that can be refused only to a process that is fresh, since what they gave is kept.
struct once_for_all {
  const char* name;
  request kind;
};
const once_for_all lasting_things[] = {
    {"mapping", request::mapping},
    {"protection", request::protection},
    {"thread", request::thread},
};

/// Starts once in a process, and stays: for fresh ones.
const program lasting_program{
    "the default runtime", [] { test::demand(sluice::run([] { return 7; }) == 7, "its value"); }};

const program& program_at(std::size_t i) {
  return i < std::size(programs) ? programs[i] : lasting_program;
}

constexpr int untouched = 42;

/// A process that runs a program. Which, what fails, and which request stands in its environment.
const test::child fresh_process("fresh", [] {
  const auto number_in = [](const char* name) {
    return std::strtol(std::getenv(name), nullptr, 10);
  };
  const program& one = program_at(static_cast<std::size_t>(number_in("FAULT_PROGRAM")));
  const request kind = lasting_things[number_in("FAULT_KIND")].kind;
  const auto how = static_cast<fault::duration>(number_in("FAULT_HOW"));
  bool good = true;
  {
    const fault refuse(kind, number_in("FAULT_AT"), how);
    good = run(one) != end::badly;
  }
  good = run(one) == end::well && good;  // all is well again
  if (!good || wrong != nullptr || counted::alive() != 0) {
    std::fprintf(stderr, "%s\n", wrong != nullptr ? wrong.load() : "it ended badly");
    std::_Exit(1);
  }
  std::_Exit(fault::happened() ? 0 : untouched);
});

/// The first job may end; the first fiber has gone on.
std::atomic<bool> may_end{false};
std::atomic<bool> has_gone_on{false};

/// Does the one helper thread of blocking sleep?
bool helper_sleeps() {
  for (const auto& one : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream stat(one.path() / "stat");
    std::string line;
    std::getline(stat, line);
    if (line.find("(sluice-blocking) S") != std::string::npos) return true;
  }
  return false;
}

/// A fresh process, which has no helper yet. The second is refused, but not before the first one has
/// done its job and become idle.
const test::child refused_beside_an_idle_helper("refused beside an idle helper", [] {
  sluice::runtime rt{{.workers = 2}};
  test::before_refusal = [] {
    may_end = true;
    while (!has_gone_on || !helper_sleeps()) std::this_thread::yield();
  };
  const int got = rt.run([] {
    std::atomic<bool> started{false};
    auto first = sluice::go([&] {
      sluice::blocking([&] {
        started = true;
        while (!may_end) {  // not asleep
        }
      });
      has_gone_on = true;
    });
    while (!started) sluice::this_fiber::yield();
    const fault refuse(request::thread, 1, fault::duration::once);
    const int second = sluice::blocking([] { return 7; });
    first.join();
    return second;
  });
  if (got != 7 || !fault::happened()) throw std::runtime_error("it was not as it should be");
});

}  // namespace

TEST_CASE("each request for memory fails in turn: nothing hangs, leaks or is lost" *
          doctest::skip(!test::memory_can_fail)) {
  std::int64_t faults = 0;
  constexpr int rounds = test::slowness == 1 ? 10 : 3;
  for (int round = 0; round < rounds; ++round) {  // each time the fibers meet anew
    for (const fault::duration how : {fault::duration::once, fault::duration::lasting}) {
      for (const program& one : programs) faults += fail_each(one, request::memory, how);
    }
  }
  CHECK(faults > (test::slowness == 1 ? 10'000 : 3'000));
  MESSAGE(faults, " requests for memory failed");
}

TEST_CASE("mappings, guards and threads are refused to a fresh process, each in turn" *
          doctest::skip(!test::calls_can_fail)) {
  int faults = 0;
  const auto refuse_each = [&](std::size_t which, std::size_t kind, const char* how) {
    for (int n = 1;; ++n) {
      test::progress();
      const test::ending end = fresh_process.run(
          {"FAULT_PROGRAM=" + std::to_string(which), "FAULT_KIND=" + std::to_string(kind),
           std::string("FAULT_HOW=") + how, "FAULT_AT=" + std::to_string(n)});
      if (end.exit_code == untouched) return;
      INFO(std::string(program_at(which).name), ", ", std::string(lasting_things[kind].name), " ",
           n);
      CHECK_MESSAGE(end.exit_code == 0, end);
      ++faults;
    }
  };
  for (std::size_t which = 0; which <= std::size(programs); ++which) {
    for (std::size_t kind = 0; kind < std::size(lasting_things); ++kind) {
      for (const char* how : {"0", "1"}) refuse_each(which, kind, how);
    }
  }
  CHECK(faults > 500);
  MESSAGE(faults, " processes were refused something");
}

TEST_CASE("stacks whose memory the kernel does not take back are as good as fresh ones" *
          doctest::skip(!test::calls_can_fail)) {
  constexpr int crowd = 300;  // more than keep their memory when a runtime is idle
  sluice::runtime rt{{.workers = 2}};
  const auto use_stacks = [&rt] {
    const channel<counted> ch{sluice::unbounded};
    std::vector<sluice::task<number>> tasks;
    for (int i = 0; i < crowd; ++i) {
      tasks.push_back(rt.go([ch] {
        volatile char room[8192];  // some pages
        for (volatile char& one : room) one = 1;
        return ch.get().value() + room[4000] - 1;
      }));
    }
    test::await_waiting(rt, "get", crowd);
    for (number i = 0; i < crowd; ++i) ch << counted(i);
    number sum = 0;
    for (auto& task : tasks) sum += task.join();
    CHECK(sum == number{crowd} * (crowd - 1) / 2);
  };
  use_stacks();  // from here on only a trim gives the kernel advice
  std::int64_t faults = 0;
  for (const fault::duration how : {fault::duration::once, fault::duration::lasting}) {
    for (std::int64_t n = 1; n <= 10; ++n) {
      test::progress();
      fault::forget();
      const fault refuse(request::protection, n, how);
      use_stacks();
      // Until the runtime is idle, and takes back what is more than it keeps: 64, and what its
      // workers hold.
      const std::int64_t expected = how == fault::duration::once ? 1 : 100;
      while (fault::happened_count() < expected) std::this_thread::yield();
      faults += fault::happened_count();
      use_stacks();
    }
  }
  CHECK(counted::alive() == 0);
  MESSAGE(faults, " times advice failed");
}

TEST_CASE("a job whose thread is refused while a helper becomes idle is done by that one" *
          doctest::skip(!test::calls_can_fail)) {
  for (int round = 0; round < 5; ++round) {
    test::progress();
    const test::ending end = refused_beside_an_idle_helper.run();
    CHECK_MESSAGE(end.exit_code == 0, end);
  }
}

TEST_CASE("kernel sleeps that end early, by a signal or without a cause, change nothing" *
          doctest::skip(!test::calls_can_fail)) {
  std::int64_t single = 0;
  std::int64_t lasting = 0;
  for (const request kind : {request::interrupted, request::spurious}) {
    for (const fault::duration how : {fault::duration::once, fault::duration::lasting}) {
      for (const program& one : programs) {
        const std::int64_t last = how == fault::duration::lasting ? 2 : 20;
        for (std::int64_t n = 1; n <= last; ++n) {
          test::progress();
          fault::forget();
          wrong = nullptr;
          end found = end::badly;
          {
            const fault wake(kind, n, how);
            found = run(one);
          }
          INFO(std::string(one.name), ", sleep ", n);
          CHECK(found == end::well);
          CHECK(test::what_is_wrong() == "nothing");
          CHECK(counted::alive() == 0);
          (how == fault::duration::once ? single : lasting) += fault::happened_count();
        }
      }
    }
  }
  CHECK(single > 200);
  MESSAGE(single, " single sleeps ended early, and ", lasting, " that all did");
}
