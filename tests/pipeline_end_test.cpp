// pipeline: errors, readers that leave, stops. How each ends early, and that nothing is left then.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/pipeline.hpp"
#include "sluice/sluice.hpp"
#include "support/child.hpp"
#include "support/fork.hpp"
#include "support/items.hpp"
#include "support/parked.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
namespace stages = sluice::pipeline;
using stages::ordering;
using test::counted;
using test::number;

struct failure : std::runtime_error {
  explicit failure(number item) : std::runtime_error("failure"), at(item) {}
  number at;
};

counted check(counted item, number at) {
  if (item.value() == at) throw failure(at);
  return item;
}

auto count_to(number n) {
  return stages::generate([next = number{0}, n]() mutable {
    return next < n ? std::optional<counted>(next++) : std::nullopt;
  });
}
auto endless() { return count_to(number{1} << 60); }

/// A runtime whose on_unhandled fails the test, and which has no fiber left at its end.
class quiet_runtime {
 public:
  explicit quiet_runtime(int workers)
      : inside_({.workers = workers, .on_unhandled = [](std::string_view fiber, const auto&) {
                   FAIL_CHECK("unhandled in " << fiber);
                 }}) {}

  template <class F>
  void run(F f) {
    inside_.run([&] {
      f();
      test::await([this] { return inside_.stats().fibers == 1; });
    });
    CHECK(counted::alive() == 0);
    CHECK(counted::misuses() == 0);
  }
  sluice::runtime& operator*() { return inside_; }

 private:
  sluice::runtime inside_;
  test::dumper dump_{[this](std::ostream& out) { inside_.dump(out); }};
};

template <class F>
void with_workers(F f) {
  for (const int workers : {1, 2, 4}) {
    const test::situation now("workers: " + std::to_string(workers));
    quiet_runtime rt(workers);
    rt.run([&] { f(rt); });
  }
}

/// Which item does `f` fail at?
template <class F>
number failure_of(F&& f) {
  try {
    f();
  } catch (const failure& error) {
    return error.at;
  }
  return -1;
}

const std::vector<stages::stage_options> ways{
    {.workers = 1},
    {.workers = 2},
    {.workers = 4, .capacity = 1},
    {.workers = 4, .order = ordering::free},
};

constexpr number first_middle_last[] = {0, 20, 39};

// ---- errors --------------------------------------------------------------------------------------

TEST_CASE("an error of any stage comes out of the end") {
  with_workers([](quiet_runtime&) {
    for (const number at : first_middle_last) {
      const auto bad = [at](counted item) { return check(std::move(item), at); };
      const auto bad_question = [at](const counted& item) {
        if (item.value() == at) throw failure(at);
        return true;
      };
      const auto same = stages::transform(2, [](counted item) { return item; });
      const auto source_of = [&] {
        return stages::generate([next = number{0}, bad]() mutable {
          return std::optional<counted>(bad(counted(next++)));
        });
      };
      CHECK(failure_of([&] { source_of() | same | stages::collect(); }) == at);
      CHECK(failure_of([&] {
              auto range = std::views::iota(number{0}, number{40}) |
                           std::views::transform([&](number i) { return bad(counted(i)); });
              stages::generate(range) | same | stages::collect();
            }) == at);
      for (const stages::stage_options& how : ways) {
        CHECK(failure_of([&] {
                count_to(40) | same | stages::transform(how, bad) | same | stages::collect();
              }) == at);
        CHECK(failure_of([&] {
                endless() | stages::filter(how, bad_question) | same | stages::collect();
              }) == at);
        CHECK(failure_of([&] { endless() | same | stages::for_each(how, bad); }) == at);
      }
      CHECK(failure_of([&] { endless() | same | stages::for_each(bad); }) == at);
      CHECK(failure_of([&] {
              source_of() | stages::batch(3) | stages::flatten() | stages::collect();
            }) == at);
      CHECK(failure_of([&] { stages::merge(endless(), source_of()) | stages::collect(); }) == at);
      CHECK(failure_of([&] {
              stages::produce<counted>([&](const auto& out) {
                for (number i = 0;; ++i) out << bad(counted(i));
              }) | same |
                  stages::collect();
            }) == at);
      const auto process = [](auto each) {
        return stages::process<counted>([each](const auto& in, const auto& out) {
          for (counted& item : in) out << each(std::move(item));
        });
      };
      CHECK(failure_of([&] { endless() | process(bad) | same | stages::collect(); }) == at);
      CHECK(failure_of([&] {
              source_of() | process([](counted item) { return item; }) | stages::collect();
            }) == at);
    }
  });
}

