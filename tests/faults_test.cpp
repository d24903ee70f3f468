// What happens when the system refuses: each request for memory, a mapping, a guard or a thread
// fails in turn, until one run gets through without; kernel sleeps end without a cause.
//
// A program that is refused something ends by an exception that says so, or as if nothing had been.
// Either way nothing hangs, nothing leaks, no item is lost.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <sstream>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/pipeline.hpp"
#include "sluice/sluice.hpp"
#include "support/child.hpp"
#include "support/faults.hpp"
#include "support/items.hpp"
#include "support/parked.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using test::counted;
using test::fault;
using test::number;
using test::request;

/// Set by a program that finds something wrong; doctest's checks would ask for memory.
std::atomic<const char*> wrong{nullptr};
void demand(bool so, const char* what) noexcept {
  if (!so) wrong = what;
}

constexpr number items = 40;
constexpr number sum_of_items = items * (items - 1) / 2;

void put_all(const channel<counted>& ch) {
  const sluice::close_on_exit done{ch};
  for (number i = 0; i < items; ++i) ch << counted(i);
}

void ferry(const channel<counted>& ch) {
  sluice::runtime rt{{.workers = 2}};
  const number sum = rt.run([&] {
    sluice::scope s;
    s.go([&] { put_all(ch); });
    number all = 0;
    for (const counted& item : ch) all += item.value();
    s.join();
    return all;
  });
  demand(sum == sum_of_items, "the sum");
}

/// Puts until a put throws; what was accepted is there, what was refused is with its owner.
void put_and_keep() {
  const channel<counted> ch;
  number done = 0;
  std::exception_ptr refused;
  while (done < 500) {
    counted item(done);
    try {
      ch.put(std::move(item));
    } catch (const std::bad_alloc&) {
      refused = std::current_exception();
      demand(item.value() == done, "a refused item stays with its owner");
      break;
    }
    ++done;
  }
  demand(ch.size() == static_cast<std::size_t>(done), "the size");
  for (number i = 0; i < done; ++i) demand(ch.try_get()->value() == i, "the order");
  demand(ch.empty(), "nothing more");
  if (refused) std::rethrow_exception(refused);
}

void batches() {
  const channel<counted> ch{64};
  number sum = 0;
  {
    std::vector<counted> some;
    for (number i = 0; i < items; ++i) some.emplace_back(i);
    demand(ch.put_batch(std::move(some)) == static_cast<std::size_t>(items), "the whole batch");
  }
  std::exception_ptr refused;
  try {
    while (!ch.empty()) {
      for (const counted& item : ch.try_get_batch(7)) sum += item.value();
    }
  } catch (const std::bad_alloc&) {
    refused = std::current_exception();
  }
  while (auto item = ch.try_get()) sum += item->value();
  demand(sum == sum_of_items, "what the batches left is still there");
  if (refused) std::rethrow_exception(refused);
}

void choose() {
  const channel<counted> a{2};
  const channel<counted> b;
  number sum = 0;
  const auto add = [&](const counted& item) { sum += item.value(); };
  a << counted(1) << counted(2);
  demand(sluice::select(sluice::on_get(a, add), sluice::on_get(b, add)) == 0, "a has one");
  demand(sluice::select(sluice::on_get(b, add), sluice::on_timeout(1us)) == 1, "b has none");
  sluice::selector cases;
  for (int i = 0; i < 20; ++i) cases.on_get(b, add);
  cases.on_get(a, add);
  cases.on_put(a, counted(3));
  demand(cases.wait() >= 20, "a is ready");
  a.close();
  while (auto item = a.try_get()) sum += item->value();
}

void together() {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    const auto [a, b, c] = sluice::gather([] { return 1; }, [] { return std::string("two"); },
                                          [] { sluice::this_fiber::yield(); });
    demand(a == 1 && b == "two", "gather");
    static_cast<void>(c);
    const auto [good, bad] = sluice::gather_results(
        [] { return counted(1); }, []() -> int { throw std::runtime_error("as wished"); });
    demand(good.has_value() && !bad.has_value(), "gather_results");
    sluice::scope outer;
    outer.go([] {
      sluice::scope inner;
      for (int i = 0; i < 8; ++i) inner.go([] { sluice::this_fiber::yield(); });
      inner.join();
    });
    outer.join();
  });
}

void times() {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    sluice::this_fiber::sleep_for(10us);
    demand(static_cast<bool>(sluice::after(10us).get_for(1h)), "after");
    const auto beats = sluice::tick(50us);
    for (int i = 0; i < 3; ++i) beats.get();
    const channel<counted> never{1};
    demand(never.get_for(10us).status() == sluice::status::timed_out, "a limit");
  });
}

void helpers() {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    sluice::scope s;
    std::atomic<int> done{0};
    for (int i = 0; i < 4; ++i) s.go([&] { done += sluice::blocking([] { return 1; }); });
    s.join();
    demand(done == 4, "all jobs");
  });
}

