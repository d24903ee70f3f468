// with_stop: waits that obey a token, on fibers and on plain threads, and what becomes of races.
#include "sluice/with_stop.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <vector>

#include "sluice/detail/park/attention.hpp"
#include "sluice/sluice.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/fork.hpp"
#include "support/parked.hpp"
#include "support/rest.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::cancelled;
using sluice::with_stop;
using sluice::this_fiber::stop_requested;
using sluice::this_fiber::stop_token;

/// Not inlined: a fiber that has waited may be on another thread than the id that is asked for in it
/// says, as far as the compiler can tell (with_stop.hpp).
[[gnu::noinline]] bool request(std::stop_source& source) { return source.request_stop(); }

/// A ticker may have raised it for a moment.
void check_attention_is_down() {
  test::await([] { return sluice::detail::attention.load() == 0; });
}

// ---- what is obeyed --------------------------------------------------------------------------

struct scene {
  sluice::channel<int> full{1};
  sluice::channel<int> empty{1};
  sluice::channel<int> endless{sluice::unbounded};
  sluice::channel<int> meeting{sluice::rendezvous};
  sluice::channel<int> gate{1};
  sluice::task<void> waiting = sluice::go([this] { gate.get(); });

  scene() { full.put(1); }
  ~scene() {
    gate.put(1);
    waiting.join();
  }
  scene(const scene&) = delete;
  scene& operator=(const scene&) = delete;
};

struct wait {
  const char* name;
  void (*of)(scene&);
};

const std::vector<int> some_items{7, 8, 9};

constexpr wait waits[] = {
    {"put", [](scene& s) { s.full.put(9); }},
    {"put_for", [](scene& s) { s.full.put_for(9, 1h); }},
    {"put, rendezvous", [](scene& s) { s.meeting.put(9); }},
    {"get", [](scene& s) { s.empty.get(); }},
    {"get, unbounded", [](scene& s) { s.endless.get(); }},
    {"get, rendezvous", [](scene& s) { s.meeting.get(); }},
    {"get_for", [](scene& s) { static_cast<void>(s.empty.get_for(1h)); }},
    {"get_batch", [](scene& s) { static_cast<void>(s.empty.get_batch(3)); }},
    {"put_batch", [](scene& s) { s.full.put_batch(some_items); }},
    {"put_batch, rendezvous", [](scene& s) { s.meeting.put_batch(some_items); }},
    {"get_batch, linger", [](scene& s) { static_cast<void>(s.endless.get_batch(3, 1h)); }},
    {"select",
     [](scene& s) {
       sluice::select(sluice::on_get(s.empty), sluice::on_put(s.full, 9),
                      sluice::on_put(s.meeting, 9), sluice::on_get(s.meeting));
     }},
    {"select, timeout",
     [](scene& s) { sluice::select(sluice::on_get(s.empty), sluice::on_timeout(1h)); }},
    {"select, nothing but a timeout", [](scene&) { sluice::select(sluice::on_timeout(1h)); }},
    {"selector",
     [](scene& s) {
       sluice::selector cases;
       cases.on_get(s.empty);
       cases.on_put(s.full, 9);
       cases.on_put(s.meeting, 9);
       cases.on_get(s.meeting);
       cases.wait();
     }},
    {"selector, timeout",
     [](scene& s) {
       sluice::selector cases;
       cases.on_get(s.endless);
       cases.on_timeout(1h);
       cases.wait();
     }},
    {"get of an alarm", [](scene&) { sluice::after(1h).get(); }},
    {"for of a clock",
     [](scene&) {
       for (const auto at : sluice::tick(1h)) static_cast<void>(at);
     }},
    {"join of a channel", [](scene& s) { s.full.join(); }},
    {"join_for of a channel", [](scene& s) { s.full.join_for(1h); }},
    {"join of a scope",
     [](scene& s) {
       sluice::scope all;
       all.go([&s] { s.meeting.get(); });
       all.join();
     }},
    {"gather",
     [](scene& s) { sluice::gather([&s] { s.meeting.get(); }, [&s] { s.empty.get(); }); }},
    {"join of a task", [](scene& s) { s.waiting.join(); }},
    {"join_for of a task", [](scene& s) { s.waiting.join_for(1h); }},
    {"sleep_for", [](scene&) { sluice::this_fiber::sleep_for(1h); }},
    {"sleep_for, for ever",
     [](scene&) { sluice::this_fiber::sleep_for(std::chrono::hours::max()); }},
};

