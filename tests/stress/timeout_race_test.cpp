// Timed waits against those who could end them: each ends once, and no item goes with the time.
#include <doctest/doctest.h>

#include <chrono>
#include <vector>

#include "../support/items.hpp"
#include "../support/shapes.hpp"
#include "../support/strands.hpp"
#include "sluice/channel.hpp"

namespace {

using sluice::channel;
using sluice::status;
using std::chrono::microseconds;
using test::boxed;
using test::counted;
using test::number;
using test::shape;
using test::strands;

constexpr int each = 600 / test::slowness;

/// Puts with times that run out now and then; counts what was accepted.
template <class T>
number put_in_time(const channel<T>& ch, test::random any) {
  number accepted = 0;
  for (int i = 0; i < each; ++i) {
    T item = test::make<T>(1);
    const status answer = ch.put_for(std::move(item), microseconds(any() % 40));
    CHECK((answer == status::ok || answer == status::timed_out));
    CHECK((test::number_of(item) == 1) == (answer != status::ok));
    if (answer == status::ok) ++accepted;
  }
  return accepted;
}

template <class T>
number get_in_time(const channel<T>& ch, test::random any) {
  for (number got = 0;;) {
    const sluice::result<T> answer = ch.get_for(microseconds(any() % 40));
    if (answer.status() == status::closed) return got;
    if (answer) ++got;
  }
}

template <class T>
void race(strands& crowd, const shape& what) {
  test::random any = test::random_for("timeouts");
  const channel<T> ch = what.make<T>();
  std::atomic<number> accepted{0};
  std::atomic<number> got{0};
  std::atomic<int> putting{3};
  for (int i = 0; i < 3; ++i) {
    crowd.start([&, ch, mine = test::random(any())] {
      accepted += put_in_time(ch, mine);
      if (--putting == 0) ch.close();
    });
  }
  for (int i = 0; i < 3; ++i) {
    crowd.start([&, ch, mine = test::random(any())] { got += get_in_time(ch, mine); });
  }
  // One on each side that waits without a limit, among those who give up around it.
  crowd.start([&, ch] {
    for ([[maybe_unused]] const T& item : ch) ++got;
  });
  crowd.join();
  CHECK(accepted == got);
  CHECK(test::getters_waiting(ch) == 0);
  CHECK(test::putters_waiting(ch) == 0);
}

}  // namespace

TEST_CASE("times that run out beside puts and gets lose no item and double none") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    race<boxed>(crowd, what);
    race<counted>(crowd, what);
    CHECK(counted::alive() == 0);
  });
  CHECK(counted::misuses() == 0);
}

TEST_CASE("a time that runs out, a close and a getter end a put once between them") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (!what.can_fill() || what.capacity == 1000) return;
    test::random any = test::random_for("time, close and getter");
    for (int round = 0; round < 120 / test::slowness; ++round) {
      test::progress();
      const channel<boxed> ch = what.make<boxed>();
      for (std::size_t i = 0; i < what.capacity; ++i) ch.put(boxed(0));
      std::atomic<number> accepted{0};
      std::atomic<number> got{0};
      crowd.start([&, ch, time = microseconds(any() % 60)] {
        boxed item(1);
        const status answer = ch.put_for(std::move(item), time);
        CHECK(item.moved_from() == (answer == status::ok));
        if (answer == status::ok) accepted = 1;
      });
      crowd.start([&, ch] {
        if (const auto item = ch.try_get()) got += item->value();
      });
      crowd.start([&, ch] { ch.close(); });
      crowd.join();
      while (const auto item = ch.try_get()) got += item->value();
      CHECK(accepted == got);
    }
  });
}

TEST_CASE("a join with a time beside the last get ends once, late or not") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    test::random any = test::random_for("join in time");
    for (int round = 0; round < 120 / test::slowness; ++round) {
      test::progress();
      const channel<number> ch = what.make<number>();
      const auto n = what.room(2);
      for (std::size_t i = 0; i < n; ++i) ch.put(1);
      crowd.start([&, ch, time = microseconds(any() % 60)] {
        if (ch.join_for(time)) CHECK(ch.drained());
      });
      crowd.start([&, ch] {
        ch.close();
        for (std::size_t i = 0; i < n; ++i) CHECK(ch.get() == 1);
      });
      crowd.join();
      CHECK(test::joiners_waiting(ch) == 0);
    }
  });
}
