// ring<T> alone: claims, laps, the closed bit, sizes and runs, at every capacity.
#include "sluice/detail/ring/ring.hpp"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "support/items.hpp"
#include "support/watch.hpp"

namespace {

using sluice::detail::claim;
using sluice::detail::ring;
using test::number;

constexpr std::size_t capacities[] = {1, 2, 3, 7, 64, 1000};

template <class T>
claim put(ring<T>& r, number n) {
  typename ring<T>::place near{};
  if (r.claim_put_at_once(near)) {
    r.publish(near, test::make<T>(n));
    return claim::ok;
  }
  std::uint64_t at = 0;
  const claim found = r.claim_put(at);
  if (found == claim::ok) r.publish(at, test::make<T>(n));
  return found;
}

template <class T, class Place>
number take_out(ring<T>& r, Place at) {
  T* item = r.take(at);
  const number n = test::number_of(*item);
  item->~T();
  r.release(at);
  return n;
}

/// The item's number, or -1.
template <class T>
number get(ring<T>& r, claim* found = nullptr) {
  typename ring<T>::place near{};
  const bool at_once = r.claim_get_at_once(near);
  std::uint64_t at = 0;
  const claim how = at_once ? claim::ok : r.claim_get(at);
  if (found != nullptr) *found = how;
  if (how != claim::ok) return -1;
  return at_once ? take_out(r, near) : take_out(r, at);
}

template <class Body>
void at_every_capacity(Body body) {
  for (const std::size_t capacity : capacities) {
    const test::situation now("capacity " + std::to_string(capacity));
    body(capacity);
  }
}

template <class T>
void fill_and_drain(ring<T>& r, number laps) {
  const auto capacity = static_cast<number>(r.capacity());
  for (number lap = 0; lap < laps; ++lap) {
    for (number i = 0; i < capacity; ++i) CHECK(put(r, lap * capacity + i) == claim::ok);
    CHECK(put(r, -7) == claim::none);
    CHECK(r.size() == r.capacity());
    for (number i = 0; i < capacity; ++i) {
      const number n = get(r);
      if constexpr (test::tells_numbers<T>) CHECK(n == lap * capacity + i);
      CHECK(r.size() == r.capacity() - static_cast<std::size_t>(i) - 1);
    }
    claim found = claim::ok;
    CHECK(get(r, &found) == -1);
    CHECK(found == claim::none);
  }
}

}  // namespace

TEST_CASE("a ring holds exactly its capacity, lap after lap") {
  at_every_capacity([](std::size_t capacity) {
    ring<number> r(capacity);
    CHECK(r.capacity() == capacity);
    fill_and_drain(r, 5);
  });
}

