// Errors that nobody can join any more: on_unhandled, and what happens without one.
#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/child.hpp"

namespace {

/// What a runtime reported, as "name: what".
class reports {
 public:
  void add(std::string_view fiber, const std::exception_ptr& error) {
    std::string text(fiber);
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      text += ": " + std::string(e.what());
    } catch (...) {
      text += ": unknown";
    }
    const std::lock_guard hold(lock_);
    texts_.push_back(std::move(text));
  }
  [[nodiscard]] std::vector<std::string> all() const {
    const std::lock_guard hold(lock_);
    return texts_;
  }

 private:
  mutable std::mutex lock_;
  std::vector<std::string> texts_;
};

/// One worker: a fiber that begins after another has ended begins after its error was reported.
sluice::runtime_options reporting_to(reports& to) {
  return {.workers = 1, .on_unhandled = [&to](std::string_view fiber, std::exception_ptr error) {
            to.add(fiber, error);
          }};
}

using texts = std::vector<std::string>;

const test::child unhandled("unhandled", [] {
  sluice::go({.name = "writer of parts"}, [] { throw std::range_error("out of paper"); });
  sluice::channel<int>().get();
});

const test::child unhandled_odd("unhandled odd", [] {
  sluice::go({.name = "odd one"}, [] { throw 5; });
  sluice::channel<int>().get();
});

const test::child cancelled_is_quiet("cancelled is quiet", [] {
  sluice::runtime rt{{.workers = 1}};
  rt.go([] { sluice::channel<int>().get(); });
  rt.run([] { sluice::this_fiber::yield(); });
});

}  // namespace

TEST_CASE("an error is reported when the handle was dropped before the end") {
  reports seen;
  sluice::runtime rt{reporting_to(seen)};
  rt.run([] {
    sluice::channel<int> begin{sluice::rendezvous};
    sluice::channel<int> over{sluice::rendezvous};
    {
      auto task = sluice::go({.name = "early"}, [begin, over] {
        const sluice::close_on_exit done{over};
        begin.get();
        throw std::range_error("one");
      });
    }
    begin.put(1);
    over.join();
    sluice::this_fiber::yield();
  });
  rt.run([] {});
  CHECK(seen.all() == texts{"early: one"});
}

TEST_CASE("an error is reported when the handle is dropped after the end") {
  reports seen;
  sluice::runtime rt{reporting_to(seen)};
  {
    auto task = rt.go({.name = "late"}, [] { throw std::range_error("two"); });
    CHECK(task.join_for(std::chrono::hours(1)));
    CHECK(seen.all().empty());
  }
  rt.run([] {});
  CHECK(seen.all() == texts{"late: two"});
}

TEST_CASE("an error is reported when another task is assigned to the handle") {
  reports seen;
  sluice::runtime rt{reporting_to(seen)};
  auto task = rt.go({.name = "replaced"}, [] { throw std::range_error("three"); });
  CHECK(task.join_for(std::chrono::hours(1)));
  task = rt.go([] {});
  task.join();
  CHECK(seen.all() == texts{"replaced: three"});
}

TEST_CASE("an error without std::exception and a fiber without a name are reported too") {
  reports seen;
  sluice::runtime rt{reporting_to(seen)};
  {
    auto task = rt.go([] { throw 5; });
    CHECK(task.join_for(std::chrono::hours(1)));
  }
  rt.run([] {});
  REQUIRE(seen.all().size() == 1);
  CHECK(seen.all().front().find("unknown") != std::string::npos);
}

TEST_CASE("an error that was joined is not reported") {
  reports seen;
  {
    sluice::runtime rt{reporting_to(seen)};
    {
      auto task = rt.go([] { throw std::range_error("joined"); });
      CHECK_THROWS_AS(task.join(), std::range_error);
    }
    CHECK_THROWS_AS(rt.run([] { throw std::range_error("run"); }), std::range_error);
  }
  CHECK(seen.all().empty());
}

TEST_CASE("a stop is no error: cancelled is not reported") {
  reports seen;
  {
    sluice::runtime rt{reporting_to(seen)};
    {
      auto task = rt.go([] { sluice::channel<int>().get(); });
      CHECK(task.request_stop());
    }
    rt.go([] { sluice::channel<int>().get(); });
    auto derived = rt.go([] {
      struct more : sluice::cancelled {};
      throw more();
    });
    CHECK(derived.join_for(std::chrono::hours(1)));
  }
  CHECK(seen.all().empty());
}

TEST_CASE("an error while a stopped fiber unwinds is reported") {
  reports seen;
  {
    sluice::runtime rt{reporting_to(seen)};
    rt.go({.name = "fails at the stop"}, [] {
      try {
        sluice::channel<int>().get();
      } catch (const sluice::cancelled&) {
        throw std::range_error("four");
      }
    });
    rt.run([] {});
  }
  CHECK(seen.all() == texts{"fails at the stop: four"});
}

TEST_CASE("without on_unhandled the process ends and says which fiber failed and why") {
  const test::ending end = unhandled.run();
  CAPTURE(end);
  CHECK(end.signal == SIGABRT);
  CHECK(end.says("writer of parts"));
  CHECK(end.says("out of paper"));

  const test::ending odd = unhandled_odd.run();
  CAPTURE(odd);
  CHECK(odd.signal == SIGABRT);
  CHECK(odd.says("odd one"));
}

TEST_CASE("without on_unhandled a stopped fiber ends quietly") {
  const test::ending end = cancelled_is_quiet.run();
  CAPTURE(end);
  CHECK(end.exit_code == 0);
  CHECK(end.said.empty());
}
