// Channels as objects: how they are made, named, compared and moved from, and what misuse says.
#include "sluice/channel.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "support/allocations.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::status;

/// Calls f and gives back what the error that it throws says.
template <class Error, class F>
std::string message(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  FAIL_CHECK("nothing was thrown");
  return {};
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

/// Runs f in a forked child, where it returns how many of its checks failed.
template <class F>
int failures_in_child(F f) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(f());
  int how = -1;
  REQUIRE(::waitpid(child, &how, 0) == child);
  return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

template <class F>
bool throws_logic_error(F f) {
  try {
    f();
  } catch (const std::logic_error& error) {
    return contains(error.what(), "fork");
  } catch (...) {
  }
  return false;
}

}  // namespace

TEST_CASE("each constructor makes its kind of channel") {
  CHECK(channel<int>().capacity() == channel<int>::no_limit);
  CHECK(channel<int>(sluice::unbounded).capacity() == channel<int>::no_limit);
  CHECK(channel<int>::no_limit == std::numeric_limits<std::size_t>::max());
  CHECK(channel<int>(sluice::rendezvous).capacity() == 0);
  for (const std::size_t capacity : {1, 2, 3, 5, 7, 63, 64, 65, 1000}) {
    CHECK(channel<int>(capacity).capacity() == capacity);
  }
  channel<int> literal{128};
  CHECK(literal.capacity() == 128);
  CHECK(channel<int>{std::uint8_t{200}}.capacity() == 200);
  CHECK(channel<int>{7LL}.capacity() == 7);
}

TEST_CASE("a fresh channel is open and empty, and full only where nothing fits") {
  for (const test::shape& what : test::shapes) {
    const test::situation now(what.name());
    const channel<int> ch = what.make<int>();
    CHECK(ch.valid());
    CHECK(!ch.closed());
    CHECK(!ch.drained());
    CHECK(ch.empty());
    CHECK(ch.size() == 0);
    CHECK(ch.full() == what.is_rendezvous());
    CHECK(ch.capacity() == what.capacity);
  }
}

TEST_CASE("a bounded channel takes exactly its capacity, powers of two or not") {
  for (int capacity = 1; capacity <= 130; ++capacity) {
    const channel<int> ch(capacity);
    for (int i = 0; i < capacity; ++i) {
      CHECK(!ch.full());
      CHECK(ch.try_put(i) == status::ok);
    }
    CHECK(ch.full());
    CHECK(ch.try_put(0) == status::full);
    CHECK(ch.size() == static_cast<std::size_t>(capacity));
  }
}

TEST_CASE("capacity 0 and negative ones are refused with the two words to choose from") {
  for (const int capacity : {0, -1, std::numeric_limits<int>::min()}) {
    const std::string said = message<std::invalid_argument>([&] { channel<int> ch{capacity}; });
    CHECK(contains(said, "sluice::unbounded"));
    CHECK(contains(said, "sluice::rendezvous"));
  }
  CHECK_THROWS_AS(channel<int>{std::size_t{0}}, std::invalid_argument);
  CHECK_THROWS_AS(channel<int>{std::int64_t{-5}}, std::invalid_argument);
}

TEST_CASE("a capacity that cannot be represented is a length_error, one without memory bad_alloc") {
  constexpr auto most = std::numeric_limits<std::size_t>::max();
  CHECK_THROWS_AS(channel<int>{most}, std::length_error);
  CHECK_THROWS_AS(channel<int>{most / 2}, std::length_error);
  CHECK_THROWS_AS(channel<test::page>{most / 4096}, std::length_error);
  CHECK(contains(message<std::length_error>([] { channel<int> ch{most}; }), "capacity"));
  const std::string said = message<std::bad_alloc>([] { channel<int> ch{std::int64_t{1} << 52}; });
  CHECK(contains(said, "no memory for so many; take less"));
}

