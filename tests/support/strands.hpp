// Strands of every flavour: a test that is written once runs on threads, on fibers and on both.
//
// `everywhere(body)` calls the body for each flavour and number of workers. Where all strands are
// fibers the body is one itself. At the end it checks that no fiber is alive.
// Bodies that run as strands use CHECK, never REQUIRE; what they throw fails the test. A body whose
// strands use its local variables joins them itself, before these go.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

#include "shapes.hpp"
#include "sluice/runtime.hpp"
#include "sluice/this_fiber.hpp"
#include "watch.hpp"

namespace test {

enum class flavour : std::uint8_t { threads, fibers, mixed };

struct setting {
  flavour kind;
  int workers;

  [[nodiscard]] std::string name() const {
    if (kind == flavour::threads) return "threads";
    return (kind == flavour::fibers ? "fibers on " : "mixed on ") + std::to_string(workers);
  }
};

inline constexpr std::array<setting, 7> settings{{
    {flavour::threads, 0},
    {flavour::fibers, 1},
    {flavour::fibers, 2},
    {flavour::fibers, 4},
    {flavour::mixed, 1},
    {flavour::mixed, 2},
    {flavour::mixed, 4},
}};

/// Gives the core, or the worker, to others.
inline void relax() { sluice::this_fiber::yield(); }

/// Looks until it is so. The watchdog ends a look that never succeeds.
template <class Condition>
void await(Condition condition) {
  while (!condition()) relax();
}

/// Calls `f`; what it throws fails the test.
template <class F>
void run_reporting(F& f) noexcept {
  try {
    f();
  } catch (const std::exception& error) {
    FAIL_CHECK("a strand threw: " << error.what());
  } catch (...) {
    FAIL_CHECK("a strand threw something");
  }
}

/// The strands of one test in one setting.
class strands {
 public:
  explicit strands(setting where) : where_(where) {
    if (where.kind == flavour::threads) return;
    runtime_.emplace(sluice::runtime_options{.workers = where.workers});
    dumper_.emplace([this](std::ostream& out) { runtime_->dump(out); });
  }
  strands(const strands&) = delete;
  strands& operator=(const strands&) = delete;
  ~strands() {
    join();
    if (runtime_) await([this] { return runtime_->stats().fibers == 0; });
  }

  /// Runs the body of the test: on this thread, or as a fiber where all strands are fibers.
  template <class Body>
  void run(Body&& body) {
    if (where_.kind == flavour::fibers) {
      runtime_->run([&] {
        body();
        join();
      });
      return;
    }
    body();
    join();
  }

  /// Starts the next strand. Called by the body.
  template <class F>
  std::size_t start(F f) {
    const bool fiber = next_is_fiber();
    strand& fresh = all_.emplace_back();
    auto body = [f = std::move(f)]() mutable noexcept { run_reporting(f); };
    if (fiber) {
      fresh.task = runtime_->go(std::move(body));
      return all_.size() - 1;
    }
    fresh.thread = std::thread(std::move(body));
    return all_.size() - 1;
  }

  /// Is the next strand that `start` makes a fiber? Of a mixed crowd every other one is; which
  /// half depends on the number of workers, so that both ways round are tried.
  [[nodiscard]] bool next_is_fiber() const {
    if (where_.kind == flavour::mixed)
      return (all_.size() + (where_.workers == 2 ? 1 : 0)) % 2 == 0;
    return where_.kind == flavour::fibers;
  }

  /// Requests the stop of a strand, which is a fiber.
  void stop(std::size_t which) { CHECK(all_[which].task.request_stop()); }

  /// As stop, once the fiber is parked. One that is enlisted and not yet parked may still be served
  /// after the request; what comes after this call serves others.
  void stop_parked(std::size_t which) {
    std::ostringstream line;
    line << "fiber " << all_[which].task.id() << ": waits in";
    await([&] {
      std::ostringstream out;
      runtime_->dump(out);
      return out.str().find(line.str()) != std::string::npos;
    });
    stop(which);
  }

  /// Waits for the end of all strands. Called by the body.
  void join() {
    for (strand& one : all_) {
      if (one.thread.joinable()) one.thread.join();
      if (one.task.valid()) one.task.join();
    }
    all_.clear();
  }

  [[nodiscard]] const setting& where() const { return where_; }

 private:
  struct strand {
    std::thread thread;
    sluice::task<void> task;
  };

  const setting where_;
  std::optional<sluice::runtime> runtime_;
  std::optional<dumper> dumper_;
  std::deque<strand> all_;
};

/// Calls `body(strands&)` in every setting. One function for all bodies, else most of what a test
/// takes to compile is this.
[[gnu::noinline]] inline void everywhere(const std::function<void(strands&)>& body) {
  for (const setting& where : settings) {
    const situation now(where.name());
    strands crowd(where);
    crowd.run([&] { body(crowd); });
  }
}

/// Calls `body(strands&, const shape&)` in every setting with every kind of channel.
template <class Body>
void everywhere_with_shapes(Body body) {
  everywhere([&](strands& crowd) {
    for (const shape& what : shapes) {
      const situation now(what.name());
      body(crowd, what);
      crowd.join();
    }
  });
}

}  // namespace test
