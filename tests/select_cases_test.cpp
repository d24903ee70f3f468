// What the cases of a select are made of: handlers, items, handles; and what misuse is told.
#include <doctest/doctest.h>

#include <any>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "sluice/sluice.hpp"
#include "support/ends.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::all_closed;
using sluice::channel;
using sluice::in_order;
using sluice::on_get;
using sluice::on_put;
using sluice::on_timeout;
using sluice::otherwise;
using sluice::result;
using sluice::select;
using test::boxed;
using test::cause;
using test::ended;
using test::number;

}  // namespace

TEST_CASE("a case for results is called for the end too and never goes out of play") {
  const channel<int> ch{1};
  ch.put(5);
  ch.close();
  std::optional<sluice::status> how;
  const auto note = [&](result<int> item) {
    how = item.status();
    if (item) CHECK(*item == 5);
  };
  CHECK(select(on_get(ch, note), otherwise()) == 0);
  CHECK(how == sluice::status::ok);
  for (int i = 0; i < 3; ++i) {
    how.reset();
    CHECK(select(on_get(ended<int>()), on_get(ch, note), otherwise()) == 1);
    CHECK(how == sluice::status::closed);
  }
  const channel<int> failed;
  failed.close(cause("broken"));
  CHECK(select(on_get(failed, [](result<int> item) {
          CHECK_THROWS_AS(item.value(), std::runtime_error);
        })) == 0);
}

TEST_CASE("cases may be kept and selected again, whichever of them has ended a wait before") {
  for (const auto& a : {channel<int>{1}, channel<int>{}}) {
    const channel<int> b{1};
    int got = 0;
    int ends = 0;
    auto on_a = on_get(a, [&](int item) { got = item; });
    auto on_b = on_get(b, [&](const result<int>&) { ++ends; });
    std::thread closer([&] {
      test::await([&] { return test::getters_waiting(b) == 1; });
      b.close();
    });
    CHECK(select(on_a, on_b) == 1);  // enlisted with both, ended by the close of b
    closer.join();
    CHECK(ends == 1);
    a.put(7);
    CHECK(select(on_a) == 0);
    CHECK(got == 7);
    a.put(8);
    CHECK(select(sluice::in_order, on_a, on_b) == 0);
    CHECK(got == 8);
    CHECK(select(on_a, on_b) == 1);
    CHECK(ends == 2);
  }
}

TEST_CASE("a generic handler takes items; a handler may take them by value or by reference") {
  const channel<std::string> ch;
  std::string all;
  const auto next = [&](auto&& handler) {
    ch.put("x");
    CHECK(select(on_get(ch, handler)) == 0);
  };
  next([&](auto item) { all += item; });
  next([&](auto&& item) { all += item; });
  next([&](const auto& item) { all += item; });
  next([&](auto& item) { all += item; });
  next([&](std::string item) { all += item; });
  next([&](std::string&& item) { all += item; });
  next([&](std::string& item) { all += item; });
  next([&](const std::string& item) { all += item; });
  next([&](std::string_view item) { all += item; });
  next([&](result<std::string> item) { all += item.value(); });
  next([&](result<std::string>& item) { all += item.value(); });
  next([&](const result<std::string>& item) { all += item.value(); });
  next(std::function<void(std::string)>([&](const std::string& item) { all += item; }));
  CHECK(all == "xxxxxxxxxxxxx");
  CHECK(select(on_get(ended<std::string>(), [](auto) {})) == all_closed);
  CHECK(select(on_get(ended<std::string>(), [](auto&) {})) == all_closed);
  CHECK(select(on_get(ended<std::any>(), [](std::any) {})) == all_closed);
  CHECK(select(on_get(ended<std::any>(), [](const result<std::any>&) {})) == 0);
}

TEST_CASE("an rvalue is moved only if its case is chosen") {
  const channel<boxed> full{1};
  const channel<boxed> free{1};
  full.put(boxed(0));
  boxed a(1);
  boxed b(2);
  CHECK(select(on_put(full, std::move(a)), otherwise()) == 1);
  CHECK(a.value() == 1);
  CHECK(select(on_put(full, std::move(a)), on_put(free, std::move(b))) == 1);
  CHECK(a.value() == 1);
  CHECK(b.moved_from());
  CHECK(select(on_put(full, std::move(a)), on_timeout(1ms)) == 1);
  CHECK(a.value() == 1);
  CHECK(free.get().value() == 2);
}