TEST_CASE("a request of the token ends every wait, of fibers and of threads") {
  test::everywhere([](test::strands& crowd) {
    for (const wait& each : waits) {
      const test::situation now(each.name);
      scene s;
      std::stop_source source;
      std::atomic<bool> begun{false};
      crowd.start([&] {
        with_stop(source.get_token(), [&] {
          CHECK_FALSE(stop_requested());
          begun = true;
          CHECK_THROWS_AS(each.of(s), cancelled);
          CHECK(stop_requested());
          CHECK_THROWS_AS(each.of(s), cancelled);
        });
        CHECK_FALSE(stop_requested());
        s.empty.put(2);
        CHECK(s.empty.get() == 2);
      });
      test::await([&] { return begun.load(); });
      for (int i = 0; i < 3; ++i) test::relax();
      CHECK(request(source));
      crowd.join();
      CHECK(s.full.size() == 1);
      CHECK(s.meeting.try_put(1) == sluice::status::full);
      CHECK(s.meeting.try_get().status() == sluice::status::empty);
    }
  });
  check_attention_is_down();
}

TEST_CASE("a wait that has parked is ended") {
  sluice::runtime rt({.workers = 2});
  sluice::channel<int> empty{1};
  std::stop_source source;
  auto task = rt.go([&] { with_stop(source.get_token(), [&] { empty.get(); }); });
  test::await_waiting(rt, "get");
  request(source);
  CHECK_THROWS_AS(task.join(), cancelled);
}

TEST_CASE("a plain thread that sleeps in a wait is woken, and what it waited for is as before") {
  for (const wait& each : waits) {
    const test::situation now(each.name);
    test::progress();
    scene s;
    std::stop_source source;
    test::thread_number id{0};
    std::thread thread([&] {
      id = ::gettid();
      with_stop(source.get_token(), [&] { CHECK_THROWS_AS(each.of(s), cancelled); });
    });
    test::await_asleep(id);
    request(source);
    thread.join();
    test::check_nobody_waits(s.full);
    test::check_at_rest(s.empty);
    test::check_at_rest(s.endless);
    test::check_at_rest(s.meeting);
    CHECK(s.full.size() == 1);
  }
  check_attention_is_down();
}

TEST_CASE("a batch that a token cuts short is what has happened of it until then") {
  test::everywhere([](test::strands& crowd) {
    sluice::channel<std::unique_ptr<int>> ch{2};
    std::stop_source puts;
    std::stop_source gets;
    crowd.start([&] {
      std::vector<std::unique_ptr<int>> items;
      for (int i = 0; i < 5; ++i) items.push_back(std::make_unique<int>(i));
      const std::size_t put =
          with_stop(puts.get_token(), [&] { return ch.put_batch(std::move(items)); });
      CHECK(put == 3);
      for (std::size_t i = 0; i < 5; ++i) CHECK((items[i] == nullptr) == (i < 3));
    });
    CHECK(*ch.get() == 0);
    test::await([&] { return ch.full() && test::putters_waiting(ch) == 1; });
    request(puts);
    crowd.join();
    crowd.start([&] {
      const auto got = with_stop(gets.get_token(), [&] { return ch.get_batch(5, 1h); });
      CHECK(got.size() == 3);
      for (std::size_t i = 0; i < got.size(); ++i) CHECK(*got[i] == int(i) + 1);
    });
    ch.put(std::make_unique<int>(3));
    test::await([&] { return ch.empty() && test::getters_waiting(ch) == 1; });
    request(gets);
    crowd.join();
    test::check_at_rest(ch);
  });
}

TEST_CASE("with a token that is stopped already f begins, and its first wait throws") {
  test::everywhere([](test::strands& crowd) {
    crowd.start([] {
      sluice::channel<int> some{4};
      std::stop_source source;
      request(source);
      bool begun = false;
      CHECK_THROWS_AS(with_stop(source.get_token(),
                                [&] {
                                  begun = true;
                                  CHECK(stop_requested());
                                  CHECK(some.try_put(1) == sluice::status::ok);
                                  some.put(2);  // there is room, and yet
                                }),
                      cancelled);
      CHECK(begun);
      CHECK(some.size() == 1);
      some.put(3);
      CHECK(some.size() == 2);
    });
    crowd.join();
  });
  check_attention_is_down();
}

TEST_CASE("a token without a source is never stopped") {
  sluice::channel<int> some{4};
  with_stop(std::stop_token(), [&] {
    some.put(1);
    CHECK_FALSE(stop_requested());
    CHECK_FALSE(stop_token().stop_possible());
  });
}

