// A kernel without the barrier in all threads of a process (membarrier): workers and those who take
// from them get along without it.
#include <doctest/doctest.h>

#include <atomic>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/barriers.hpp"
#include "support/ferry.hpp"
#include "support/watch.hpp"

namespace {

int leaves(int depth) {
  if (depth == 0) return 1;
  auto one = sluice::go([=] { return leaves(depth - 1); });
  auto other = sluice::go([=] { return leaves(depth - 1); });
  return one.join() + other.join();
}

}  // namespace

TEST_CASE("without a barrier in all threads what is made ready is stolen, and nothing is lost") {
  test::barriers_are_refused = true;
  sluice::runtime rt{{.workers = 3}};
  CHECK(test::barrier_calls == 1);  // asked once
  test::ferry ferry;
  // Each crossing needs a thief: the worker that made the fiber ready does not let go.
  rt.run([&] {
    for (int i = 0; i < 50; ++i) ferry.cross(test::way::get);
  });
  CHECK(rt.stats().steals > 0);
  CHECK(rt.run([] { return leaves(test::slowness > 1 ? 10 : 14); }) ==
        1 << (test::slowness > 1 ? 10 : 14));

  const sluice::channel<int> ch{1};
  const int items = 100'000 / test::slowness;
  const long sum = rt.run([&] {
    auto putter = sluice::go([=] {
      const sluice::close_on_exit end{ch};
      for (int i = 1; i <= items; ++i) ch.put(i);
    });
    long all = 0;
    for (const int one : ch) all += one;
    return all;
  });
  CHECK(sum == static_cast<long>(items) * (items + 1) / 2);
  CHECK(test::barrier_calls == 1);
}