TEST_CASE("with the order kept all results before the error arrive, and none after it") {
  with_workers([](quiet_runtime&) {
    for (const stages::stage_options& how : ways) {
      if (how.order == ordering::free) continue;
      for (const number at : first_middle_last) {
        // Also when a later item fails sooner.
        auto flow = endless() | stages::transform(how, [at](counted item) {
                      if (item.value() == at) {
                        for (int i = 0; i < 20; ++i) sluice::this_fiber::yield();
                      }
                      if (item.value() >= at) throw failure(item.value());
                      return item;
                    });
        number next = 0;
        CHECK(failure_of([&] {
                for (const counted& item : flow) CHECK(item.value() == next++);
              }) == at);
        CHECK(next == at);
      }
    }
  });
}

TEST_CASE("the cause with which a channel was closed is the error, after what was put before it") {
  with_workers([](quiet_runtime&) {
    for (const stages::stage_options& how : ways) {
      const sluice::channel<counted> ch{10};
      for (number i = 0; i < 10; ++i) ch << counted(i);
      ch.close(std::make_exception_ptr(failure(10)));
      auto batches =
          ch | stages::transform(how, [](counted item) { return item; }) | stages::batch(4);
      std::size_t count = 0;
      CHECK(failure_of([&] {
              for (const auto& batch : batches) count += batch.size();
            }) == 10);
      CHECK(count == 10);
    }
  });
}

TEST_CASE("a function that processes meets the error of its input, and can end well") {
  with_workers([](quiet_runtime&) {
    const auto all = count_to(40) |
                     stages::transform([](counted item) { return check(std::move(item), 3); }) |
                     stages::process<number>([](const auto& in, const auto& out) {
                       try {
                         for (counted& item : in) out << item.value();
                       } catch (const failure& error) {
                         out << -error.at;
                       }
                     }) |
                     stages::collect();
    CHECK(all == std::vector<number>{0, 1, 2, -3});
  });
}

TEST_CASE("an error closes what into fills, and comes out of it") {
  with_workers([](quiet_runtime&) {
    const sluice::channel<counted> ch{50};
    CHECK(failure_of([&] {
            endless() | stages::transform([](counted i) { return check(std::move(i), 3); }) |
                stages::into(ch);
          }) == 3);
    CHECK(failure_of([&] {
            for (const counted& item : ch) CHECK(item.value() < 3);
          }) == 3);
    const sluice::channel<counted> closed{5};
    closed.close();
    CHECK_THROWS_AS(endless() | stages::into(closed), sluice::channel_closed);
  });
}

TEST_CASE("an error is seen when no function of its stage runs any more") {
  with_workers([](quiet_runtime&) {
    const sluice::channel<int> second_runs{1};
    std::atomic<bool> over{false};
    auto flow =
        count_to(2) | stages::transform({.workers = 2, .order = ordering::free}, [&](counted item) {
          if (item.value() == 0) {
            second_runs.get();
            throw failure(0);
          }
          second_runs << 1;
          sluice::shield([] {
            for (int i = 0; i < 100; ++i) sluice::this_fiber::yield();
          });
          over = true;
          return item;
        });
    number seen = -1;
    try {
      for (;;) flow.get();
    } catch (const failure& error) {
      CHECK(over);
      seen = error.at;
    }
    CHECK(seen == 0);
  });
}

TEST_CASE("an error stops the stages before it while the flow is still there") {
  with_workers([](quiet_runtime& rt) {
    const sluice::channel<counted> idle{1};
    // The source waits in a function of its own, where only a stop can reach it.
    const auto flow = stages::generate([&, next = number{0}]() mutable {
                        return std::optional<counted>(next++ == 0 ? counted(0) : idle.get());
                      }) |
                      stages::transform([](counted item) { return item; }) |
                      stages::transform(2, [](counted item) { return check(std::move(item), 0); });
    CHECK(failure_of([&] { flow.get(); }) == 0);
    test::await([&] { return (*rt).stats().fibers == 1; });

    const sluice::channel<counted> source{2};
    source << counted(0);
    const auto other = source | stages::filter([](const counted&) -> bool { throw failure(0); });
    CHECK(failure_of([&] { other.get(); }) == 0);
    CHECK(source.closed());
  });
}

