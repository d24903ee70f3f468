// Facts that the users of channels in other languages rely on: items of all sizes, counts that hold
// while others put and get, the end, several runtimes.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using sluice::channel;
using sluice::rendezvous;
using sluice::status;
using test::counted;
using test::nothing;
using test::number;
using test::shape;
using test::strands;

/// Where more strands only take longer.
bool is_large(const shape& what) { return what.is_bounded() && what.capacity > 7; }

/// 16 KiB that say one number.
class block {
 public:
  explicit block(number n) noexcept { words_.fill(n); }
  [[nodiscard]] number value() const noexcept {
    for (const number word : words_) {
      if (word != words_[0]) return -2;
    }
    return words_[0];
  }

 private:
  std::array<number, 2048> words_;
};

}  // namespace

// ---- items of all sizes --------------------------------------------------------------------------

TEST_CASE("items without content are counted like others") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto ch = what.make<nothing>();
    std::atomic<int> got{0};
    std::atomic<int> putting{3};
    for (int i = 0; i < 3; ++i) {
      crowd.start([&, ch] {
        for (int k = 0; k < 100; ++k) ch << nothing{};
        if (--putting == 0) ch.close();
      });
      crowd.start([&, ch] {
        for ([[maybe_unused]] nothing item : ch) ++got;
      });
    }
    crowd.join();
    CHECK(got == 300);
    CHECK(ch.drained());
  });
}

TEST_CASE("large items arrive whole") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto ch = what.make<block>();
    for (number i = 1; i <= 2; ++i) {
      crowd.start([=] {
        for (int k = 0; k < 20; ++k) ch << block(i);
      });
    }
    number sum = 0;
    for (int k = 0; k < 40; ++k) sum += ch.get().value();
    CHECK(sum == 20 * 1 + 20 * 2);
  });
}

TEST_CASE("what an item owns is handed on, not copied") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const auto ch = what.make<std::string>();
    std::string text(1'000, 'x');
    const char* const letters = text.data();
    crowd.start([=, text = std::move(text)]() mutable { ch << std::move(text); });
    CHECK(ch.get().data() == letters);
  });
}

TEST_CASE("items that are shared are given up by the channel when they are got, or when it goes") {
  for (const shape& what : test::shapes) {
    if (what.is_rendezvous()) continue;
    const auto item = std::make_shared<int>(1);
    {
      const auto ch = what.make<std::shared_ptr<int>>();
      ch << item;
      CHECK(item.use_count() == 2);
      CHECK(ch.get() == item);
      CHECK(item.use_count() == 1);
      ch << item;
      ch.close();
      CHECK(item.use_count() == 2);
    }
    CHECK(item.use_count() == 1);
  }
}

TEST_CASE("an item's destructor may use other channels, also when the last handle goes") {
  struct tells {
    std::optional<channel<int>> whom;
    explicit tells(channel<int> ch) : whom(std::move(ch)) {}
    tells(tells&& other) noexcept : whom(std::exchange(other.whom, std::nullopt)) {}
    ~tells() {
      if (whom) CHECK(whom->try_put(1) == status::ok);
    }
  };
  const channel<int> told;
  for (const shape& what : test::shapes) {
    if (what.is_rendezvous()) continue;
    {
      const auto ch = what.make<tells>();
      for (std::size_t i = 0; i < what.room(10); ++i) ch << tells(told);
      CHECK(told.empty());
    }
    CHECK(told.try_get_batch(2'000).size() == what.room(10));
  }
}

namespace {

/// An item that holds a channel of such items.
struct chained {
  explicit chained(channel<chained> ch) : next(std::make_unique<channel<chained>>(std::move(ch))) {}
  std::unique_ptr<channel<chained>> next;
};

struct request {
  number what;
  sluice::sender<number> answer;
};

}  // namespace

TEST_CASE("an item that holds a channel hands it on: each is got through the one before") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    constexpr int length = 200;
    const auto first = what.make<chained>();
    crowd.start([=] {
      channel<chained> last = first;
      for (int i = 0; i < length; ++i) {
        auto next = what.make<chained>();
        last << chained(next);
        last = std::move(next);
      }
      last.close();
    });
    channel<chained> last = first;
    int got = 0;
    while (auto item = last.get_for(std::chrono::hours(1))) {
      last = std::move(*item->next);
      ++got;
    }
    CHECK(got == length);
  });
}