TEST_CASE("all tokens of nested with_stop are obeyed, each for as long as it lasts") {
  test::everywhere([](test::strands& crowd) {
    crowd.start([] {
      sluice::channel<int> some{9};
      std::stop_source outer;
      std::stop_source inner;
      with_stop(outer.get_token(), [&] {
        with_stop(inner.get_token(), [&] {
          request(inner);
          CHECK_THROWS_AS(some.put(1), cancelled);
        });
        some.put(2);
        std::stop_source third;
        with_stop(third.get_token(), [&] {
          some.put(3);
          request(outer);
          CHECK_THROWS_AS(some.put(4), cancelled);
        });
        CHECK_THROWS_AS(some.put(5), cancelled);
      });
      CHECK(some.size() == 2);
    });
    crowd.join();
  });
  check_attention_is_down();
}

TEST_CASE("the outer token ends a wait within the inner one") {
  test::everywhere([](test::strands& crowd) {
    std::stop_source outer;
    std::stop_source inner;
    std::atomic<bool> begun{false};
    sluice::channel<int> empty{1};
    crowd.start([&] {
      with_stop(outer.get_token(), [&] {
        with_stop(inner.get_token(), [&] {
          begun = true;
          CHECK_THROWS_AS(empty.get(), cancelled);
        });
      });
    });
    test::await([&] { return begun.load(); });
    request(outer);
    crowd.join();
  });
}

TEST_CASE("the fiber's own stop is obeyed as well") {
  sluice::runtime rt({.workers = 2});
  sluice::channel<int> empty{1};
  std::stop_source source;
  auto task = rt.go([&] { with_stop(source.get_token(), [&] { empty.get(); }); });
  test::await_waiting(rt, "get");
  task.request_stop();
  CHECK_THROWS_AS(task.join(), cancelled);
}

TEST_CASE("the token is not obeyed while an exception unwinds, nor by fibers that f starts") {
  struct puts {
    sluice::channel<int> to;
    ~puts() { to.put(1); }
  };
  test::everywhere([](test::strands& crowd) {
    crowd.start([] {
      sluice::channel<int> some{9};
      std::stop_source source;
      with_stop(source.get_token(), [&] {
        try {
          const puts last{some};
          request(source);
          some.put(2);
        } catch (const cancelled&) {
        }
        auto child = sluice::go([&] { some.put(3); });
        sluice::shield([&] { child.join(); });
      });
      CHECK(some.size() == 2);
    });
    crowd.join();
  });
}

TEST_CASE("a thread of the standard library obeys its own token") {
  sluice::channel<int> ch{1};
  std::atomic<int> seen{0};
  {
    std::jthread reader([&](std::stop_token stop) {
      CHECK_THROWS_AS(with_stop(stop,
                                [&] {
                                  for (const int item : ch) seen += item;
                                }),
                      cancelled);
    });
    ch.put(3);
    test::await([&] { return seen == 3; });
  }
  CHECK(ch.empty());
}

TEST_CASE("run within with_stop stops what it runs") {
  sluice::channel<int> empty{1};
  std::stop_source source;
  std::atomic<bool> begun{false};
  std::thread thread([&] {
    with_stop(source.get_token(), [&] {
      CHECK_THROWS_AS(sluice::run([&] {
                        begun = true;
                        empty.get();
                      }),
                      cancelled);
    });
  });
  test::await([&] { return begun.load(); });
  request(source);
  thread.join();
}

TEST_CASE("with_stop passes on what its function returns") {
  int number = 5;
  int& same = with_stop({}, [&]() -> int& { return number; });
  CHECK(&same == &number);
  CHECK(*with_stop({}, [] { return std::make_unique<int>(6); }) == 6);
  static_assert(std::is_void_v<decltype(with_stop({}, [] {}))>);
}

const test::child forked("a fork within with_stop", [] {
  std::stop_source source;
  sluice::channel<int> ch{1};
  int how = 1;
  with_stop(source.get_token(), [&] {
    const pid_t pid = ::fork();
    if (pid == 0) {
      try {
        with_stop(source.get_token(), [&] { ch.put(1); });
      } catch (const std::logic_error&) {
        ::_exit(0);
      }
      ::_exit(1);
    }
    ::waitpid(pid, &how, 0);
  });
  if (how != 0) throw std::runtime_error("the child failed");
});

TEST_CASE("in a forked child waits within with_stop are refused, and its end waits for nobody" *
          test::unless_forks_hang()) {
  const test::ending end = forked.run();
  CHECK_MESSAGE(end.exit_code == 0, end);
}

// ---- tokens that follow ------------------------------------------------------------------------

TEST_CASE("the token of a fiber follows its stop") {
  sluice::runtime rt({.workers = 2});
  sluice::channel<std::stop_token> tokens{1};
  sluice::channel<int> gate{sluice::rendezvous};
  auto task = rt.go([&] {
    tokens.put(stop_token());
    CHECK(stop_token() == stop_token());
    gate.get();
  });
  const std::stop_token token = tokens.get();
  CHECK(token.stop_possible());
  CHECK_FALSE(token.stop_requested());
  std::atomic<int> called{0};
  const std::stop_callback count(token, [&] { ++called; });
  CHECK(task.request_stop());
  CHECK(token.stop_requested());
  CHECK(called == 1);
  CHECK_THROWS_AS(task.join(), cancelled);
}

