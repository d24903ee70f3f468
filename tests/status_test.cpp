// Answers and errors: result<T>, the statuses' names, and which handler catches what.
#include "sluice/status.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "support/items.hpp"

namespace {

using sluice::result;
using sluice::status;

struct cause_error : std::runtime_error {
  cause_error() : std::runtime_error("the cause") {}
};

std::exception_ptr a_cause() { return std::make_exception_ptr(cause_error()); }

template <class Error>
std::string message_of(status s) {
  try {
    result<int>(s).value();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a result with an item is true, ok, and gives the item in every way") {
  result<int> r(7);
  CHECK(static_cast<bool>(r));
  CHECK(r.has_value());
  CHECK(r.status() == status::ok);
  CHECK(*r == 7);
  CHECK(r.value() == 7);
  CHECK(std::as_const(r).value() == 7);
  CHECK(*std::as_const(r) == 7);
  *r = 8;
  CHECK(r.value() == 8);
  result<std::string> text(std::string("four"));
  CHECK(text->size() == 4);
  CHECK(std::as_const(text)->size() == 4);
}

TEST_CASE("a result converts to bool only when asked to") {
  CHECK(!std::is_convertible_v<result<int>, bool>);
  CHECK(std::is_constructible_v<bool, result<int>>);
  CHECK(!std::is_convertible_v<result<int>, int>);
}

TEST_CASE("a result gives a move-only item away") {
  result<test::boxed> r(test::boxed(3));
  test::boxed out = std::move(r).value();
  CHECK(out.value() == 3);
  CHECK(r->moved_from());
  const test::boxed again = *result<test::boxed>(test::boxed(4));
  CHECK(again.value() == 4);
}

TEST_CASE("a result without an item is false and says why") {
  for (const status s : {status::empty, status::full, status::closed, status::timed_out}) {
    const result<int> r(s);
    CHECK(!r);
    CHECK(!r.has_value());
    CHECK(r.status() == s);
    CHECK(r.cause() == nullptr);
  }
}

TEST_CASE("value of a result without an item throws the error of its status") {
  CHECK_THROWS_AS(result<int>(status::empty).value(), sluice::channel_empty);
  CHECK_THROWS_AS(result<int>(status::full).value(), sluice::channel_full);
  CHECK_THROWS_AS(result<int>(status::closed).value(), sluice::channel_closed);
  CHECK_THROWS_AS(result<int>(status::timed_out).value(), sluice::timed_out);
  const result<int> constant(status::empty);
  CHECK_THROWS_AS(constant.value(), sluice::channel_empty);
}

TEST_CASE("value of the end of a channel that was closed with a cause throws the cause") {
  const result<int> r(status::closed, a_cause());
  CHECK(r.cause() != nullptr);
  CHECK_THROWS_AS(r.value(), cause_error);
  CHECK_THROWS_AS(result<int>(status::closed, a_cause()).value(), cause_error);
}

TEST_CASE("a status can be the item of a result") {
  const result<status> none(status::closed);
  CHECK(!none.has_value());
  CHECK(none.status() == status::closed);
  const result<status> one(std::in_place, status::full);
  CHECK(one.has_value());
  CHECK(one.status() == status::ok);
  CHECK(*one == status::full);
}

TEST_CASE("every status has its name") {
  CHECK(std::string(to_string(status::ok)) == "ok");
  CHECK(std::string(to_string(status::empty)) == "empty");
  CHECK(std::string(to_string(status::full)) == "full");
  CHECK(std::string(to_string(status::closed)) == "closed");
  CHECK(std::string(to_string(status::timed_out)) == "timed_out");
  CHECK(to_string(static_cast<status>(77)) != nullptr);
}

TEST_CASE("channel_error catches the errors of channels and lets a cancellation pass") {
  CHECK(std::is_base_of_v<std::runtime_error, sluice::channel_error>);
  CHECK(std::is_base_of_v<sluice::channel_error, sluice::channel_closed>);
  CHECK(std::is_base_of_v<sluice::channel_error, sluice::channel_full>);
  CHECK(std::is_base_of_v<sluice::channel_error, sluice::channel_empty>);
  CHECK(std::is_base_of_v<sluice::channel_error, sluice::timed_out>);
  CHECK(std::is_base_of_v<std::exception, sluice::cancelled>);
  CHECK(!std::is_base_of_v<std::runtime_error, sluice::cancelled>);
  CHECK(!std::is_base_of_v<sluice::channel_error, sluice::cancelled>);
}

TEST_CASE("messages begin with the library's name and say what happened") {
  CHECK(message_of<sluice::channel_empty>(status::empty).starts_with("sluice: "));
  CHECK(message_of<sluice::channel_full>(status::full).starts_with("sluice: "));
  CHECK(message_of<sluice::timed_out>(status::timed_out).starts_with("sluice: "));
  const std::string closed = message_of<sluice::channel_closed>(status::closed);
  CHECK(closed.find("closed and drained") != std::string::npos);
  CHECK(std::string(sluice::cancelled().what()).find("stop was requested") != std::string::npos);
}