TEST_CASE("a request brings the sender for its answer, which closes when the server drops it") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto requests = what.make<request>();
    std::atomic<int> asking{2};
    for (int i = 0; i < 2; ++i) {
      crowd.start([=] {
        for (const request& one : requests) {
          if (one.what % 3 != 0) one.answer.put(one.what + 1);
        }
      });
    }
    for (int i = 0; i < 2; ++i) {
      crowd.start([=, &asking] {
        for (number n = 0; n < 60; ++n) {
          auto [tx, rx] = sluice::make_channel<number>(1);
          requests << request{n, std::move(tx)};
          number answer = -1;
          CHECK(static_cast<bool>(rx >> answer) == (n % 3 != 0));
          CHECK(answer == (n % 3 != 0 ? n + 1 : -1));
          CHECK(!(rx >> answer));
        }
        if (--asking == 0) requests.close();
      });
    }
    crowd.join();
    CHECK(requests.drained());
  });
}

TEST_CASE("the sender in an item that nobody gets goes with its channel, and closes its own") {
  for (const shape& what : test::shapes) {
    if (what.is_rendezvous()) continue;
    auto [tx, rx] = sluice::make_channel<number>(1);
    {
      const auto carrier = what.make<sluice::sender<number>>();
      carrier << std::move(tx);
      carrier.close();
      CHECK(!rx.closed());
    }
    CHECK(rx.drained());
    // The receiver likewise.
    auto [to, from] = sluice::make_channel<number>(1);
    {
      const auto carrier = what.make<sluice::receiver<number>>();
      carrier << std::move(from);
      to << 5;
      CHECK(to.try_put(6) == status::full);
    }
    CHECK(to.try_put(6) == status::closed);
  }
}

// ---- counting ------------------------------------------------------------------------------------

TEST_CASE("a bounded channel is a queue at every fill and at every place of its ring") {
  for (const shape& what : test::shapes) {
    if (!what.is_bounded()) continue;
    const test::situation now(what.name());
    const auto ch = what.make<number>();
    number put = 0;
    number got = 0;
    for (std::size_t fill = 1; fill <= std::min<std::size_t>(what.capacity, 70); ++fill) {
      for (std::size_t i = 0; i < fill; ++i) CHECK(ch.try_put(put++) == status::ok);
      CHECK(ch.full() == (fill == what.capacity));
      CHECK(ch.size() == fill);
      for (std::size_t i = 0; i < fill; ++i) CHECK(ch.get() == got++);
      CHECK(ch.empty());
    }
  }
}

TEST_CASE("an unbounded channel takes a hundred thousand items before anybody gets one") {
  constexpr number n = 100'000;
  const channel<number> ch;
  for (number i = 0; i < n; ++i) ch << i;
  CHECK(ch.size() == std::size_t(n));
  number wrong = 0;
  for (number i = 0; i < n; ++i) wrong += ch.get() != i ? 1 : 0;
  CHECK(wrong == 0);
  CHECK(ch.empty());
}

TEST_CASE("whoever looks at the size sees at most the capacity, while others put and get") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    const auto ch = what.make<number>();
    constexpr std::size_t n = 400;
    std::atomic<std::size_t> largest{0};
    crowd.start([=] {
      for (std::size_t i = 0; i < n; ++i) ch << number(i);
      ch.close();
    });
    crowd.start([&, ch] {
      while (!ch.drained()) {
        const std::size_t size = ch.size();
        if (size > largest) largest = size;
        CHECK((!ch.full() || what.can_fill()));
        test::relax();
      }
    });
    crowd.start([=] {
      for ([[maybe_unused]] number item : ch) test::relax();
    });
    crowd.join();
    CHECK(largest <= std::min(what.capacity, n));
  });
}

TEST_CASE(
    "the size of a channel that nobody gets from only grows, and of one that is drained falls") {
  test::everywhere([](strands& crowd) {
    const channel<number> ch{500};
    crowd.start([=] {
      for (int i = 0; i < 500; ++i) ch << 1;
    });
    for (std::size_t last = 0; last < 500;) {
      const std::size_t size = ch.size();
      CHECK(size >= last);
      last = size;
      test::relax();
    }
    crowd.join();
    crowd.start([=] {
      for (int i = 0; i < 500; ++i) ch.get();
    });
    for (std::size_t last = 500; last > 0;) {
      const std::size_t size = ch.size();
      CHECK(size <= last);
      last = size;
      test::relax();
    }
    crowd.join();
  });
}

