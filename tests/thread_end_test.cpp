// The end of a plain thread, and of the process: objects with thread storage may use channels in
// their destructors, be they made before the thread first used the library, and so destroyed after
// all that the library keeps for it, or later; also when a runtime is gone by then.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "sluice/sluice.hpp"
#include "support/child.hpp"
#include "support/items.hpp"
#include "support/rest.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::status;
using test::counted;
using test::number;
using test::shape;

/// Calls what it was told to, when it goes.
struct at_end {
  std::function<void()> use;
  at_end() noexcept = default;
  at_end(const at_end&) = delete;
  at_end& operator=(const at_end&) = delete;
  ~at_end() {
    if (use) use();
  }
};

at_end& at_end_of_thread() {
  thread_local at_end own;
  return own;
}

/// Answers each number with the next one.
struct echo {
  explicit echo(const shape& what) : asked(what.make<number>()), answers(what.make<number>()) {}
  void serve() const {
    for (const number n : asked) answers << n + 1;
    answers.close();
  }
  const channel<number> asked;
  const channel<number> answers;
};

/// Every kind of wait, on a strand that is about to go. How many went wrong?
int wait_in_all_ways(const echo& other) {
  int wrong = 0;
  const auto expect = [&](bool right) { wrong += right ? 0 : 1; };
  for (number i = 0; i < 20; ++i) {
    other.asked << i;
    expect(other.answers.get() == i + 1);
  }
  expect(other.answers.get_for(10us).status() == status::timed_out);
  expect(sluice::select(sluice::on_get(other.answers), sluice::on_timeout(10us)) == 1);
  expect(sluice::select(sluice::on_put(other.asked, 7)) == 0);
  sluice::selector cases;
  cases.on_get(other.answers, [&](number n) { expect(n == 8); });
  expect(cases.wait() == 0);
  sluice::this_fiber::sleep_for(10us);
  sluice::this_fiber::yield();
  std::stop_source source;
  source.request_stop();
  try {
    sluice::with_stop(source.get_token(), [&] { other.answers.get(); });
    expect(false);
  } catch (const sluice::cancelled&) {
  }
  sluice::mutex m;
  auto task = sluice::go([&] {
    const std::lock_guard guard(m);
    return 5;
  });
  { const std::lock_guard guard(m); }
  expect(task.join() == 5);
  expect(sluice::run([] { return sluice::go([] { return 6; }).join(); }) == 6);
  return wrong;
}

enum class made : std::uint8_t { before, after };

/// Calls `use` in the destructor of an object with thread storage.
template <class Use>
std::thread thread_that_ends(made when, Use use) {
  return std::thread([when, use] {
    const auto use_library = [] {
      const channel<int> ch{1};
      static_cast<void>(ch.get_for(1us));
    };
    if (when == made::after) use_library();
    at_end_of_thread().use = use;
    if (when == made::before) use_library();
  });
}

}  // namespace

TEST_CASE("a thread's end may wait in every way, whatever of it is destroyed before") {
  for (const made when : {made::before, made::after}) {
    for (const shape& what : test::shapes) {
      const test::situation now(what.name() + (when == made::before ? ", before" : ", after"));
      test::progress();
      const echo other(what);
      int wrong = -1;
      auto server = sluice::go([&] { other.serve(); });
      std::thread thread = thread_that_ends(when, [&] { wrong = wait_in_all_ways(other); });
      thread.join();
      CHECK(wrong == 0);
      other.asked.close();
      server.join();
      test::check_at_rest(other.asked);
      test::check_at_rest(other.answers);
    }
  }
}