TEST_CASE("an lvalue is copied before its case can be chosen: a copy that throws changes nothing") {
  const channel<test::copy_thrower> ch{1};
  const channel<int> other{1};
  other.put(1);
  const test::copy_thrower item(3);
  test::copy_thrower::set_fuse(0);
  CHECK_THROWS_AS(select(on_get(other), on_put(ch, item)), std::runtime_error);
  CHECK(other.size() == 1);
  CHECK(ch.empty());
  test::copy_thrower::set_fuse(1);
  CHECK(select(on_put(ch, item)) == 0);
  CHECK(item.value() == 3);
  CHECK(ch.get().value() == 3);
}

TEST_CASE("items that only convert to the channel's are converted first") {
  const channel<std::string> ch{3};
  const char* text = "b";
  CHECK(select(on_put(ch, "a")) == 0);
  CHECK(select(on_put(ch, text)) == 0);
  CHECK(select(on_put(ch, {'c', 'c', 'c'})) == 0);
  for (const char* expected : {"a", "b", "ccc"}) CHECK(ch.get() == std::string_view(expected));
}

TEST_CASE("handlers run after the choice, outside all locks: they may use the same channels") {
  const channel<int> ch{1};
  const channel<int> other{1};
  int got = 0;
  const std::size_t chosen =
      select(on_get(other), on_put(ch, 1, [&] {
               CHECK(ch.get() == 1);
               ch.put(2);
               CHECK(select(on_get(ch, [&](int item) { got = item; }), on_get(other)) == 0);
               ch.close();
               other.close();
             }));
  CHECK(chosen == 1);
  CHECK(got == 2);
}

TEST_CASE("what a handler throws passes on, and its item is consumed") {
  const channel<int> ch{2};
  ch.put(1);
  const auto fail = [](auto&&...) { throw std::runtime_error("handler"); };
  CHECK_THROWS_WITH(select(on_get(ch, fail)), "handler");
  CHECK(ch.empty());
  CHECK_THROWS_WITH(select(on_put(ch, 1, fail)), "handler");
  CHECK(ch.size() == 1);
  CHECK_THROWS_WITH(select(on_timeout(0ms, fail)), "handler");
  CHECK_THROWS_WITH(select(otherwise(fail)), "handler");
}

TEST_CASE("handlers are taken as they are: lvalues by reference, also those that only move") {
  const channel<int> ch{1};
  ch.put(1);
  auto count = [n = 0, owned = std::make_unique<int>(0)](auto&&...) mutable { return ++n; };
  select(on_get(ch, count));
  select(on_put(ch, 1, count));
  select(otherwise(count));
  select(on_timeout(0ms, count));
  CHECK(count() == 5);
}

TEST_CASE("senders and receivers stand in cases as channels do") {
  auto [tx, rx] = sluice::make_channel<boxed>(1);
  number got = 0;
  CHECK(select(on_put(tx, boxed(5))) == 0);
  CHECK(select(on_put(tx, boxed(6)), on_get(rx, [&](boxed item) { got = item.value(); })) == 1);
  CHECK(got == 5);
  { const auto last = std::move(tx); }
  CHECK(select(on_get(rx)) == all_closed);
  CHECK(select(on_get(sluice::receiver<boxed>(ended<boxed>()))) == all_closed);
}

TEST_CASE("no cases at all is a misuse that is named") {
  CHECK_THROWS_AS(select(), std::invalid_argument);
  CHECK_THROWS_AS(select(in_order), std::invalid_argument);
}

TEST_CASE("a handle that was moved from is a misuse") {
  channel<int> ch{1};
  const channel<int> kept = std::move(ch);
  CHECK_THROWS_AS(select(on_get(ch), otherwise()), std::logic_error);
  CHECK_THROWS_AS(select(otherwise(), on_put(ch, 1)), std::logic_error);
  CHECK_THROWS_AS(select(on_put(kept, 1), on_put(std::move(ch), 1)), std::logic_error);
  CHECK(kept.empty());
}

TEST_CASE("items of any alignment and size are moved as they are") {
  const channel<test::aligned<64>> a{1};
  const channel<test::page> b{sluice::unbounded};
  select(on_put(a, test::aligned<64>(1)));
  select(on_put(b, test::page(2)));
  select(on_get(a, [](const test::aligned<64>& item) { CHECK(item.value() == 1); }));
  select(on_get(b, [](const test::page& item) { CHECK(item.value() == 2); }));
  CHECK(test::aligned<64>::misaligned() == 0);
}
