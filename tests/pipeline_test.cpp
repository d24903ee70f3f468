// pipeline: what each stage passes on, in which order, and how much it holds meanwhile. How
// pipelines end early is in pipeline_end_test.cpp.
#include "sluice/pipeline.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <memory>
#include <numeric>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/items.hpp"
#include "support/parked.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
namespace stages = sluice::pipeline;
using stages::ordering;
using test::number;

static_assert(std::ranges::input_range<stages::flow<number>>);
static_assert(!std::ranges::sized_range<stages::flow<number>>);
static_assert(!std::copyable<stages::flow<number>>);
// It would stop the stages in the same statement.
static_assert(!std::convertible_to<stages::flow<number>, sluice::receiver<number>>);

std::vector<number> numbers(number n) {
  std::vector<number> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// 0, 1, 2 .. n - 1, of a type.
template <class T>
auto count_to(number n) {
  return stages::generate({.capacity = 1}, [next = number{0}, n]() mutable {
    return next < n ? std::optional<T>(test::make<T>(next++)) : std::nullopt;
  });
}

template <class T>
std::vector<number> values_of(const std::vector<T>& all) {
  std::vector<number> values;
  for (const T& one : all) values.push_back(test::number_of(one));
  return values;
}

std::vector<number> sorted(std::vector<number> all) {
  std::ranges::sort(all);
  return all;
}

/// Lets others overtake, for some items.
void dawdle(number n) {
  for (number i = (n * 7) % 5; i > 0; --i) sluice::this_fiber::yield();
}

const std::vector<stages::stage_options> ways{
    {.workers = 1},
    {.workers = 2},
    {.workers = 4, .capacity = 1},
    {.workers = 3, .capacity = 7},
    {.workers = 1, .order = ordering::free},
    {.workers = 4, .order = ordering::free},
};

bool keeps_order(const stages::stage_options& how) {
  return how.workers == 1 || how.order == ordering::kept;
}

constexpr number sizes[] = {0, 1, 2, 3, 100};

// ---- what comes out ----------------------------------------------------------------------------

TEST_CASE("items come from ranges, functions, channels, receivers and flows") {
  test::everywhere([](test::strands& crowd) {
    for (const number n : sizes) {
      const std::vector<number> all = numbers(n);
      CHECK((stages::generate(all) | stages::collect()) == all);
      CHECK((stages::generate(numbers(n)) | stages::collect()) == all);
      CHECK((stages::generate(std::views::iota(number{0}, n)) | stages::collect()) == all);
      CHECK((count_to<number>(n) | stages::collect()) == all);
      CHECK(all == numbers(n));  // an lvalue is copied

      sluice::channel<number> ch{2};
      crowd.start([ch, n] {
        const sluice::close_on_exit finally{ch};
        for (number i = 0; i < n; ++i) ch << i;
      });
      CHECK((ch | stages::collect()) == all);
      auto [tx, rx] = sluice::make_channel<number>(2);
      crowd.start([to = std::move(tx), n] {
        for (number i = 0; i < n; ++i) to << i;
      });
      CHECK((rx | stages::collect()) == all);
    }
    crowd.join();
  });
}

TEST_CASE("transform and filter give each result once, in order unless told otherwise") {
  test::everywhere([](test::strands&) {
    for (const stages::stage_options& how : ways) {
      for (const number n : sizes) {
        std::vector<number> all = count_to<number>(n) |
                                  stages::transform(how,
                                                    [](number i) {
                                                      dawdle(i);
                                                      return i * 3;
                                                    }) |
                                  stages::filter(how,
                                                 [](const number& i) {
                                                   dawdle(i);
                                                   return i % 2 == 0;
                                                 }) |
                                  stages::collect();
        std::vector<number> expected;
        for (number i = 0; i < n; i += 2) expected.push_back(i * 3);
        CHECK((keeps_order(how) ? all : sorted(std::move(all))) == expected);
      }
    }
  });
}

TEST_CASE("the short forms take a number of workers, or none") {
  CHECK((stages::generate(numbers(5)) | stages::transform([](number i) { return i + 1; }) |
         stages::transform(2, [](number i) { return std::to_string(i); }) |
         stages::filter([](const std::string& text) { return text != "2"; }) |
         stages::filter(2, [](std::string_view text) { return text != "4"; }) |
         stages::collect()) == std::vector<std::string>{"1", "3", "5"});
}

TEST_CASE("a function that produces puts as it likes, also from a thread of its own") {
  test::everywhere([](test::strands&) {
    for (const number n : sizes) {
      const auto loop = [n](const sluice::channel<number>& out) {
        for (number i = 0; i < n; ++i) out << i;
      };
      CHECK((stages::produce<number>(loop) | stages::collect()) == numbers(n));
      CHECK(
          (stages::produce<number>(
               {.capacity = 1}, [loop](const auto& out) { sluice::blocking([&] { loop(out); }); }) |
           stages::collect()) == numbers(n));
    }
  });
}

TEST_CASE("a function that processes gets and puts at its own pace, and sees the end") {
  test::everywhere([](test::strands&) {
    for (const number n : sizes) {
      // Each item as often as it says, then how many there were.
      const auto unfold = [](const sluice::receiver<number>& in,
                             const sluice::channel<number>& out) {
        number count = 0;
        for (const number item : in) {
          for (number i = 0; i < item % 3; ++i) out << item;
          ++count;
        }
        out << count;
      };
      std::vector<number> wanted;
      for (number i = 0; i < n; ++i)
        wanted.insert(wanted.end(), static_cast<std::size_t>(i % 3), i);
      wanted.push_back(n);
      CHECK((count_to<number>(n) | stages::process<number>(unfold) | stages::collect()) == wanted);
      CHECK((count_to<number>(n) | stages::process<number>({.capacity = 1}, unfold) |
             stages::collect()) == wanted);
    }
  });
}

TEST_CASE("a function that returns before the end of its input leaves the rest") {
  test::everywhere([](test::strands&) {
    const sluice::channel<number> ch{4};
    for (number i = 0; i < 4; ++i) ch << i;
    auto flow = ch | stages::process<number>([](const auto& in, const auto& out) {
                  out << in.get() + 10;
                  out << in.get() + 10;
                });
    CHECK(flow.get() == 10);
    CHECK(flow.get() == 11);
    CHECK_THROWS_AS(flow.get(), sluice::channel_closed);
    CHECK(ch.closed());  // while the flow is still there
  });
}

TEST_CASE("batches are full but for the last, and flatten undoes them") {
  test::everywhere([](test::strands&) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
      for (const number n : sizes) {
        const auto batches = count_to<number>(n) | stages::batch(size) | stages::collect();
        CHECK(batches.size() == (static_cast<std::size_t>(n) + size - 1) / size);
        for (std::size_t i = 0; i + 1 < batches.size(); ++i) CHECK(batches[i].size() == size);
        CHECK((stages::generate(batches) | stages::flatten() | stages::collect()) == numbers(n));
      }
    }
    const std::vector<std::string_view> words{"ab", "", "c"};
    CHECK((stages::generate(words) | stages::flatten() | stages::collect()) ==
          std::vector<char>{'a', 'b', 'c'});
  });
}