TEST_CASE("two threads that end at the same time exchange items, and a close ends the last wait") {
  for (const shape& what : test::shapes) {
    const test::situation now(what.name());
    for (int round = 0; round < 50 / test::slowness; ++round) {
      test::progress();
      const auto ch = what.make<counted>();
      number sum = 0;
      std::thread getter = thread_that_ends(round % 2 == 0 ? made::before : made::after, [&] {
        for (const counted& item : ch) sum += item.value();
      });
      std::thread putter = thread_that_ends(round % 4 < 2 ? made::before : made::after, [&] {
        const sluice::close_on_exit guard{ch};
        for (number i = 1; i <= 20; ++i) ch << counted(i);
      });
      putter.join();
      getter.join();
      CHECK(sum == 210);
      CHECK(ch.drained());
      test::check_at_rest(ch);
    }
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("handles that a thread's end drops close the channel for those who wait") {
  for (const made when : {made::before, made::after}) {
    for (const shape& what : test::shapes) {
      const test::situation now(what.name());
      test::progress();
      auto [tx, rx] = [&] {
        const auto ch = what.make<counted>();
        return std::pair(sluice::sender<counted>(ch), sluice::receiver<counted>(ch));
      }();
      const auto kept = std::make_shared<std::optional<sluice::sender<counted>>>(std::move(tx));
      std::thread thread = thread_that_ends(when, [kept] {
        (*kept)->put(counted(1));
        kept->reset();
      });
      number got = 0;
      for (const counted& item : rx) got += item.value();
      CHECK(got == 1);
      CHECK(rx.drained());
      thread.join();
    }
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("a thread's end uses channels of a runtime that is gone, and another one still") {
  for (const made when : {made::before, made::after}) {
    for (const shape& what : test::shapes) {
      const test::situation now(what.name());
      test::progress();
      const auto ch = what.make<counted>();
      const std::size_t items = what.room(10);
      const channel<int> gone{1};
      int wrong = -1;
      std::thread thread = thread_that_ends(when, [&, ch] {
        gone.get();
        number next = 0;
        while (const auto item = ch.try_get()) wrong = item->value() == next++ ? wrong : 1;
        if (next == number(items)) wrong = 0;
        auto task = sluice::go([ch] { ch << counted(5); });
        if (ch.get().value() != 5) wrong = 2;
        task.join();
      });
      {
        sluice::runtime rt{{.workers = 2}};
        rt.run([&] {
          for (std::size_t i = 0; i < items; ++i) ch << counted(number(i));
        });
        auto getter = rt.go([&] { static_cast<void>(gone.get()); });  // stopped with its runtime
        test::await([&] { return test::getters_waiting(gone) != 0; });
      }
      gone.put(1);
      thread.join();
      CHECK(wrong == 0);
      test::check_at_rest(ch);
      test::check_at_rest(gone);
    }
  }
  CHECK(counted::alive() == 0);
}

namespace {

/// Counts how many of them are gone.
struct remembered {
  std::shared_ptr<std::atomic<int>> gone;
  remembered() noexcept = default;
  remembered(remembered&&) noexcept = default;
  remembered& operator=(remembered&&) noexcept = default;
  ~remembered() {
    if (gone) ++*gone;
  }
};

}  // namespace

TEST_CASE("a fiber_local is there at a thread's end, also after the thread's values have gone") {
  const sluice::fiber_local<remembered> local;
  for (const made when : {made::before, made::after}) {
    for (const bool used_before : {false, true}) {
      const auto gone = std::make_shared<std::atomic<int>>(0);
      bool anew = false;
      std::thread([&] {
        if (when == made::after && used_before) local->gone = gone;
        at_end_of_thread().use = [&] {
          anew = local->gone == nullptr;
          local->gone = gone;
        };
        if (when == made::before && used_before) local->gone = gone;
      }).join();
      // Where the thread's object goes before its values, it finds the one that there is.
      const bool found = used_before && when == made::after;
      CHECK(anew == !found);
      CHECK(*gone == (used_before && !found ? 2 : 1));
    }
  }
}

// ---- the end of the process ----------------------------------------------------------------------

namespace {

sluice::fiber_local<std::string>& text() {
  static auto* const one = new sluice::fiber_local<std::string>;
  return *one;
}

/// At the end of the process nobody is left who could throw or check.
void use_or_die(const char* where) {
  *text() += where;
  for (const shape& what : test::shapes) {
    const echo other(what);
    auto server = sluice::go([&] { other.serve(); });
    const int wrong = wait_in_all_ways(other);
    other.asked.close();
    server.join();
    if (wrong == 0) continue;
    std::fprintf(stderr, "%d wrong in %s\n", wrong, where);
    std::_Exit(1);
  }
  std::printf("%s ", where);
  std::fflush(stdout);
}

const test::child used_at_exit("the end of the process uses channels", [] {
  static at_end with_the_process;
  *text() = "a text that is too long to lie in the string itself";
  with_the_process.use = [] { use_or_die("static"); };
  at_end_of_thread().use = [] { use_or_die("thread"); };
  std::optional<sluice::runtime> rt(std::in_place, sluice::runtime_options{.workers = 2});
  rt->run([] {});
  rt.reset();
  std::atexit([] { use_or_die("atexit"); });
});

}  // namespace

TEST_CASE("what is destroyed at the end of the process may wait, and use the default runtime") {
  const test::ending end = used_at_exit.run();
  CHECK_MESSAGE(end.exit_code == 0, end);
  CHECK(end.wrote == "thread atexit static ");
}