// ---- the end ---------------------------------------------------------------------------------------

TEST_CASE("the end lasts: every getter sees it, again and again") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const auto ch = what.make<number>();
    ch.close();
    for (int i = 0; i < 3; ++i) {
      crowd.start([=] {
        for (int k = 0; k < 20; ++k) {
          number item = -1;
          CHECK(!(ch >> item));
          CHECK(ch.try_get().status() == status::closed);
          CHECK_THROWS_AS(ch.get(), sluice::channel_closed);
          for ([[maybe_unused]] number one : ch) FAIL_CHECK("an item after the end");
        }
      });
    }
    crowd.join();
  });
}

TEST_CASE("what is left at the close is shared among the getters, each item once, then the end") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (what.is_rendezvous()) return;
    const auto ch = what.make<counted>();
    const std::size_t n = what.room(200);
    for (std::size_t i = 0; i < n; ++i) ch << counted(number(i));
    ch.close();
    std::vector<std::atomic<int>> seen(n);
    for (int i = 0; i < 4; ++i) {
      crowd.start([&, ch] {
        for (number last = -1; const counted& item : ch) {
          CHECK(item.value() > last);
          last = item.value();
          ++seen.at(std::size_t(last));
        }
      });
    }
    crowd.join();
    for (const auto& one : seen) CHECK(one == 1);
    CHECK(counted::alive() == 0);
  });
}

TEST_CASE("a close among many puts cuts each putter's items once: what was accepted is a prefix") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    if (is_large(what)) return;
    constexpr number putters = 3;
    const auto ch = what.make<number>();
    std::array<std::atomic<number>, putters> accepted{};
    for (number i = 0; i < putters; ++i) {
      crowd.start([&, ch, i] {
        try {
          for (number k = 0;; ++k) {
            ch << k * putters + i;
            accepted.at(std::size_t(i)) = k + 1;
            if (what.is_unbounded()) test::relax();
          }
        } catch (const sluice::channel_closed&) {
        }
      });
    }
    std::array<number, putters> next{};
    const auto note = [&](number item) { CHECK(item / putters == next.at(item % putters)++); };
    for (int k = 0; k < 50; ++k) note(ch.get());
    ch.close();
    for (const number item : ch) note(item);
    crowd.join();
    for (std::size_t i = 0; i < putters; ++i) CHECK(next.at(i) == accepted.at(i));
  });
}

// ---- runtimes --------------------------------------------------------------------------------------

TEST_CASE("fibers of two runtimes and a thread pass items round") {
  sluice::runtime one{{.workers = 1}};
  sluice::runtime two{{.workers = 2}};
  for (const shape& what : test::shapes) {
    if (is_large(what)) continue;
    const auto a = what.make<number>();
    const auto b = what.make<number>();
    const auto c = what.make<number>();
    const auto pass_on = [](const channel<number>& from, const channel<number>& to) {
      const sluice::close_on_exit guard{to};
      for (const number n : from) to << n + 1;
    };
    auto first = one.go(pass_on, a, b);
    auto second = two.go(pass_on, b, c);
    for (number i = 0; i < 100; ++i) {
      a << i;
      CHECK(c.get() == i + 2);
    }
    a.close();
    c.join();
    first.join();
    second.join();
  }
}

TEST_CASE("fibers that wait hold up no worker: the one that there is goes on with the others") {
  sluice::runtime rt{{.workers = 1}};
  const channel<number> never{rendezvous};
  const channel<number> full{1};
  full << 0;
  std::vector<sluice::task<void>> waiting;
  for (int i = 0; i < 100; ++i) {
    waiting.push_back(rt.go([=] { CHECK(never.get() == 5); }));
    waiting.push_back(rt.go([=] { full << 7; }));
  }
  test::await(
      [&] { return test::getters_waiting(never) == 100 && test::putters_waiting(full) == 100; });
  CHECK(rt.run([] {
    const channel<int> ch{rendezvous};
    sluice::go([=] { ch << 3; });
    return ch.get();
  }) == 3);
  for (int i = 0; i < 100; ++i) never << 5;
  for (int i = 0; i <= 100; ++i) full.get();
  for (auto& one : waiting) one.join();
}
