// Pipelines of random stages that end by themselves, by an error, by a reader that leaves or by a
// stop, at any moment: none hangs, no item is lost, none is left.
#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "../support/items.hpp"
#include "../support/rest.hpp"
#include "../support/strands.hpp"
#include "sluice/pipeline.hpp"
#include "sluice/sluice.hpp"

namespace {

namespace stages = sluice::pipeline;
using test::counted;
using test::number;
using flow = stages::flow<counted>;

constexpr int rounds = 1200 / test::slowness;
constexpr number no_item = -2;

struct failure : std::runtime_error {
  failure() : std::runtime_error("failure") {}
};

class maker {
 public:
  explicit maker(std::uint64_t which) : random_(test::random_for("pipeline_race", which)) {}

  std::size_t below(std::size_t n) { return random_() % n; }

  /// 0, 1 .. n - 1.
  flow source(number n) {
    if (below(4) == 0) {
      return stages::produce<counted>([n](const auto& out) {
        for (number i = 0; i < n; ++i) out << counted(i);
      });
    }
    return stages::generate([next = number{0}, n]() mutable {
      return next < n ? std::optional<counted>(next++) : std::nullopt;
    });
  }

  /// One more stage, which passes all on but for an error at `bad`. What it calls counts itself in
  /// `inside`.
  flow lengthen(flow from, number bad, std::atomic<int>& inside) {
    const stages::stage_options how{.workers = 1 + static_cast<int>(below(4)),
                                    .order = static_cast<stages::ordering>(below(2)),
                                    .capacity = 1 + below(3)};
    const std::size_t yields = below(3);
    const auto look = [bad, yields, &inside](const counted& item) {
      ++inside;
      sluice::shield([&] {
        for (std::size_t i = 0; i < yields; ++i) sluice::this_fiber::yield();
      });
      --inside;
      if (item.value() == bad) throw failure();
      return true;
    };
    switch (below(6)) {
      case 0:
        return std::move(from) | stages::filter(how, look);
      case 1:
        return std::move(from) | stages::transform(how, [look](counted item) {
                 look(item);
                 return item;
               });
      case 2:
        return std::move(from) | stages::batch(1 + below(5)) | stages::flatten();
      case 3:
        return stages::merge(std::move(from), source(0));
      case 4:
        return std::move(from) | stages::process<counted>([look](const auto& in, const auto& out) {
                 for (counted& item : in) {
                   look(item);
                   out << std::move(item);
                 }
               });
      default:
        return (std::move(from) | stages::tee()).first;
    }
  }

  flow whole(number n, number bad, std::atomic<int>& inside) {
    flow all = source(n);
    for (std::size_t i = 1 + below(5); i > 0; --i) {
      all = lengthen(std::move(all), below(2) == 0 ? bad : no_item, inside);
    }
    return all;
  }

 private:
  test::random random_;
};

TEST_CASE("pipelines that end in any way at any moment leave nothing behind") {
  test::everywhere([](test::strands& crowd) {
    for (std::uint64_t strand = 0; strand < 3; ++strand) {
      crowd.start([strand] {
        maker make(strand);
        for (int round = 0; round < rounds; ++round) {
          std::atomic<int> inside{0};
          const auto n = static_cast<number>(make.below(40));
          const number bad = make.below(2) == 0 ? static_cast<number>(make.below(40)) : no_item;
          const std::size_t taken = make.below(2) == 0 ? 1000 : make.below(20);
          std::size_t got = 0;
          try {
            const flow all = make.whole(n, bad, inside);
            counted item(0);
            while (got < taken && all >> item) ++got;
            if (got < taken) CHECK(got == static_cast<std::size_t>(n));
          } catch (const failure&) {
            CHECK(bad < n);
          }
          CHECK(inside == 0);
          test::progress();
        }
      });
    }
    crowd.join();
    CHECK(counted::alive() == 0);
    CHECK(counted::misuses() == 0);
  });
}

TEST_CASE("pipelines whose reader is stopped at any moment leave nothing behind") {
  for (const int workers : {1, 2, 4}) {
    sluice::runtime rt({.workers = workers});
    const test::dumper dump([&](std::ostream& out) { rt.dump(out); });
    rt.run([&] {
      maker make(100 + static_cast<std::uint64_t>(workers));
      for (int round = 0; round < rounds; ++round) {
        std::atomic<int> inside{0};
        const sluice::channel<counted> to{100};
        auto reading = sluice::go([&] {
          flow all = make.whole(number{1} << 60, no_item, inside);
          std::move(all) | stages::into(to);
        });
        auto moment = test::random_for("moment", static_cast<std::uint64_t>(round));
        for (std::size_t i = moment() % 50; i > 0; --i) sluice::this_fiber::yield();
        reading.request_stop();
        CHECK_THROWS_AS(reading.join(), sluice::cancelled);
        CHECK(inside == 0);
        test::check_nobody_waits(to);
        test::progress();
      }
      test::await([&] { return rt.stats().fibers == 1; });
    });
    CHECK(counted::alive() == 0);
    CHECK(counted::misuses() == 0);
  }
}

}  // namespace
