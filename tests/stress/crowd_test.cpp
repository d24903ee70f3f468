// Many putters and many getters on one channel, without anything that would slow them down.
#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "../support/items.hpp"
#include "../support/rest.hpp"
#include "../support/shapes.hpp"
#include "../support/strands.hpp"
#include "sluice/channel.hpp"

namespace {

using sluice::channel;
using test::number;
using test::shape;
using test::strands;

constexpr number most_putters = 8;
constexpr number block = 1'000'000;  // the numbers of one putter

/// What one getter saw: that each putter's items came in their order.
class witness {
 public:
  void see(number n) {
    number& last = last_[static_cast<std::size_t>(n / block)];
    if (n <= last) ++inversions_;
    last = n;
    ++count_;
    sum_ += n;
  }
  [[nodiscard]] number count() const { return count_; }
  [[nodiscard]] number sum() const { return sum_; }
  [[nodiscard]] number inversions() const { return inversions_; }

 private:
  std::array<number, most_putters> last_ = [] {
    std::array<number, most_putters> none{};
    none.fill(-1);
    return none;
  }();
  number count_ = 0;
  number sum_ = 0;
  number inversions_ = 0;
};

struct crowd_size {
  number putters;
  std::size_t getters;
};

/// `puts(channel, putter)` and `gets(channel, witness)` are what the strands do.
template <class T, class Puts, class Gets>
void move_all(strands& crowd, const channel<T>& ch, crowd_size size, number each, Puts puts,
              Gets gets) {
  std::vector<witness> seen(size.getters);
  std::atomic<number> putting{size.putters};
  for (number p = 0; p < size.putters; ++p) {
    crowd.start([=, &putting] {
      puts(ch, p * block, each);
      if (--putting == 0) ch.close();
    });
  }
  for (witness& one : seen) {
    crowd.start([=, &one] { gets(ch, one); });
  }
  crowd.join();
  number count = 0;
  number sum = 0;
  for (const witness& one : seen) {
    CHECK(one.inversions() == 0);
    count += one.count();
    sum += one.sum();
  }
  number expected = 0;
  for (number p = 0; p < size.putters; ++p) expected += each * (p * block) + each * (each - 1) / 2;
  CHECK(count == size.putters * each);
  CHECK(sum == expected);
  CHECK(ch.drained());
  test::check_at_rest(ch);
  test::progress();
}

constexpr crowd_size sizes[] = {{1, 1}, {1, 4}, {4, 1}, {4, 4}, {8, 8}};

}  // namespace

TEST_CASE("many putters and getters: every item once, each putter's in order") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    for (const crowd_size& size : sizes) {
      const number each = (what.is_rendezvous() ? 1200 : 6000) / size.putters / test::slowness;
      move_all(
          crowd, what.make<number>(), size, each,
          [](const channel<number>& ch, number first, number n) {
            for (number i = 0; i < n; ++i) ch << first + i;
          },
          [](const channel<number>& ch, witness& seen) {
            for (const number item : ch) seen.see(item);
          });
    }
  });
}

TEST_CASE("many putters and getters of counted items: none lives longer, none dies twice") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    move_all(
        crowd, what.make<test::counted>(), {4, 4}, 1000 / test::slowness,
        [](const channel<test::counted>& ch, number first, number n) {
          for (number i = 0; i < n; ++i) ch << test::counted(first + i);
        },
        [](const channel<test::counted>& ch, witness& seen) {
          for (const test::counted& item : ch) seen.see(item.value());
        });
    CHECK(test::counted::alive() == 0);
  });
  CHECK(test::counted::misuses() == 0);
}

TEST_CASE("many putters and getters of pages: none is torn") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (what.capacity == 1000) return;
    move_all(
        crowd, what.make<test::page>(), {3, 3}, 300 / test::slowness,
        [](const channel<test::page>& ch, number first, number n) {
          for (number i = 0; i < n; ++i) ch << test::page(first + i);
        },
        [](const channel<test::page>& ch, witness& seen) {
          for (const test::page& item : ch) seen.see(item.value());
        });
  });
}

TEST_CASE("many putters and getters of batches: every item once, each putter's in order") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    for (const crowd_size& size : sizes) {
      const number each = (what.is_rendezvous() ? 800 : 4000) / size.putters / test::slowness;
      move_all(
          crowd, what.make<number>(), size, each,
          [](const channel<number>& ch, number first, number n) {
            test::random any = test::random_for("batches", static_cast<std::uint64_t>(first));
            for (number i = 0; i < n;) {
              std::vector<number> batch;
              const auto most = static_cast<number>(1 + any() % 100);
              for (; i < n && static_cast<number>(batch.size()) < most; ++i) {
                batch.push_back(first + i);
              }
              CHECK(ch.put_batch(batch) == batch.size());
            }
          },
          [](const channel<number>& ch, witness& seen) {
            for (std::size_t i = 1;; i = i % 100 + 1) {
              const std::vector<number> batch = ch.get_batch(i);
              if (batch.empty()) break;
              CHECK(batch.size() <= i);
              for (const number item : batch) seen.see(item);
            }
          });
    }
  });
}

TEST_CASE("many strands that only try: every item once, each putter's in order") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (what.is_rendezvous()) return;  // two tries never meet
    move_all(
        crowd, what.make<number>(), {3, 3}, 60,
        [](const channel<number>& ch, number first, number n) {
          for (number i = 0; i < n;) {
            if (ch.try_put(first + i) == sluice::status::ok) {
              ++i;
            } else {
              test::relax();
            }
          }
        },
        [](const channel<number>& ch, witness& seen) {
          for (;;) {
            const sluice::result<number> item = ch.try_get();
            if (item.status() == sluice::status::closed) break;
            item ? seen.see(*item) : test::relax();
          }
        });
  });
}

TEST_CASE("many try_gets beside waiting putters, and try_puts beside waiting getters") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const number each = 600 / test::slowness;
    move_all(
        crowd, what.make<number>(), {3, 2}, each,
        [](const channel<number>& ch, number first, number n) {
          for (number i = 0; i < n; ++i) ch << first + i;
        },
        [](const channel<number>& ch, witness& seen) {
          for (;;) {
            const sluice::result<number> item = ch.try_get();
            if (item.status() == sluice::status::closed) break;
            item ? seen.see(*item) : test::relax();
          }
        });
    move_all(
        crowd, what.make<number>(), {3, 2}, each,
        [](const channel<number>& ch, number first, number n) {
          for (number i = 0; i < n;) {
            if (ch.try_put(first + i) == sluice::status::ok) {
              ++i;
            } else {
              test::relax();
            }
          }
        },
        [](const channel<number>& ch, witness& seen) {
          for (const number item : ch) seen.see(item);
        });
  });
}
