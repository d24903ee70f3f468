// The steady clock steps forward by seconds or stands still between two readings, while strands wait
// with a time limit: no wait is over before its time by that clock, each ends, and timers fire in
// their order.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/clock_steps.hpp"
#include "support/parked.hpp"
#include "support/strands.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using test::nanoseconds;
using test::stepping_clock;
using which = stepping_clock::which;
using sluice::channel;
using sluice::status;

/// Steps the clock and lets it stand, at random, while it lives.
class gremlin {
 public:
  gremlin() : thread_([this] { play(); }) {}
  gremlin(const gremlin&) = delete;
  gremlin& operator=(const gremlin&) = delete;
  ~gremlin() {
    over_ = true;
    thread_.join();
    for (const which one : {which::exact, which::coarse}) stepping_clock::go_on(one, true);
  }
  static int pranks() { return pranks_; }

 private:
  void play() {
    test::random any = test::random_for("gremlin", static_cast<std::uint64_t>(pranks_));
    for (; !over_; ++pranks_) {
      const which one = any() % 3 == 0 ? which::coarse : which::exact;
      switch (any() % 3) {
        case 0:
          stepping_clock::step(nanoseconds(any() % 5'000'000'000));
          break;
        case 1:
          stepping_clock::stand(one);
          break;
        default:
          stepping_clock::go_on(one, any() % 2 == 0);
      }
      // By the kernel's clock; nothing depends on how long.
      const auto pause = stepping_clock::real() + nanoseconds(any() % 300'000);
      while (stepping_clock::real() < pause) std::this_thread::yield();
    }
  }

  inline static std::atomic<int> pranks_{0};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

/// One wait, in one of many ways, for which there is nothing to wait for.
void wait_in_vain(std::uint64_t how, nanoseconds limit) {
  const clock::time_point begin = clock::now();
  switch (how % 10) {
    case 0:
      CHECK(channel<int>{1}.get_for(limit).status() == status::timed_out);
      break;
    case 1:
      CHECK(channel<int>{sluice::rendezvous}.put_for(1, limit) == status::timed_out);
      break;
    case 2:
      CHECK(channel<int>{1}.get_until(begin + limit).status() == status::timed_out);
      break;
    case 3:
      CHECK(sluice::select(sluice::on_get(channel<int>{1}, [](auto) {}),
                           sluice::on_timeout(limit)) == 1);
      break;
    case 4:
      sluice::this_fiber::sleep_for(limit);
      break;
    case 5: {
      const auto at = sluice::after(limit).get();
      CHECK(at >= begin + limit);
      break;
    }
    case 6: {
      sluice::mutex m;
      sluice::condition_variable cv;
      std::unique_lock guard(m);
      cv.wait_for(guard, limit, [] { return false; });
      break;
    }
    case 7:
      CHECK_FALSE(sluice::counting_semaphore<1>{0}.try_acquire_for(limit));
      break;
    case 8: {
      sluice::wait_group group;
      group.add();
      CHECK_FALSE(group.wait_for(limit));
      group.done();
      break;
    }
    default:
      CHECK_FALSE(channel<int>{1}.join_for(limit));
  }
  if (clock::now() < begin + limit) FAIL_CHECK("a wait was over before its time, way ", how % 10);
}

/// Between waits with limits, items that come: no wake-up is lost to the clock.
void pass_items(const channel<int>& ch, bool puts, int items) {
  for (int done = 0; done < items;) {
    if (puts) {
      done += ch.put_for(1, 300us) == status::ok ? 1 : 0;
    } else {
      done += ch.get_for(300us) ? 1 : 0;
    }
  }
}

void play_everywhere(nanoseconds longest, int waits) {
  test::everywhere([&](test::strands& crowd) {
    const gremlin clock_keeper;
    const channel<int> ch{1};
    for (std::uint64_t i = 0; i < 4; ++i) {
      crowd.start([&, i, any = test::random_for("waits", i)]() mutable {
        for (int n = 0; n < waits; ++n) {
          test::progress();
          // Long ones end because the clock steps.
          const auto most = any() % 4 == 0 ? longest : nanoseconds(1ms);
          wait_in_vain(any(), nanoseconds(any() % static_cast<std::uint64_t>(most.count())));
        }
      });
    }
    for (const bool puts : {true, false}) crowd.start([&, puts] { pass_items(ch, puts, waits); });
    crowd.join();
  });
}

/// Of how many rising sequences these are a mixture, at least.
std::size_t lines_of(const std::vector<int>& numbers) {
  std::vector<int> last;  // of each sequence; falling
  for (const int one : numbers) {
    const auto line = std::ranges::find_if(last, [one](int end) { return end < one; });
    if (line == last.end()) {
      last.push_back(one);
    } else {
      *line = one;
    }
  }
  return last.size();
}

}  // namespace

TEST_CASE("the clock that is read is the one that steps" * doctest::skip(!test::clock_can_step)) {
  const auto before = clock::now();
  stepping_clock::step(1h);
  CHECK(clock::now() >= before + 1h);
  stepping_clock::stand(which::exact);
  const auto then = clock::now();
  const auto later = stepping_clock::real() + 1ms;
  while (stepping_clock::real() < later) std::this_thread::yield();
  CHECK(clock::now() == then);
  stepping_clock::go_on(which::exact, false);
  CHECK(clock::now() < then + 1h);
}

TEST_CASE("while the clock steps and stands still no wait is over early, and each ends" *
          doctest::skip(!test::clock_can_step)) {
  stepping_clock::set_sleepers(stepping_clock::sleepers::follow);
  play_everywhere(20s, 60);
  MESSAGE(gremlin::pranks(), " changes of the clock");
}

TEST_CASE("the same where the kernel's sleeps do not know of the steps" *
          doctest::skip(!test::clock_can_step)) {
  stepping_clock::set_sleepers(stepping_clock::sleepers::ignore);
  play_everywhere(2ms, 60);
  stepping_clock::set_sleepers(stepping_clock::sleepers::follow);
  MESSAGE(gremlin::pranks(), " changes of the clock");
}

TEST_CASE("timers that a step makes due all at once fire in the order of their deadlines" *
          doctest::skip(!test::clock_can_step)) {
  test::random any = test::random_for("order");
  for (int round = 0; round < 20; ++round) {
    test::progress();
    sluice::runtime rt{{.workers = 1}};
    constexpr int sleepers = 60;  // no more than are claimed at once
    std::vector<int> order(sleepers);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), any);
    std::vector<int> woken;  // on the one worker
    const auto begin = clock::now() + 1h;
    std::vector<sluice::task<void>> tasks;
    for (const int i : order) {
      tasks.push_back(rt.go([&, i] {
        sluice::this_fiber::sleep_until(begin + i * 10ms);
        if (clock::now() < begin + i * 10ms) FAIL_CHECK("early");
        woken.push_back(i);
      }));
    }
    test::await_waiting(rt, "sleep", sleepers);
    stepping_clock::step(2h);
    for (auto& task : tasks) task.join();
    CHECK(woken.size() == sleepers);
    // They were put into three lines at most, each in its order: the worker's next slot and its run
    // queue, and the inbox, if it was the ticker that came first. Two in the run queue may have changed
    // places: once in 61 turns at most. In any order there would be 13.
    CHECK(lines_of(woken) <= 5);
  }
}

TEST_CASE("a ticker leaves out the beats that a step has jumped over, and keeps its rhythm" *
          doctest::skip(!test::clock_can_step)) {
  const auto begin = clock::now();
  const auto beats = sluice::tick(1h);
  const auto ready = clock::now();
  stepping_clock::step(5h + 30min);
  const auto late = beats.get();
  CHECK(late >= begin + 5h + 30min);
  CHECK(beats.try_get().status() == status::empty);
  stepping_clock::step(29min);
  if (clock::now() < begin + 6h) CHECK(beats.try_get().status() == status::empty);
  stepping_clock::step(2min);
  const auto next = beats.get();
  CHECK(next >= begin + 6h);
  CHECK(next < ready + 7h);
}