TEST_CASE("a batch that lingers is passed on before it is full, while its source goes on") {
  test::everywhere([](test::strands&) {
    const sluice::channel<number> ch{10};
    auto batches = ch | stages::batch(10, 1ms);
    ch << 1;
    CHECK(batches.get() == std::vector<number>{1});
    ch << 2 << 3;
    ch.close();
    CHECK((std::move(batches) | stages::flatten() | stages::collect()) ==
          std::vector<number>{2, 3});
  });
}

TEST_CASE("merge passes on all items, those of each input in their order") {
  test::everywhere([](test::strands& crowd) {
    for (const number n : sizes) {
      const sluice::channel<number> ch{1};
      crowd.start([ch, n] {
        const sluice::close_on_exit finally{ch};
        for (number i = 0; i < n; ++i) ch << 1000 + i;
      });
      auto twice =
          stages::generate(numbers(n)) | stages::transform([](number i) { return -1 - i; });
      const std::vector<number> all =
          stages::merge(count_to<number>(n), ch, std::move(twice)) | stages::collect();
      std::vector<number> parts[3];
      for (const number i : all) parts[i < 0 ? 0 : i < 1000 ? 1 : 2].push_back(i);
      for (auto& part : parts) CHECK(part.size() == static_cast<std::size_t>(n));
      CHECK(std::ranges::is_sorted(parts[0], std::greater()));
      CHECK(std::ranges::is_sorted(parts[1]));
      CHECK(std::ranges::is_sorted(parts[2]));
    }
    CHECK((stages::merge(std::vector<stages::flow<number>>{}) | stages::collect()).empty());
    crowd.join();
  });
}

