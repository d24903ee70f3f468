// segments<T> alone: order, the closed bit, recycling, and what happens without memory.
#include "sluice/detail/ring/segments.hpp"

#include <doctest/doctest.h>

#include <array>
#include <thread>
#include <vector>

#include "support/allocations.hpp"
#include "support/items.hpp"
#include "support/watch.hpp"

namespace {

using sluice::detail::claim;
using sluice::detail::segments;
using test::number;

/// More slots than one segment has, by far.
constexpr number many = 1000;
/// The slots of one segment. The tests below need to know where a segment ends.
constexpr number slots = 63;

template <class T>
claim put(segments<T>& q, number n) {
  typename segments<T>::place near{};
  if (q.claim_put_at_once(near)) {
    q.publish(near, test::make<T>(n));
    return claim::ok;
  }
  typename segments<T>::position at;
  const claim found = q.claim_put(at);
  if (found == claim::ok) q.publish(at, test::make<T>(n));
  return found;
}

template <class T, class Place>
void finish_get(segments<T>& q, Place at) {
  q.take(at)->~T();
  q.release(at);
}

template <class T, class Place>
number take_out(segments<T>& q, Place at) {
  const number n = test::number_of(*q.take(at));
  finish_get(q, at);
  return n;
}

/// The item's number, or -1.
template <class T>
number get(segments<T>& q, claim* found = nullptr) {
  typename segments<T>::place near{};
  const bool at_once = q.claim_get_at_once(near);
  typename segments<T>::position at;
  const claim how = at_once ? claim::ok : q.claim_get(at);
  if (found != nullptr) *found = how;
  if (how != claim::ok) return -1;
  return at_once ? take_out(q, near) : take_out(q, at);
}

}  // namespace

TEST_CASE_TEMPLATE("items of every sort leave in the order in which they came", T, number,
                   test::boxed, test::counted, test::aligned<64>, test::aligned<128>, test::page,
                   test::nothing) {
  {
    segments<T> q;
    for (int round = 0; round < 3; ++round) {
      for (number i = 0; i < many; ++i) {
        CHECK(put(q, i) == claim::ok);
        CHECK(q.size() == static_cast<std::size_t>(i + 1));
      }
      for (number i = 0; i < many; ++i) {
        const number n = get(q);
        if constexpr (test::tells_numbers<T>) CHECK(n == i);
        CHECK(q.size() == static_cast<std::size_t>(many - i - 1));
      }
      claim found = claim::ok;
      get(q, &found);
      CHECK(found == claim::none);
    }
  }
  CHECK(test::counted::alive() == 0);
  CHECK(test::counted::misuses() == 0);
  CHECK(test::aligned<64>::misaligned() == 0);
  CHECK(test::aligned<128>::misaligned() == 0);
}

TEST_CASE("size is right wherever the queue stands in its segments") {
  for (number offset = 0; offset < 2 * slots + 2; ++offset) {
    segments<number> q;
    for (number i = 0; i < offset; ++i) {
      put(q, i);
      get(q);
    }
    CHECK(q.size() == 0);
    for (number i = 0; i < 2 * slots; ++i) {
      put(q, i);
      CHECK(q.size() == static_cast<std::size_t>(i + 1));
    }
  }
}

TEST_CASE("what is got at once has an item behind it, and is in no last slot") {
  for (number offset = 0; offset < slots + 2; ++offset) {
    for (const bool close : {false, true}) {
      segments<number> q;
      for (number i = 0; i < offset; ++i) {
        put(q, i);
        get(q);
      }
      for (number i = 0; i < many; ++i) put(q, i);
      if (close) q.close();
      for (number i = 0; i < many; ++i) {
        const bool last = (offset + i) % slots == slots - 1 || i == many - 1;
        segments<number>::place near{};
        const bool at_once = q.claim_get_at_once(near);
        CHECK((!at_once || !last));
        CHECK((at_once || last || i == 0 || (offset + i) % slots == 0));
        if (at_once) finish_get(q, near);
        if (!at_once) CHECK(get(q) == i);
      }
      CHECK(q.drained() == close);
    }
  }
}