TEST_CASE("a constructor that finds no memory throws bad_alloc and leaks nothing" *
          doctest::skip(!test::counts_memory)) {
  for (const test::shape& what : test::shapes) {
    const test::situation now(what.name());
    const std::int64_t before = test::blocks;
    int refused = 0;
    for (int enough = 0; enough <= refused; ++enough) {
      const test::memory_ends_after some(enough);
      try {
        const channel<int> ch = what.make<int>();
      } catch (const std::bad_alloc&) {
        ++refused;
      }
    }
    CHECK(refused >= 1);
    CHECK(test::blocks == before);
  }
}

TEST_CASE(
    "an unbounded put that finds no memory throws bad_alloc and leaves item and channel alone" *
    doctest::skip(!test::counts_memory)) {
  const channel<test::boxed> ch;
  int there = 0;
  int refused = 0;
  test::boxed item(0);
  for (; refused < 3; ++there) {
    try {
      const test::memory_ends_after nothing_left(0);
      ch.put(std::move(item));
    } catch (const std::bad_alloc& error) {
      ++refused;
      CHECK(contains(error.what(), "unbounded channel: no memory for more items"));
      REQUIRE(item.value() == there);
      CHECK(ch.size() == static_cast<std::size_t>(there));
      ch.put(std::move(item));
    }
    item = test::boxed(there + 1);
  }
  for (int i = 0; i < there; ++i) CHECK(ch.get().value() == i);
}

TEST_CASE("copies name the same channel, others are other channels") {
  const channel<int> a(3);
  const channel<int> copy = a;
  const channel<int> other(3);
  CHECK(a == copy);
  CHECK(a != other);
  copy.put(5);
  CHECK(a.get() == 5);
  a.close();
  CHECK(copy.closed());
  CHECK(!other.closed());
  channel<int> assigned(1);
  assigned = other;
  CHECK(assigned == other);
}

TEST_CASE("a name can be asked for again") {
  CHECK(channel<int>(sluice::channel_options{}.name.empty() ? 1 : 2).name().empty());
  CHECK(channel<int>(3, {.name = "parsed"}).name() == "parsed");
  CHECK(channel<int>(sluice::unbounded, {.name = "lines"}).name() == "lines");
  CHECK(channel<int>(sluice::rendezvous, {.name = "meet"}).name() == "meet");
}

TEST_CASE("a moved-from handle can be closed, compared, assigned and destroyed") {
  channel<int> a(1);
  channel<int> b(std::move(a));
  CHECK(!a.valid());
  CHECK(b.valid());
  CHECK(!a.close());
  CHECK(!a.close(std::make_exception_ptr(1)));
  CHECK(a != b);
  channel<int> c(1);
  const channel<int> d(std::move(c));
  CHECK(a == c);
  a = b;
  CHECK(a.valid());
  CHECK(a == b);
  a = std::move(b);
  CHECK(!b.valid());
  channel<int>& self = a;
  a = self;
  CHECK(a.valid());
}

TEST_CASE("every other operation on a moved-from handle throws logic_error and says which") {
  channel<int> a(1);
  const channel<int> b(std::move(a));
  int item = 1;
  const auto now = std::chrono::steady_clock::now();
  const auto check = [](const char* operation, auto f) {
    const std::string text = message<std::logic_error>(f);
    CAPTURE(text);
    CHECK(contains(text, (std::string(" ") + operation + " on a channel handle").c_str()));
    CHECK(contains(text, "moved from"));
  };
  check("put", [&] { a.put(1); });
  check("put", [&] { a << item; });
  check(">>", [&] { a >> item; });
  check("get", [&] { a.get(); });
  check("try_put", [&] { static_cast<void>(a.try_put(1)); });
  check("try_get", [&] { static_cast<void>(a.try_get()); });
  check("put_for", [&] { a.put_for(1, 1ms); });
  check("put_until", [&] { a.put_until(1, now); });
  check("get_for", [&] { static_cast<void>(a.get_for(1ms)); });
  check("get_until", [&] { static_cast<void>(a.get_until(now)); });
  check("put_batch", [&] { a.put_batch(std::vector{1}); });
  check("get_batch", [&] { static_cast<void>(a.get_batch(1)); });
  check("get_batch", [&] { static_cast<void>(a.get_batch(1, 1ms)); });
  check("try_get_batch", [&] { static_cast<void>(a.try_get_batch(1)); });
  check("closed", [&] { static_cast<void>(a.closed()); });
  check("drained", [&] { static_cast<void>(a.drained()); });
  check("empty", [&] { static_cast<void>(a.empty()); });
  check("full", [&] { static_cast<void>(a.full()); });
  check("size", [&] { static_cast<void>(a.size()); });
  check("capacity", [&] { static_cast<void>(a.capacity()); });
  check("name", [&] { static_cast<void>(a.name()); });
  check("join", [&] { a.join(); });
  check("join_for", [&] { a.join_for(1ms); });
  check("begin", [&] { static_cast<void>(a.begin()); });
}