TEST_CASE_TEMPLATE("a ring carries items of every sort", T, test::boxed, test::counted,
                   test::aligned<64>, test::aligned<128>, test::page, test::nothing) {
  at_every_capacity([](std::size_t capacity) {
    if (sizeof(T) * capacity > 100'000) return;
    ring<T> r(capacity);
    fill_and_drain(r, 2);
  });
  CHECK(test::counted::alive() == 0);
  CHECK(test::counted::misuses() == 0);
  CHECK(test::aligned<64>::misaligned() == 0);
  CHECK(test::aligned<128>::misaligned() == 0);
}

TEST_CASE("items leave in order wherever the ring is between empty and full") {
  at_every_capacity([](std::size_t capacity) {
    ring<number> r(capacity);
    test::random any = test::random_for("ring order", capacity);
    number in = 0;
    number out = 0;
    for (int i = 0; i < 5000; ++i) {
      if ((any() & 1) != 0) {
        const bool full = in - out == static_cast<number>(capacity);
        CHECK(put(r, in) == (full ? claim::none : claim::ok));
        if (!full) ++in;
      } else {
        CHECK(get(r) == (in == out ? -1 : out));
        if (in != out) ++out;
      }
      CHECK(r.size() == static_cast<std::size_t>(in - out));
    }
  });
}

TEST_CASE("a place that is claimed but not published is busy for getters, and not empty") {
  at_every_capacity([](std::size_t capacity) {
    ring<number> r(capacity);
    std::uint64_t at = 0;
    CHECK(r.claim_put(at) == claim::ok);
    claim found = claim::ok;
    get(r, &found);
    CHECK(found == claim::busy);
    CHECK(r.size() == 1);
    r.close();
    get(r, &found);
    CHECK(found == claim::busy);  // accepted before the close, so not the end
    CHECK(!r.drained());
    r.publish(at, 5);
    CHECK(get(r, &found) == 5);
    get(r, &found);
    CHECK(found == claim::closed);
  });
}

TEST_CASE("a place that is claimed but not released is busy for putters, and not full") {
  at_every_capacity([](std::size_t capacity) {
    ring<number> r(capacity);
    for (std::size_t i = 0; i < capacity; ++i) put(r, 1);
    std::uint64_t at = 0;
    CHECK(r.claim_get(at) == claim::ok);
    CHECK(put(r, 2) == claim::busy);
    CHECK(r.size() == capacity - 1);
    r.release(at);
    CHECK(put(r, 2) == claim::ok);
  });
}

TEST_CASE("after the close no put claims, and what is there is still got") {
  at_every_capacity([](std::size_t capacity) {
    ring<number> r(capacity);
    for (std::size_t i = 0; i < capacity; ++i) put(r, static_cast<number>(i));
    CHECK(!r.closed());
    CHECK(r.close());
    CHECK(!r.close());
    CHECK(r.closed());
    CHECK(!r.drained());
    CHECK(put(r, 9) == claim::closed);  // closed beats full
    for (std::size_t i = 0; i < capacity; ++i) {
      CHECK(!r.drained());
      CHECK(get(r) == static_cast<number>(i));
      CHECK(put(r, 9) == claim::closed);
      CHECK(r.size() == capacity - i - 1);
    }
    CHECK(r.drained());
    claim found = claim::ok;
    get(r, &found);
    CHECK(found == claim::closed);
  });
}

TEST_CASE("a run claims what is free or filled, in one piece, across the end of the slots") {
  at_every_capacity([](std::size_t capacity) {
    ring<number> r(capacity);
    number in = 0;
    number out = 0;
    test::random any = test::random_for("ring runs", capacity);
    for (int turn = 0; turn < 300; ++turn) {
      const std::size_t most = 1 + any() % (capacity + 2);
      ring<number>::place at{};
      std::size_t got = 0;
      const std::size_t room = capacity - static_cast<std::size_t>(in - out);
      // A run ends with a lap.
      const auto up_to_end = [&](number from) {
        return capacity - static_cast<std::size_t>(from) % capacity;
      };
      const claim put_found = r.claim_put_run(at, most, got);
      CHECK(put_found == (room == 0 ? claim::none : claim::ok));
      if (put_found == claim::ok) {
        CHECK(got == std::min({most, room, up_to_end(in)}));
        for (std::size_t i = 0; i < got; ++i) r.publish(at.number(i), number{in++});
      }
      const std::size_t wanted = 1 + any() % (capacity + 2);
      const std::size_t there = static_cast<std::size_t>(in - out);
      const claim get_found = r.claim_get_run(at, wanted, got);
      CHECK(get_found == (there == 0 ? claim::none : claim::ok));
      if (get_found == claim::ok) {
        CHECK(got == std::min({wanted, there, up_to_end(out)}));
        for (std::size_t i = 0; i < got; ++i) {
          CHECK(*r.take(at.number(i)) == out++);
          r.release(at.number(i));
        }
      }
    }
    r.close();
    ring<number>::place at{};
    std::size_t got = 0;
    CHECK(r.claim_put_run(at, 2, got) == claim::closed);
  });
}

TEST_CASE("a run stops before a place that is still being filled") {
  ring<number> r(8);
  std::uint64_t at[3];
  for (std::uint64_t& one : at) CHECK(r.claim_put(one) == claim::ok);
  r.publish(at[0], 0);
  r.publish(at[2], 2);
  ring<number>::place from{};
  std::size_t got = 0;
  CHECK(r.claim_get_run(from, 8, got) == claim::ok);
  CHECK(got == 1);
  r.release(from);
  CHECK(r.claim_get_run(from, 8, got) == claim::busy);
  r.publish(at[1], 1);
  CHECK(r.claim_get_run(from, 8, got) == claim::ok);
  CHECK(got == 2);
}

TEST_CASE("a ring destroys what is left, each item once") {
  at_every_capacity([](std::size_t capacity) {
    {
      ring<test::counted> r(capacity);
      for (std::size_t i = 0; i < capacity; ++i) put(r, 1);
      get(r);
      put(r, 2);  // the slots in use wrap around
      CHECK(test::counted::alive() == static_cast<number>(capacity));
    }
    CHECK(test::counted::alive() == 0);
    CHECK(test::counted::misuses() == 0);
  });
}

TEST_CASE("a capacity that cannot be represented is a length_error, one without memory bad_alloc") {
  constexpr auto most = static_cast<std::size_t>(-1);
  CHECK_THROWS_AS(ring<number>{most}, std::length_error);
  CHECK_THROWS_AS(ring<number>{most / 2}, std::length_error);
  CHECK_THROWS_AS(ring<test::page>{most / 4096}, std::length_error);
  CHECK_THROWS_AS(ring<number>{std::size_t{1} << 52}, std::bad_alloc);
}

TEST_CASE("putters and getters that race lose nothing and keep each putter's order") {
  at_every_capacity([](std::size_t capacity) {
    constexpr number each = 20'000;
    ring<number> r(capacity);
    const auto putter = [&](number base) {
      for (number i = 0; i < each; ++i) {
        while (put(r, base + i) != claim::ok) std::this_thread::yield();
      }
    };
    std::vector<number> seen[2];
    const auto getter = [&](std::vector<number>& out) {
      for (claim found = claim::ok; found != claim::closed;) {
        const number n = get(r, &found);
        if (found == claim::ok) out.push_back(n);
        if (found != claim::ok) std::this_thread::yield();
        if (r.size() > capacity) FAIL_CHECK("more than the capacity");
      }
    };
    std::thread g0(getter, std::ref(seen[0]));
    std::thread g1(getter, std::ref(seen[1]));
    std::thread p0(putter, 0);
    std::thread p1(putter, 1'000'000);
    p0.join();
    p1.join();
    r.close();
    g0.join();
    g1.join();
    CHECK(seen[0].size() + seen[1].size() == 2 * each);
    for (const std::vector<number>& one : seen) {
      number last[2] = {-1, -1};
      for (const number n : one) {
        number& before = last[n / 1'000'000];
        if (n <= before) FAIL_CHECK("order inverted or doubled: " << n << " after " << before);
        before = n;
      }
    }
  });
}