TEST_CASE("a token that is asked for after the stop is stopped") {
  sluice::runtime rt({.workers = 1});
  auto task = rt.go([&] {
    while (!stop_requested()) sluice::shield([] { sluice::this_fiber::yield(); });
    CHECK(stop_token().stop_requested());
  });
  task.request_stop();
  task.join();
}

TEST_CASE("the token of a fiber follows the end of its runtime") {
  std::optional<sluice::runtime> rt(std::in_place, sluice::runtime_options{.workers = 2});
  sluice::channel<std::stop_token> tokens{1};
  sluice::channel<int> gate{sluice::rendezvous};
  rt->go([&] {
    tokens.put(stop_token());
    gate.get();
  });
  const std::stop_token token = tokens.get();
  CHECK_FALSE(token.stop_requested());
  rt.reset();
  CHECK(token.stop_requested());
}

TEST_CASE("within with_stop the token follows both") {
  sluice::runtime rt({.workers = 2});
  for (const bool by_task : {true, false}) {
    sluice::channel<std::stop_token> tokens{2};
    sluice::channel<int> gate{sluice::rendezvous};
    std::stop_source outer;
    std::stop_source inner;
    auto task = rt.go([&] {
      with_stop(outer.get_token(), [&] {
        with_stop(inner.get_token(), [&] {
          tokens.put(stop_token());
          CHECK(stop_token() == stop_token());
          try {
            gate.get();
          } catch (const cancelled&) {
            CHECK(stop_token().stop_requested());
            throw;
          }
        });
      });
    });
    const std::stop_token token = tokens.get();
    CHECK_FALSE(token.stop_requested());
    by_task ? task.request_stop() : request(outer);
    CHECK_THROWS_AS(task.join(), cancelled);
    CHECK(token.stop_requested());
  }
}

TEST_CASE("on a plain thread the token is that of with_stop, or none") {
  CHECK_FALSE(stop_token().stop_possible());
  CHECK_FALSE(stop_requested());
  std::stop_source source;
  with_stop(source.get_token(), [&] { CHECK(stop_token() == source.get_token()); });
}

TEST_CASE("a token may be asked for at the moment of the stop") {
  sluice::runtime rt({.workers = 4});
  for (int round = 0; round < 500; ++round) {
    sluice::channel<std::stop_token> tokens{1};
    auto task = rt.go([&] { static_cast<void>(tokens.try_put(stop_token())); });
    const bool stopped = task.request_stop();
    task.join();
    if (stopped) CHECK(tokens.get().stop_requested());
  }
}

// ---- races -------------------------------------------------------------------------------------

TEST_CASE("the end of f races the request") {
  test::everywhere([](test::strands& crowd) {
    for (int round = 0; round < 300; ++round) {
      test::progress();
      std::stop_source source;
      sluice::channel<int> ch{1};
      crowd.start([&] {
        try {
          with_stop(source.get_token(), [&] { ch.get(); });
        } catch (const cancelled&) {
          ch.get();
        }
      });
      crowd.start([&] { ch.put(1); });
      crowd.start([&] { request(source); });
      crowd.join();
      CHECK(ch.empty());
    }
  });
  check_attention_is_down();
}

TEST_CASE("in a storm of requests no item is lost or doubled") {
  static constexpr int items = 300;
  static constexpr int getters = 3;
  test::everywhere([](test::strands& crowd) {
    sluice::channel<int> ch{2};
    std::atomic<std::stop_source*> current[getters] = {};
    std::atomic<int> seen{0};
    std::atomic<int> left{getters};
    for (auto& mine : current) {
      crowd.start([&] {
        bool ended = false;
        while (!ended) {
          std::stop_source source;
          mine = &source;
          try {
            with_stop(source.get_token(), [&] {
              int item = 0;
              while (ch >> item) seen += item;
              ended = true;
            });
          } catch (const cancelled&) {
          }
          while (mine.exchange(nullptr) != &source) test::relax();  // a stopper holds it
        }
        --left;
      });
    }
    crowd.start([&] {
      while (left != 0) {
        for (auto& one : current) {
          if (std::stop_source* source = one.exchange(nullptr)) {
            request(*source);
            one = source;
          }
        }
        test::relax();
      }
    });
    crowd.start([&] {
      for (int i = 0; i < items; ++i) ch.put(1);
      ch.close();
    });
    crowd.join();
    CHECK(seen == items);
  });
  check_attention_is_down();
}

}  // namespace