TEST_CASE("both flows of a tee get every item") {
  test::everywhere([](test::strands& crowd) {
    for (const number n : sizes) {
      auto [left, right] = count_to<test::counted>(n) | stages::tee();
      crowd.start([from = std::move(left), n]() mutable {
        CHECK(values_of(std::move(from) | stages::collect()) == numbers(n));
      });
      CHECK(values_of(std::move(right) | stages::collect()) == numbers(n));
      crowd.join();
      CHECK(test::counted::alive() == 0);
    }
  });
}

TEST_CASE("for_each calls the function for each item, here or on fibers") {
  test::everywhere([](test::strands&) {
    const auto here = sluice::this_fiber::id();
    for (const number n : sizes) {
      number sum = 0;
      count_to<number>(n) | stages::for_each([&](number i) {
        CHECK(sluice::this_fiber::id() == here);
        sum += i;
      });
      CHECK(sum == n * (n - 1) / 2);
      std::atomic<number> total{0};
      count_to<number>(n) | stages::for_each(3, [&](number i) { total += i; });
      CHECK(total == n * (n - 1) / 2);
    }
  });
}

TEST_CASE("into fills a channel and closes it") {
  test::everywhere([](test::strands& crowd) {
    const sluice::channel<number> ch{1};
    crowd.start([ch] { CHECK((ch | stages::collect()) == numbers(20)); });
    count_to<number>(20) | stages::into(ch);
    CHECK(ch.closed());
    crowd.join();
  });
}

TEST_CASE("items that can only be moved go through all stages but tee") {
  test::everywhere([](test::strands&) {
    for (const stages::stage_options& how : ways) {
      std::vector<test::boxed> own;
      for (number i = 0; i < 50; ++i) own.emplace_back(i);
      auto pass = [](test::boxed one) {
        dawdle(one.value());
        return one;
      };
      const auto all = stages::merge(count_to<test::boxed>(50), stages::generate(std::move(own))) |
                       stages::transform(how, pass) |
                       stages::filter(how, [](const test::boxed& one) { return one.value() > 9; }) |
                       stages::batch(7) | stages::flatten() | stages::collect();
      std::vector<number> expected;
      for (number i = 10; i < 50; ++i) expected.insert(expected.end(), 2, i);
      CHECK(sorted(values_of(all)) == expected);
    }
  });
}

TEST_CASE("stages without a source are one stage, and copies of it can be used again") {
  const auto both = stages::transform(2, [](number i) { return i * i; }) | stages::batch(2);
  const auto whole = both | stages::flatten() | stages::collect();
  CHECK((count_to<number>(4) | whole) == std::vector<number>{0, 1, 4, 9});
  CHECK((stages::generate(numbers(3)) | both | stages::collect()).size() == 2);
}

TEST_CASE("a flow gets as a receiver does, in select too") {
  auto flow = count_to<number>(5);
  CHECK(flow.get() == 0);
  number got = -1;
  sluice::select(sluice::on_get(flow.items(), [&](number i) { got = i; }));
  CHECK(got == 1);
  CHECK((flow >> got));
  CHECK(got == 2);
  CHECK(flow.get_for(1h).value() == 3);
  stages::flow<number> other = std::move(flow);
  CHECK(other.get() == 4);
  CHECK_THROWS_AS(other.get(), sluice::channel_closed);
  CHECK(other.drained());
  CHECK_FALSE(flow.valid());
  other = count_to<number>(1);
  CHECK(other.get_batch(3) == std::vector<number>{0});
}

TEST_CASE("impossible options are refused at the call") {
  constexpr std::size_t absurd = std::size_t{1} << 60;
  const auto same = [](number i) { return i; };
  CHECK_THROWS_AS(stages::transform(0, same), std::invalid_argument);
  CHECK_THROWS_AS(stages::filter(-1, [](number) { return true; }), std::invalid_argument);
  CHECK_THROWS_AS(stages::for_each(0, same), std::invalid_argument);
  CHECK_THROWS_AS(stages::batch(0), std::invalid_argument);
  CHECK_THROWS_AS(stages::filter({.capacity = 0}, same), std::invalid_argument);
  CHECK_THROWS_AS(stages::batch({.workers = 2}, 1), std::invalid_argument);
  CHECK_THROWS_AS(stages::tee({.workers = 2}), std::invalid_argument);
  const auto idle = [](const auto&...) {};
  CHECK_THROWS_AS(static_cast<void>(stages::produce<number>({.workers = 2}, idle)),
                  std::invalid_argument);
  CHECK_THROWS_AS(stages::process<number>({.workers = 2}, idle), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(stages::generate({.workers = 2}, numbers(1))),
                  std::invalid_argument);
  const sluice::channel<number> ch{1};
  // The channel, and then the fibers, cannot be had.
  CHECK_THROWS_AS(static_cast<void>(ch | stages::transform({.capacity = absurd}, same)),
                  std::exception);
  CHECK(ch.closed());  // the pipeline that did not come about has let it go
  for (const int workers : {1, 2}) {
    const sluice::channel<number> other{1};
    CHECK_THROWS_AS(
        static_cast<void>(other | stages::filter([](number) { return true; }) |
                          stages::transform({.workers = workers, .stack_size = absurd}, same)),
        std::length_error);
    CHECK(other.closed());
  }
}

