// What channels tell of the items that go through them, and who is called after many.
#include "sluice/detail/base/progress.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "sluice/channel.hpp"
#include "sluice/detail/base/short_lock.hpp"

namespace {

using sluice::channel;
using sluice::detail::count_moved;
using sluice::detail::count_progress_in;
using sluice::detail::progress;

/// This thread counts here while it lives.
class counted_here {
 public:
  counted_here() { count_progress_in(&all_); }
  counted_here(const counted_here&) = delete;
  counted_here& operator=(const counted_here&) = delete;
  ~counted_here() { count_progress_in(nullptr); }

  [[nodiscard]] std::uint64_t moved() const {
    // order: relaxed, the thread's own
    return all_.moved.load(sluice::detail::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t lost() const noexcept {
    // order: relaxed, a count
    return all_.lost.load(sluice::detail::memory_order_relaxed);
  }
  progress all_;
};

void pass(const channel<int>& ch, int items) {
  for (int i = 0; i < items; ++i) {
    ch.put(i);
    CHECK(ch.get() == i);
  }
}

int calls = 0;

}  // namespace

TEST_CASE("a ring of some size tells of each lap, a small one of several at once") {
  const counted_here mine;
  struct ring_of {
    int capacity, told;
  };
  for (const auto [capacity, told] :
       {ring_of{1, 32}, ring_of{5, 40}, ring_of{31, 31}, ring_of{32, 32}, ring_of{100, 100}}) {
    CAPTURE(capacity);
    const std::uint64_t before = mine.moved();
    const channel<int> ch(static_cast<std::size_t>(capacity));
    pass(ch, told - 1);
    CHECK(mine.moved() == before);
    for (int times = 1; times <= 3; ++times) {
      pass(ch, told);
      CHECK(mine.moved() == before + static_cast<std::uint64_t>(times * told));
    }
  }
}

TEST_CASE("a batch that goes over the end of a ring tells of the lap too") {
  const counted_here mine;
  const channel<int> ch(40);
  for (std::uint64_t lap = 1; lap <= 5; ++lap) {
    std::vector<int> some(40, 7);
    CHECK(ch.put_batch(some) == 40);
    for (int i = 0; i < 40; ++i) ch.get();
    CHECK(mine.moved() == lap * 40);
  }
}

TEST_CASE("an unbounded channel tells of each segment, when it is filled and when it is emptied") {
  const counted_here mine;
  const channel<int> ch(sluice::unbounded);
  pass(ch, 6300);
  CHECK(mine.moved() <= 2 * 6300);
  CHECK(mine.moved() >= 2 * 6300 - 2 * 63);
}

TEST_CASE("a rendezvous tells of each sixteenth meeting") {
  const channel<int> ch(sluice::rendezvous);
  std::uint64_t by_getter = 0;
  std::thread getter([&] {
    const counted_here its;
    for (int i = 0; i < 64; ++i) ch.get();
    by_getter = its.moved();
  });
  const counted_here mine;
  for (int i = 0; i < 64; ++i) ch.put(i);
  getter.join();
  CHECK(mine.moved() + by_getter == 64);
}

TEST_CASE("after many items somebody is called, and again after as many") {
  counted_here mine;
  mine.all_.call = []() noexcept { ++calls; };
  count_moved(progress::items_between_calls - 1);
  CHECK(calls == 0);
  count_moved(1);
  CHECK(calls == 1);
  count_moved(progress::items_between_calls - 1);
  CHECK(calls == 1);
  count_moved(500);
  CHECK(calls == 2);
  count_moved(progress::items_between_calls - 1);  // from then on, not from where it was due
  CHECK(calls == 2);
  count_moved(1);
  CHECK(calls == 3);
}

TEST_CASE("who finds the lock of an object held has lost a race, and nobody else") {
  const counted_here mine;
  sluice::detail::object_lock lock;
  CHECK(lock.try_lock());
  CHECK_FALSE(lock.is_free());
  CHECK_FALSE(lock.try_lock());
  lock.unlock();
  CHECK(lock.is_free());
  lock.lock();
  CHECK(mine.lost() == 0);

  std::atomic<const counted_here*> other{nullptr};
  std::uint64_t losses = 0;
  std::thread waiter([&] {
    const counted_here its;
    other = &its;
    lock.lock();
    losses = its.lost();
    lock.unlock();
  });
  while (other == nullptr || other.load()->lost() == 0) std::this_thread::yield();
  lock.unlock();
  waiter.join();
  CHECK(losses == 1);
  CHECK(lock.is_free());
}

TEST_CASE("a thread that counts nowhere may move what it likes") {
  count_moved(3 * progress::items_between_calls);
  pass(channel<int>(64), 64);
}