TEST_CASE("after the close no put claims, and what is there is still got, at every offset") {
  for (number offset = 0; offset < 2 * slots + 2; ++offset) {
    segments<number> q;
    for (number i = 0; i < offset; ++i) {
      put(q, i);
      get(q);
    }
    put(q, 1);
    put(q, 2);
    CHECK(!q.closed());
    CHECK(q.close());
    CHECK(!q.close());
    CHECK(q.closed());
    CHECK(put(q, 3) == claim::closed);
    CHECK(!q.drained());
    CHECK(q.size() == 2);
    CHECK(get(q) == 1);
    CHECK(!q.drained());
    CHECK(get(q) == 2);
    CHECK(q.drained());
    claim found = claim::ok;
    get(q, &found);
    CHECK(found == claim::closed);
    CHECK(q.drained());
  }
}

TEST_CASE("a getter may claim an item on its way, and gets it when it is there") {
  segments<number> q;
  segments<number>::position in;
  segments<number>::position out;
  CHECK(q.claim_put(in) == claim::ok);
  CHECK(q.size() == 1);
  q.close();
  CHECK(!q.drained());
  CHECK(q.claim_get(out) == claim::ok);
  std::thread late([&] { q.publish(in, 5); });
  CHECK(*q.take(out) == 5);
  q.release(out);
  late.join();
  CHECK(q.drained());
}

TEST_CASE("memory follows the backlog and returns after it" * doctest::skip(!test::counts_memory)) {
  segments<test::counted> q;
  const std::int64_t before = test::blocks;
  for (number i = 0; i < 100 * slots; ++i) put(q, i);
  CHECK(test::blocks - before >= 100);
  CHECK(test::blocks - before <= 101);
  for (number i = 0; i < 100 * slots; ++i) get(q);
  CHECK(test::blocks - before <= 1);  // the spare
  CHECK(test::counted::alive() == 0);
}

TEST_CASE("a steady queue recycles its segments and asks for no memory" *
          doctest::skip(!test::counts_memory)) {
  segments<number> q;
  for (number i = 0; i < 3 * slots; ++i) {
    put(q, i);
    get(q);
  }
  const std::int64_t before = test::allocations;
  for (number i = 0; i < 100 * slots; ++i) {
    put(q, i);
    get(q);
  }
  CHECK(test::allocations == before);
}

TEST_CASE("a queue destroys what is left, each item once, and gives its memory back") {
  const std::int64_t before = test::blocks;
  for (number left = 0; left < 3 * slots; ++left) {
    {
      segments<test::counted> q;
      for (number i = 0; i < left; ++i) put(q, i);
      for (number i = 0; i < left / 3; ++i) get(q);
    }
    CHECK(test::counted::alive() == 0);
  }
  CHECK(test::counted::misuses() == 0);
  CHECK(test::blocks == before);
}

TEST_CASE("a queue with an operation that never ends, as in a forked child, can be destroyed") {
  const std::int64_t before = test::blocks;
  for (const number many_before : {0, 1, 61, 62, 63, 64, 130}) {
    segments<test::counted> q;
    for (number i = 0; i < many_before; ++i) put(q, i);
    segments<test::counted>::position claimed;
    CHECK(q.claim_put(claimed) == claim::ok);
    put(q, many_before);
    if (many_before > 0) get(q);
  }
  CHECK(test::counted::alive() == 0);
  CHECK(test::counted::misuses() == 0);
  CHECK(test::blocks == before);
}

TEST_CASE("a put that finds no memory has changed nothing, and the next one works" *
          doctest::skip(!test::counts_memory)) {
  for (number there = 0; there < 2 * slots; ++there) {
    segments<number> q;
    for (number i = 0; i < there; ++i) put(q, i);
    bool refused = false;
    {
      const test::memory_ends_after nothing_left(0);
      segments<number>::position at;
      try {
        if (q.claim_put(at) == claim::ok) q.publish(at, number{there});
      } catch (const std::bad_alloc&) {
        refused = true;
      }
    }
    CHECK(refused == (there % slots == slots - 1));
    CHECK(q.size() == static_cast<std::size_t>(refused ? there : there + 1));
    if (refused) CHECK(put(q, there) == claim::ok);
    for (number i = 0; i <= there; ++i) CHECK(get(q) == i);
  }
}

TEST_CASE("a queue that finds no memory at the start leaks none" *
          doctest::skip(!test::counts_memory)) {
  const std::int64_t before = test::blocks;
  bool refused = false;
  {
    const test::memory_ends_after nothing_left(0);
    try {
      const segments<number> q;
    } catch (const std::bad_alloc&) {
      refused = true;
    }
  }
  CHECK(refused);
  CHECK(test::blocks == before);
}

