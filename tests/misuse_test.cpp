// Every misuse of tasks and runtimes gets an error that names the call and says what to do.
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <string>

#include "sluice/sluice.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;

/// What the error of that type says; nothing if there is none, or another one.
template <class Error, class Misuse>
std::string said(Misuse misuse) {
  try {
    misuse();
  } catch (const Error& error) {
    return error.what();
  } catch (...) {
  }
  return {};
}

void check(const std::string& text, std::initializer_list<const char*> parts) {
  CAPTURE(text);
  CHECK(text.rfind("sluice: ", 0) == 0);
  for (const char* part : parts) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("a second join says that the value was taken") {
  auto task = sluice::go([] { return 1; });
  task.join();
  check(said<std::logic_error>([&] { task.join(); }), {"join", "second"});
}

TEST_CASE("a join of oneself says that it would wait for ever") {
  sluice::runtime rt{{.workers = 1}};
  sluice::task<void> task;
  std::string text;
  sluice::channel<int> ready{1};
  task = rt.go([&] {
    ready.get();
    text = said<std::logic_error>([&] { task.join(); });
  });
  ready.put(1);
  task.join();
  check(text, {"join", "own"});
}

TEST_CASE("an operation on a task that is none says why there is none") {
  sluice::task<int> none;
  check(said<std::logic_error>([&] { none.join(); }), {"join on a task", "moved from"});
  check(said<std::logic_error>([&] { none.join_for(1s); }), {"join_for on a task", "moved from"});
  check(said<std::logic_error>([&] { none.request_stop(); }),
        {"request_stop on a task", "moved from"});
  check(said<std::logic_error>([&] { static_cast<void>(none.done()); }),
        {"done on a task", "moved from"});
  check(said<std::logic_error>([&] { static_cast<void>(none.id()); }),
        {"id on a task", "moved from"});
}

TEST_CASE("nothing to run is refused by name") {
  void (*nothing)() = nullptr;
  check(said<std::invalid_argument>([&] { sluice::go(nothing); }), {"go", "null"});
  check(said<std::invalid_argument>([&] { sluice::go(std::function<void()>()); }), {"go", "empty"});
  check(said<std::invalid_argument>([&] { sluice::run(nothing); }), {"run", "null"});
}

TEST_CASE("an absurd stack size is named, with the largest one") {
  const std::string largest = std::to_string(std::size_t{1} << 30);
  constexpr std::size_t absurd = std::size_t{1} << 50;
  check(said<std::length_error>([&] { sluice::go({.stack_size = absurd}, [] {}); }),
        {"stack", std::to_string(absurd).c_str(), largest.c_str()});
  check(said<std::length_error>([&] { sluice::runtime rt({.stack_size = absurd}); }),
        {"stack", largest.c_str()});
}

TEST_CASE("an absurd number of workers is named") {
  check(said<std::invalid_argument>([] { sluice::runtime rt({.workers = -3}); }),
        {"workers", "-3"});
  constexpr int absurd = std::numeric_limits<int>::max();
  check(said<std::invalid_argument>([] { sluice::runtime rt({.workers = absurd}); }),
        {"workers", std::to_string(absurd).c_str()});
}

TEST_CASE("run from an own fiber says what to do instead") {
  sluice::runtime rt{{.workers = 1}};
  rt.run([&] {
    check(said<std::logic_error>([&] { rt.run([] {}); }), {"run", "same runtime", "go and join"});
  });
  sluice::run([] {
    check(said<std::logic_error>([] { sluice::run([] {}); }), {"run", "go and join"});
  });
}

TEST_CASE("cancelled says what to do with it") {
  auto task = sluice::go([] { sluice::channel<int>().get(); });
  task.request_stop();
  check(said<sluice::cancelled>([&] { task.join(); }), {"stop", "cancelled"});
}