TEST_CASE("a put on a closed channel throws channel_closed, and the item is intact") {
  for (const test::shape& what : test::shapes) {
    const test::situation now(what.name());
    const channel<test::boxed> ch = what.make<test::boxed>();
    ch.close();
    test::boxed item(5);
    CHECK(contains(message<sluice::channel_closed>([&] { ch.put(std::move(item)); }), "put"));
    CHECK_THROWS_AS(ch << std::move(item), sluice::channel_closed);
    CHECK(ch.try_put(std::move(item)) == status::closed);
    CHECK(ch.put_for(std::move(item), 1h) == status::closed);
    CHECK(item.value() == 5);
  }
}

TEST_CASE("dropping the last handle destroys what is left, each item once") {
  for (const test::shape& what : test::shapes) {
    const test::situation now(what.name());
    if (what.is_rendezvous()) continue;
    for (const bool close_first : {false, true}) {
      {
        channel<test::counted> ch = what.make<test::counted>();
        for (std::size_t i = 0; i < what.room(); ++i) ch.put(test::counted(1));
        CHECK(test::counted::alive() == static_cast<test::number>(what.room()));
        ch.get();
        ch.put(test::counted(2));
        if (close_first) ch.close();
        const channel<test::counted> copy = ch;
        ch = what.make<test::counted>();
        CHECK(test::counted::alive() == static_cast<test::number>(what.room()));
      }
      CHECK(test::counted::alive() == 0);
    }
  }
  CHECK(test::counted::misuses() == 0);
}

TEST_CASE("memory of an unbounded channel follows the backlog and returns after it" *
          doctest::skip(!test::counts_memory)) {
  const channel<int> ch;
  const std::int64_t before = test::blocks;
  for (int i = 0; i < 10'000; ++i) ch << i;
  CHECK(test::blocks - before > 100);
  for (int i = 0; i < 10'000; ++i) CHECK(ch.get() == i);
  CHECK(test::blocks - before <= 1);
}

TEST_CASE("in a forked child operations throw, close answers false and questions still work") {
  for (const test::shape& what : test::shapes) {
    const test::situation now(what.name());
    const channel<int> ch = what.make<int>();
    if (!what.is_rendezvous()) ch.put(1);
    const int failures = failures_in_child([&] {
      int failed = 0;
      int item = 0;
      failed += !throws_logic_error([&] { ch.put(1); });
      failed += !throws_logic_error([&] { ch << 1; });
      failed += !throws_logic_error([&] { ch >> item; });
      failed += !throws_logic_error([&] { ch.get(); });
      failed += !throws_logic_error([&] { static_cast<void>(ch.try_put(1)); });
      failed += !throws_logic_error([&] { static_cast<void>(ch.try_get()); });
      failed += !throws_logic_error([&] { ch.put_for(1, 1ms); });
      failed += !throws_logic_error([&] { static_cast<void>(ch.get_for(1ms)); });
      failed += !throws_logic_error([&] { ch.put_batch(std::vector{1, 2}); });
      failed += !throws_logic_error([&] { static_cast<void>(ch.get_batch(2)); });
      failed += !throws_logic_error([&] { static_cast<void>(ch.try_get_batch(2)); });
      failed += !throws_logic_error([&] { ch.join(); });
      failed += ch.close();
      failed += ch.closed();
      failed += ch.size() != (what.is_rendezvous() ? 0 : 1);
      failed += ch.capacity() != what.capacity;
      const channel<int> copy = ch;
      return failed;
    });
    CHECK(failures == 0);
    CHECK(ch.close());
  }
}