TEST_CASE("a segment that a slow getter has left is recycled when the queue is found empty" *
          doctest::skip(!test::counts_memory)) {
  const std::int64_t before = test::blocks;
  for (number slow = 0; slow < slots; ++slow) {
    segments<number> q;
    for (number i = 0; i < slots; ++i) put(q, i);
    std::array<segments<number>::position, slots> at;
    for (auto& one : at) CHECK(q.claim_get(one) == claim::ok);
    for (number i = slots; i-- > 0;) {
      if (i != slow) finish_get(q, at[static_cast<std::size_t>(i)]);
    }
    CHECK(get(q) == -1);
    CHECK(test::blocks - before == 2);
    finish_get(q, at[static_cast<std::size_t>(slow)]);
    CHECK(get(q) == -1);
    // The segment is the spare now: the next one needs no memory.
    const std::int64_t asked = test::allocations;
    for (number i = 0; i < slots; ++i) put(q, i);
    CHECK(test::allocations == asked);
  }
  CHECK(test::blocks == before);
}

TEST_CASE("segments that a slow getter has left are recycled with the next one" *
          doctest::skip(!test::counts_memory)) {
  const std::int64_t before = test::blocks;
  {
    segments<number> q;
    segments<number>::position slow[3];
    for (auto& one : slow) {  // a getter inside each of three segments
      for (number i = 0; i < slots; ++i) put(q, i);
      CHECK(q.claim_get(one) == claim::ok);
      for (number i = 1; i < slots; ++i) get(q);
    }
    CHECK(test::blocks - before == 4);
    finish_get(q, slow[0]);
    finish_get(q, slow[2]);
    for (number i = 0; i < slots; ++i) {
      put(q, i);
      get(q);
    }
    CHECK(test::blocks - before == 3);  // the current one, the spare, and the second of the three
    finish_get(q, slow[1]);
  }
  CHECK(test::blocks == before);
}

TEST_CASE("a segment whose last item came late is recycled like the others") {
  const std::int64_t before = test::blocks;
  for (number late = 0; late < slots; ++late) {
    segments<number> q;
    std::array<segments<number>::position, slots> in;
    std::array<segments<number>::position, slots> out;
    for (auto& one : in) CHECK(q.claim_put(one) == claim::ok);
    for (auto& one : out) CHECK(q.claim_get(one) == claim::ok);
    for (std::size_t i = 0; i < slots; ++i) {
      if (static_cast<number>(i) != late) q.publish(in[i], 1);
    }
    for (std::size_t i = 0; i < slots; ++i) {
      if (static_cast<number>(i) != late) finish_get(q, out[i]);
    }
    q.publish(in[static_cast<std::size_t>(late)], 1);
    finish_get(q, out[static_cast<std::size_t>(late)]);
  }
  CHECK(test::blocks == before);
}

TEST_CASE("putters and getters that race lose nothing, keep each putter's order and leak nothing") {
  const std::int64_t before = test::blocks;
  constexpr number each = 50'000;
  {
    segments<number> q;
    const auto putter = [&](number base) {
      for (number i = 0; i < each; ++i) put(q, base + i);
    };
    std::vector<number> seen[2];
    const auto getter = [&](std::vector<number>& out) {
      for (claim found = claim::ok; found != claim::closed;) {
        const number n = get(q, &found);
        if (found == claim::ok) out.push_back(n);
        if (found == claim::none) std::this_thread::yield();
      }
    };
    std::thread g0(getter, std::ref(seen[0]));
    std::thread g1(getter, std::ref(seen[1]));
    std::thread p0(putter, 0);
    std::thread p1(putter, 1'000'000);
    p0.join();
    p1.join();
    q.close();
    g0.join();
    g1.join();
    CHECK(seen[0].size() + seen[1].size() == 2 * each);
    for (const std::vector<number>& one : seen) {
      number last[2] = {-1, -1};
      for (const number n : one) {
        number& last_of_putter = last[n / 1'000'000];
        if (n <= last_of_putter) FAIL_CHECK("order inverted or doubled: " << n);
        last_of_putter = n;
      }
    }
  }
  CHECK(test::blocks == before);
}
