// The window between the claim of a place and its publish: a strand that stands still in it, because
// the move of its item takes long, holds up as few others as possible, and loses no wake-up.
//
// An item that stalls keeps its strand in the window until the test lets it go on. Moves are the
// only user code that runs in there, so this is also the test that no lock is held meanwhile.
#include <doctest/doctest.h>

#include <chrono>
#include <optional>

#include "sluice/channel.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::status;
using test::number;
using test::strands;

/// Where stalling moves stand.
struct gate {
  std::atomic<int> inside{0};
  std::atomic<bool> open{false};
};

/// Its n-th move, counted from 1, stands at the gate until that opens.
class staller {
 public:
  explicit staller(number n) noexcept : value_(n) {}
  staller(number n, gate& at, int which) noexcept : value_(n), at_(&at), moves_left_(which) {}
  staller(staller&& other) noexcept
      : value_(other.value_), at_(other.at_), moves_left_(other.moves_left_ - 1) {
    if (at_ == nullptr || moves_left_ != 0) return;
    ++at_->inside;
    test::await([this] { return at_->open.load(); });
  }
  staller& operator=(staller&& other) noexcept {
    value_ = other.value_;
    return *this;
  }
  ~staller() = default;
  [[nodiscard]] number value() const noexcept { return value_; }

 private:
  number value_;
  gate* at_ = nullptr;
  int moves_left_ = 0;
};

}  // namespace

TEST_CASE("a get that was held up by a slow put makes room for a putter that waits") {
  test::everywhere([](strands& crowd) {
    const channel<staller> ch(2);
    gate slow;
    crowd.start([=] { CHECK(ch.get().value() == 1); });
    test::await([&] { return test::getters_waiting(ch) == 1; });
    crowd.start([=, &slow] { ch.put(staller(1, slow, 1)); });
    test::await([&] { return slow.inside == 1; });
    ch.put(staller(2));  // behind the slow one: the getter must go on waiting
    CHECK(test::getters_waiting(ch) == 1);
    crowd.start([=] { ch.put(staller(3)); });
    test::await([&] { return test::putters_waiting(ch) == 1; });
    slow.open = true;  // the slow put serves the getter, whose place goes to the putter
    crowd.join();
    CHECK(ch.size() == 2);
    CHECK(ch.get().value() == 2);
    CHECK(ch.get().value() == 3);
  });
}

TEST_CASE("a put that was held up by a slow get brings an item to a getter that waits") {
  test::everywhere([](strands& crowd) {
    const channel<staller> ch(2);
    gate slow;
    ch.put(staller(1, slow, 2));
    ch.put(staller(2));
    crowd.start([=] { ch.put(staller(3)); });
    test::await([&] { return test::putters_waiting(ch) == 1; });
    crowd.start([=] { CHECK(ch.get().value() == 1); });
    test::await([&] { return slow.inside == 1; });
    CHECK(ch.get().value() == 2);  // in front of the slow one: the putter must go on waiting
    CHECK(test::putters_waiting(ch) == 1);
    crowd.start([=] { CHECK(ch.get().value() == 3); });
    test::await([&] { return test::getters_waiting(ch) == 1; });
    slow.open = true;  // the slow get serves the putter, whose item goes to the getter
    crowd.join();
    CHECK(ch.empty());
  });
}

TEST_CASE("an item on its way in when the channel closes is still delivered, then comes the end") {
  for (const bool bounded : {true, false}) {
    strands crowd({test::flavour::threads, 0});
    const channel<staller> ch = bounded ? channel<staller>(2) : channel<staller>();
    gate slow;
    std::atomic<bool> joined{false};
    crowd.start([=, &joined] {
      ch.join();
      joined = true;
    });
    test::await([&] { return test::joiners_waiting(ch) == 1; });
    crowd.start([=, &slow] { ch.put(staller(1, slow, 1)); });
    test::await([&] { return slow.inside == 1; });
    CHECK(ch.close());
    CHECK(!ch.drained());
    CHECK(ch.size() == 1);
    CHECK(!joined);
    staller item(2);
    CHECK(ch.try_put(std::move(item)) == status::closed);
    crowd.start([=] {
      CHECK(ch.get().value() == 1);
      CHECK_THROWS_AS(ch.get(), sluice::channel_closed);
    });
    slow.open = true;
    crowd.join();
    CHECK(joined);
  }
}

TEST_CASE("no lock is held while an item moves") {
  for (const test::shape& what : test::shapes) {
    const test::situation now(what.name());
    if (what.capacity == 1000) continue;
    strands crowd({test::flavour::threads, 0});
    const channel<staller> ch = what.make<staller>();
    gate slow;
    // A getter waits, so the slow item is handed to it by its putter.
    crowd.start([=] { CHECK(ch.get().value() == 1); });
    test::await([&] { return test::getters_waiting(ch) == 1; });
    crowd.start([=, &slow] { ch.put(staller(1, slow, what.is_rendezvous() ? 1 : 2)); });
    test::await([&] { return slow.inside == 1; });
    // All of this would hang if the lock were held.
    CHECK(test::getters_waiting(ch) == 0);
    CHECK(!ch.closed());
    CHECK(ch.get_for(0s).status() == status::timed_out);
    CHECK(ch.join_for(0s) == false);
    CHECK(ch.close());
    CHECK(ch.get_for(1h).status() == status::closed);
    slow.open = true;
    crowd.join();
    CHECK(ch.drained());
  }
}

TEST_CASE("the item of a putter that waits moves outside the lock too") {
  for (const test::shape& what : test::shapes) {
    const test::situation now(what.name());
    if (!what.can_fill() || what.capacity > 7) continue;
    strands crowd({test::flavour::threads, 0});
    const channel<staller> ch = what.make<staller>();
    gate slow;
    for (std::size_t i = 0; i < what.capacity; ++i) ch.put(staller(0));
    crowd.start([=, &slow] { ch.put(staller(1, slow, 1)); });
    test::await([&] { return test::putters_waiting(ch) == 1; });
    crowd.start([=] { CHECK(ch.get().value() == (ch.capacity() == 0 ? 1 : 0)); });
    test::await([&] { return slow.inside == 1; });
    CHECK(test::putters_waiting(ch) == 0);
    CHECK(ch.put_for(staller(2), 0s) == status::timed_out);
    CHECK(ch.close());
    slow.open = true;
    crowd.join();
    for (std::size_t i = 1; i < what.capacity; ++i) CHECK(ch.get().value() == 0);
    if (what.capacity > 0) CHECK(ch.get().value() == 1);
    CHECK(ch.drained());
  }
}