TEST_CASE("a copy that throws in a tee comes out of both flows") {
  with_workers([](quiet_runtime&) {
    test::copy_thrower::set_fuse(3);
    auto [left, right] = stages::generate([next = number{0}]() mutable {
                           return std::optional<test::copy_thrower>(test::copy_thrower(next++));
                         }) |
                         stages::tee();
    auto reading = sluice::go([from = std::move(left)]() mutable {
      CHECK_THROWS_WITH(std::move(from) | stages::for_each([](const auto&) {}), "copy_thrower");
    });
    // Both have the same exception. This one holds it until the other has read it: that libstdc++
    // counts who holds it, ThreadSanitizer does not see.
    std::exception_ptr held;
    try {
      std::move(right) | stages::for_each([](const auto&) {});
    } catch (const std::exception& error) {
      CHECK(std::string_view(error.what()) == "copy_thrower");
      held = std::current_exception();
    }
    CHECK(held != nullptr);
    reading.join();
  });
}

// ---- readers that leave --------------------------------------------------------------------------

TEST_CASE("a flow that goes stops its stages, and waits for what they do") {
  with_workers([](quiet_runtime&) {
    for (const stages::stage_options& how : ways) {
      for (const int taken : {0, 1, 7}) {
        std::atomic<int> inside{0};
        {
          const auto flow = stages::merge(endless(), endless()) |
                            stages::transform(how,
                                              [&](counted item) {
                                                ++inside;
                                                sluice::shield([] { sluice::this_fiber::yield(); });
                                                --inside;
                                                return item;
                                              }) |
                            stages::filter(how, [](const counted&) { return true; }) |
                            stages::batch(2) | stages::flatten();
          for (int i = 0; i < taken; ++i) CHECK(flow.get().value() >= 0);
        }
        CHECK(inside == 0);
        CHECK(counted::alive() == 0);
      }
    }
  });
}

TEST_CASE("all stages of a flow that goes are stopped before one of them is waited for") {
  with_workers([](quiet_runtime& rt) {
    const sluice::channel<int> never{1};
    const sluice::channel<int> stopped{1};
    const auto wait_for_a_stop = [&, next = number{0}]() mutable {
      if (next++ == 0) return std::optional<counted>(0);
      try {
        never.get();
      } catch (const sluice::cancelled&) {
        sluice::shield([&] { stopped << 1; });
        throw;
      }
      return std::optional<counted>();
    };
    std::optional flow = stages::generate(wait_for_a_stop) | stages::transform([&](counted item) {
                           sluice::shield([&] { stopped.get(); });
                           return item;
                         });
    test::await_waiting(*rt, "get", 2);
    flow.reset();
    CHECK(stopped.empty());
  });
}

TEST_CASE("stages that wait for items, or in their functions, end when their reader goes") {
  with_workers([](quiet_runtime& rt) {
    const sluice::channel<counted> ch{1};
    const sluice::channel<int> never{1};
    std::optional flow = ch | stages::transform(3, [](counted item) { return item; }) |
                         stages::filter([&](const counted&) { return never.get() > 0; }) |
                         stages::batch(3, 1h);
    ch << counted(1);
    test::await_waiting(*rt, "get", 1 + 1 + 1);  // a transform, the filter's function, the batch
    flow.reset();
    CHECK(ch.closed());
    CHECK_FALSE(never.closed());
  });
}

TEST_CASE("a thread that produces ends when its reader goes") {
  with_workers([](quiet_runtime& rt) {
    const sluice::channel<counted> input{1};
    std::atomic<int> ends{0};
    const auto source = [&] {
      return stages::produce<counted>({.capacity = 1}, [&](const auto& out) {
        const std::stop_callback at_stop(sluice::this_fiber::stop_token(), [&] { input.close(); });
        sluice::blocking([&] {
          try {
            for (;;) out << input.get();
          } catch (const sluice::channel_closed&) {
            ++ends;
            throw;
          }
        });
      });
    };
    std::optional flow = source();
    for (number i = 0; i < 3; ++i) input << counted(i);  // 0 in the channel, 1 in hand, 2 waits
    test::await([&] { return flow->size() == 1; });
    flow.reset();  // in put, or about to be
    CHECK(ends == 1);
    test::await([&] { return (*rt).stats().fibers == 1; });
  });
  with_workers([](quiet_runtime&) {
    const sluice::channel<counted> input{1};
    std::atomic<bool> over{false};
    input << counted(1);
    // A later stage fails while the thread waits, where only the callback can reach it.
    const auto flow = stages::produce<counted>([&](const auto& out) {
                        const std::stop_callback at_stop(sluice::this_fiber::stop_token(),
                                                         [&] { input.close(); });
                        sluice::blocking([&] {
                          for (counted& item : input) out << std::move(item);
                          over = true;
                        });
                      }) |
                      stages::process<counted>(
                          [](const auto& in, const auto&) { throw failure(in.get().value()); });
    CHECK(failure_of([&] { flow.get(); }) == 1);
    test::await([&] { return over.load(); });
  });
}

