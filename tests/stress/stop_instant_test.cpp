// A stop at the very instant of an item, of room, of a close or of a deadline: each round has one
// clear end, and no item is lost or doubled.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "../support/rest.hpp"
#include "../support/shapes.hpp"
#include "../support/watch.hpp"
#include "sluice/sluice.hpp"

namespace {

using namespace std::chrono_literals;

constexpr int rounds = 2'000 / test::slowness;

/// A thread that does one thing in each round, at the same time as others do theirs.
class racer {
 public:
  template <class Act>
  explicit racer(Act act) : thread_([this, act] { run(act); }) {}
  racer(const racer&) = delete;
  racer& operator=(const racer&) = delete;
  ~racer() {
    over_ = true;
    ++begun_;
    thread_.join();
  }

  void start() { ++begun_; }
  void finish() {
    while (done_ != begun_) std::this_thread::yield();
  }

 private:
  template <class Act>
  void run(Act act) {
    for (int seen = 0;; done_ = seen) {
      while (begun_ == seen) std::this_thread::yield();
      seen = begun_;
      if (over_) return;
      act();
    }
  }

  std::atomic<int> begun_{0};
  std::atomic<int> done_{0};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

using item = std::unique_ptr<int>;

}  // namespace

TEST_CASE("a getter that is stopped while its item comes has it, or leaves it in the channel") {
  sluice::runtime rt{{.workers = 2}};
  for (const test::shape& shape : test::shapes) {
    const test::situation now(shape.name());
    const auto ch = shape.make<item>();
    sluice::task<item> getter;
    int number = 0;
    bool put = false;
    racer putter([&] { put = ch.try_put(std::make_unique<int>(number)) == sluice::status::ok; });
    racer stopper([&] { getter.request_stop(); });
    for (number = 0; number < rounds; ++number) {
      test::progress();
      getter = number % 2 == 0 ? rt.go([&] { return ch.get(); })
                               : rt.go([&] { return ch.get_for(1h).value(); });
      putter.start();
      stopper.start();
      putter.finish();
      stopper.finish();
      bool got = false;
      try {
        const item taken = getter.join();
        got = true;
        CHECK((taken != nullptr && *taken == number));
      } catch (const sluice::cancelled&) {
      }
      test::check_nobody_waits(ch);
      auto left = ch.try_get();
      CHECK((static_cast<bool>(left) ? 1 : 0) == (put && !got ? 1 : 0));
      if (left) CHECK(**left == number);
      test::check_at_rest(ch);
    }
  }
}

TEST_CASE("a putter that is stopped while room comes has put its item, or still has it") {
  sluice::runtime rt{{.workers = 2}};
  for (const test::shape& shape : test::shapes) {
    if (!shape.can_fill()) continue;
    const test::situation now(shape.name());
    const auto ch = shape.make<item>();
    const int room = static_cast<int>(shape.room());
    sluice::task<void> putter;
    std::vector<int> got;
    racer getter([&] {
      if (auto first = ch.try_get()) got.push_back(**first);
    });
    racer stopper([&] { putter.request_stop(); });
    for (int round = 0; round < rounds / 2; ++round) {
      test::progress();
      got.clear();
      for (int i = 0; i < room; ++i) ch.put(std::make_unique<int>(i));
      item mine = std::make_unique<int>(room);
      putter = rt.go([&] { ch.put(std::move(mine)); });
      getter.start();
      stopper.start();
      getter.finish();
      stopper.finish();
      bool accepted = false;
      try {
        putter.join();
        accepted = true;
      } catch (const sluice::cancelled&) {
      }
      CHECK((mine == nullptr) == accepted);
      test::check_nobody_waits(ch);
      while (auto next = ch.try_get()) got.push_back(**next);
      CHECK(static_cast<int>(got.size()) == room + (accepted ? 1 : 0));
      bool in_order = true;
      for (int i = 0; i < static_cast<int>(got.size()); ++i) in_order = in_order && got[i] == i;
      CHECK(in_order);
    }
  }
}

TEST_CASE("a stop, a close and a deadline at one instant end a wait in one way") {
  sluice::runtime rt{{.workers = 2}};
  for (int round = 0; round < rounds; ++round) {
    test::progress();
    const sluice::channel<int> ch{1};
    const auto d = std::chrono::microseconds(round % 60);
    auto task = rt.go([&, d] { return ch.get_for(d).status(); });
    racer closer([&] { ch.close(); });
    closer.start();
    task.request_stop();
    closer.finish();
    try {
      const sluice::status how = task.join();
      CHECK((how == sluice::status::closed || how == sluice::status::timed_out));
    } catch (const sluice::cancelled&) {
    }
    CHECK(ch.drained());
    test::check_at_rest(ch);
  }
}