// ---- how much it holds ---------------------------------------------------------------------------

TEST_CASE("one slow item holds up as many as the window has places, and no item more") {
  for (const int workers : {2, 4}) {
    sluice::runtime rt({.workers = 2});
    const test::dumper dump([&](std::ostream& out) { rt.dump(out); });
    rt.run([&] {
      const sluice::channel<int> gate{1};
      std::atomic<number> begun{0};
      const number window = workers + 5;
      auto flow = count_to<test::counted>(1000) |
                  stages::transform({.workers = workers, .capacity = 5}, [&](test::counted one) {
                    ++begun;
                    if (one.value() == 0) gate.get();
                    return one;
                  });
      test::await([&] { return begun >= window; });
      test::await_waiting(rt, "acquire");  // the worker whose turn it is to get an item
      CHECK(begun == window);
      CHECK(flow.empty());
      test::await_waiting(rt, "put");  // the source: its channel is full
      CHECK(test::counted::alive() <= window + 3);
      gate << 1;
      CHECK(values_of(std::move(flow) | stages::collect()) == numbers(1000));
    });
    CHECK(test::counted::alive() == 0);
    CHECK(test::counted::misuses() == 0);
  }
}

TEST_CASE("stages that nobody reads stop the source when they are full") {
  sluice::runtime rt({.workers = 2});
  const test::dumper dump([&](std::ostream& out) { rt.dump(out); });
  rt.run([&] {
    std::atomic<number> made{0};
    const auto flow =
        stages::generate({.capacity = 1}, [&] { return std::optional<number>(made++); }) |
        stages::transform({.workers = 1, .capacity = 4}, [](number i) { return i; }) |
        stages::batch({.capacity = 2}, 3) | stages::flatten({.capacity = 1});
    // flatten: 1 item waits, of the 3 of the batch that it has; batch: 2 batches wait, 1 is in hand;
    // transform: 4 items wait, 1 is in hand; the source: 1 waits, 1 is in hand.
    const number full = 3 + 2 * 3 + 3 + 4 + 1 + 1 + 1;
    // In this order: while there is room, each stage may wait for a moment, and a dump looks at one
    // after the other.
    test::await([&] { return made >= full; });
    test::await_waiting(rt, "put", 4);
    CHECK(made == full);
  });
}

TEST_CASE("the slower reader of a tee holds up the other one") {
  sluice::runtime rt({.workers = 2});
  const test::dumper dump([&](std::ostream& out) { rt.dump(out); });
  rt.run([&] {
    auto [slow, quick] = count_to<number>(100) | stages::tee({.capacity = 3});
    std::atomic<number> got{0};
    auto reading = sluice::go([&got, from = std::move(quick)] {
      for ([[maybe_unused]] const number i : from) ++got;
    });
    test::await([&] { return got == 3; });
    test::await_waiting(rt, "put", 2);  // the source, and the tee for the slow one
    test::await_waiting(rt, "get");
    CHECK(got == 3);
    CHECK((std::move(slow) | stages::collect()) == numbers(100));
    reading.join();
    CHECK(got == 100);
  });
}

TEST_CASE("nothing is left when a pipeline has ended") {
  sluice::runtime rt({.workers = 2});
  rt.run([&] {
    for (const stages::stage_options& how : ways) {
      CHECK((count_to<test::counted>(30) |
             stages::transform(how, [](test::counted i) { return i; }) | stages::batch(4) |
             stages::flatten() | stages::collect())
                .size() == 30);
      test::await([&] { return rt.stats().fibers == 1; });
      CHECK(test::counted::alive() == 0);
    }
  });
}

}  // namespace