TEST_CASE("a channel with other receivers stays open when a pipeline lets it go") {
  const sluice::channel<number> ch{1};
  const sluice::receiver<number> other(ch);
  static_cast<void>(ch | stages::filter([](number) { return true; }));
  CHECK_FALSE(ch.closed());
}

TEST_CASE("a flow of a tee that goes leaves the other one running, until that goes too") {
  with_workers([](quiet_runtime&) {
    for (const bool first : {true, false}) {
      auto both = endless() | stages::tee();
      (first ? both.first : both.second) = stages::flow<counted>(sluice::channel<counted>{1});
      auto& rest = first ? both.second : both.first;
      for (number i = 0; i < 20; ++i) CHECK(rest.get().value() == i);
    }
    // The error of one side is nothing to the other.
    auto [left, right] = count_to(30) | stages::tee();
    auto failing = std::move(left) |
                   stages::transform(2, [](counted item) { return check(std::move(item), 0); });
    CHECK((std::move(right) | stages::collect()).size() == 30);
    CHECK(failure_of([&] { std::move(failing) | stages::collect(); }) == 0);
  });
}

TEST_CASE("a reader that closes the receiver ends the stages") {
  with_workers([](quiet_runtime&) {
    const auto flow = endless() | stages::transform(2, [](counted item) { return item; });
    CHECK(flow.get().value() == 0);
    flow.items().close();
    while (flow.try_get()) {
    }
    CHECK(flow.drained());
  });
}

// ---- stops ---------------------------------------------------------------------------------------

TEST_CASE("a stop of the strand at the end stops the pipeline") {
  with_workers([](quiet_runtime& rt) {
    std::atomic<int> inside{0};
    auto waiting = sluice::go([&] {
      const sluice::channel<int> never{1};
      endless() | stages::transform(2, [&](counted item) {
        ++inside;
        if (item.value() == 3) sluice::shield([] { sluice::this_fiber::yield(); }), never.get();
        return item;
      }) | stages::collect();
    });
    test::await([&] { return inside > 3; });
    CHECK(waiting.request_stop());
    CHECK_THROWS_AS(waiting.join(), sluice::cancelled);
    test::await([&] { return (*rt).stats().fibers == 1; });
  });
}

TEST_CASE("a plain thread that waits at the end obeys its token") {
  const sluice::channel<number> ch{1};
  std::jthread reader([ch](const std::stop_token& stop) {
    sluice::with_stop(stop, [&] {
      CHECK_THROWS_AS(ch | stages::filter([](number) { return true; }) | stages::collect(),
                      sluice::cancelled);
    });
  });
  ch << 1;
  reader.request_stop();
  reader.join();
  CHECK(ch.closed());
}

TEST_CASE("a pipeline whose runtime ends does not look complete") {
  for (const stages::stage_options& how : ways) {
    std::optional<sluice::runtime> rt(std::in_place, sluice::runtime_options{.workers = 2});
    const sluice::channel<number> ch{1};
    const auto flow =
        rt->run([&] { return ch | stages::transform(how, [](number i) { return i; }); });
    ch << 1;
    CHECK(flow.get() == 1);
    rt.reset();
    CHECK_THROWS_AS(flow.get(), sluice::cancelled);
  }
  std::optional<sluice::runtime> rt(std::in_place, sluice::runtime_options{.workers = 2});
  const auto flow = rt->run([] {
    return stages::produce<number>({.capacity = 1}, [](const auto& out) {
      const std::stop_token stop = sluice::this_fiber::stop_token();
      sluice::blocking([&] {
        sluice::with_stop(stop, [&] {
          for (;;) out << 1;
        });
      });
    });
  });
  CHECK(flow.get() == 1);
  rt.reset();
  const auto drain = [&] {
    for (;;) flow.get();
  };
  CHECK_THROWS_AS(drain(), sluice::cancelled);
}

const test::child forked("a fork beside a pipeline", [] {
  std::optional flow = endless() | stages::transform(2, [](counted item) { return item; });
  flow->get();
  const pid_t pid = ::fork();
  if (pid == 0) {
    try {
      flow->get();
    } catch (const std::logic_error&) {
      flow.reset();
      ::_exit(0);
    }
    ::_exit(1);
  }
  int how = 0;
  ::waitpid(pid, &how, 0);
  flow.reset();
  std::_Exit(WIFEXITED(how) ? WEXITSTATUS(how) : 2);
});

TEST_CASE("in a forked child a flow waits for nothing" * test::unless_forks_hang()) {
  const test::ending end = forked.run();
  CHECK_MESSAGE(end.exit_code == 0, end);
}

}  // namespace