void own_things() {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    static sluice::fiber_local<std::string> mine([] { return std::string(50, 'a'); });
    sluice::scope s;
    for (int i = 0; i < 3; ++i) {
      s.go([] {
        *mine += "b";
        sluice::this_fiber::yield();
        demand(mine->size() == 51, "fiber_local");
        std::stop_source source;
        sluice::with_stop(source.get_token(), [] {
          demand(sluice::this_fiber::stop_token().stop_possible(), "a token");
          sluice::shield([] { sluice::this_fiber::yield(); });
        });
      });
    }
    s.join();
  });
}

void locks() {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    sluice::mutex m;
    sluice::condition_variable cv;
    sluice::counting_semaphore<4> free_places{2};
    sluice::wait_group group;
    int turns = 0;
    sluice::scope s;
    for (int i = 0; i < 6; ++i) {
      group.add();
      struct finally {
        sluice::wait_group& group;
        ~finally() { group.done(); }
      } finally{group};
      s.go([&] {
        free_places.acquire();
        {
          std::unique_lock guard(m);
          ++turns;
          cv.notify_all();
          cv.wait_for(guard, 10us);
        }
        free_places.release();
      });
    }
    group.wait();
    s.join();
    demand(turns == 6, "each had its turn");
  });
}

void stages() {
  namespace p = sluice::pipeline;
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    number sum = 0;
    p::generate([next = number{0}]() mutable {
      return next < items ? std::optional<counted>(next++) : std::nullopt;
    }) | p::transform(2, [](counted item) { return item; }) |
        p::batch(7) | p::flatten() | p::for_each([&](const counted& item) { sum += item.value(); });
    demand(sum == sum_of_items, "the sum");
  });
}

void other_stacks() {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    std::atomic<int> ran{0};
    sluice::scope s;
    for (const std::size_t size : {16U << 10, 64U << 10, 256U << 10, 1U << 20}) {
      s.go(sluice::fiber_options{.stack_size = size}, [&] { ++ran; });
    }
    s.join();
    demand(ran == 4, "all of them");
    sluice::go(sluice::fiber_options{.stack_size = 2U << 20}, [] {}).join();
  });
}

void descriptions() {
  sluice::runtime rt{{.workers = 1}};
  rt.run([&] {
    const channel<counted> named{1, {.name = "a name that is long enough for the heap"}};
    sluice::scope s;
    s.go(sluice::fiber_options{.name = "a fiber with a long name, on the heap"},
         [&] { named.get(); });
    std::ostringstream out;
    rt.dump(out);
    named << counted(1);
    s.join();
    auto [tx, rx] = sluice::make_channel<counted>(sluice::unbounded);
    tx.close(std::make_exception_ptr(std::runtime_error("as wished")));
  });
}

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
    {"a pipeline", stages},
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
    INFO(one.name, ", request ", n);
    CHECK(found != end::badly);
    CHECK(wrong.load() == nullptr);
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

constexpr int untouched = 42;

/// A process that runs every program. What fails, and which, stands in its environment.
const test::child fresh_process("fresh", [] {
  const auto number_in = [](const char* name) {
    return std::strtol(std::getenv(name), nullptr, 10);
  };
  const request kind = lasting_things[number_in("FAULT_KIND")].kind;
  const auto how = static_cast<fault::duration>(number_in("FAULT_HOW"));
  bool good = true;
  {
    const fault refuse(kind, number_in("FAULT_AT"), how);
    for (const program& one : programs) good = run(one) != end::badly && good;
  }
  for (const program& one : programs) good = run(one) == end::well && good;  // all is well again
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
  for (int round = 0; round < 20 / test::slowness; ++round) {  // each time the fibers meet anew
    for (const fault::duration how : {fault::duration::once, fault::duration::lasting}) {
      for (const program& one : programs) faults += fail_each(one, request::memory, how);
    }
  }
  CHECK(faults > 2000);
  MESSAGE(faults, " requests for memory failed");
}

TEST_CASE("mappings, guards and threads are refused to a fresh process, each in turn" *
          doctest::skip(!test::calls_can_fail)) {
  int faults = 0;
  for (std::size_t kind = 0; kind < std::size(lasting_things); ++kind) {
    for (const char* how : {"0", "1"}) {
      for (int n = 1;; ++n) {
        test::progress();
        const test::ending end =
            fresh_process.run({"FAULT_KIND=" + std::to_string(kind),
                               std::string("FAULT_HOW=") + how, "FAULT_AT=" + std::to_string(n)});
        if (end.exit_code == untouched) break;
        INFO(lasting_things[kind].name, " ", n);
        CHECK_MESSAGE(end.exit_code == 0, end);
        ++faults;
      }
    }
  }
  CHECK(faults > 30);
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
      while (!fault::happened()) std::this_thread::yield();  // until the runtime is idle
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
  std::int64_t faults = 0;
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
          INFO(one.name, ", sleep ", n);
          CHECK(found == end::well);
          CHECK(wrong.load() == nullptr);
          CHECK(counted::alive() == 0);
          faults += fault::happened_count();
        }
      }
    }
  }
  CHECK(faults > 100);
  MESSAGE(faults, " sleeps ended early");
}
