// A race of two threads through functions of the C library is reported: what ThreadSanitizer is to
// ignore for the sake of libstdc++ (tests/support/tsan.supp) is that, and nothing of the programs'.
#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "support/planted.hpp"

namespace {

/// Not known to the compiler, so that it calls the function.
volatile std::size_t size = sizeof(int);

/// To the compiler, somebody reads it.
template <class T>
void keep(const T& used) {
  asm volatile("" : : "r"(&used) : "memory");
}

void touch(int& plain) { ++plain; }
void fill(int& plain) { std::memset(&plain, 1, size); }
void copy(int& plain) {
  const int one = 1;
  std::memcpy(&plain, &one, size);
}
void move_away(int& plain) {
  int some = 0;
  std::memmove(&some, &plain, size);
  keep(some);
}

/// One thread does this, and then another one that. Nothing orders the two, but both threads live
/// meanwhile: of one that has ended ThreadSanitizer may not know what it did.
template <class F, class G>
void one_after_the_other(F first, G second) {
  std::atomic<int> done{0};
  const auto await = [&](int step) {
    while (done.load(std::memory_order_relaxed) != step) std::this_thread::yield();
  };
  std::thread other([&] {
    first();
    done.store(1, std::memory_order_relaxed);
    await(2);
  });
  await(1);
  second();
  done.store(2, std::memory_order_relaxed);
  other.join();
}

template <void (*first)(int&), void (*second)(int&)>
int reports() {
  // Apart from others: a function's race is not reported beside one that was.
  alignas(64) static int plain = 0;
  one_after_the_other([] { first(plain); }, [] { second(plain); });
  keep(plain);
  return test::reports::take(test::reports::of_others);
}

}  // namespace

TEST_CASE("a race through a call of the C library is reported") {
  CHECK(reports<fill, fill>() == 1);
  CHECK(reports<copy, touch>() == 1);
  CHECK(reports<touch, copy>() == 1);
  CHECK(reports<touch, move_away>() == 1);
  CHECK(reports<move_away, fill>() == 1);
}

TEST_CASE("two threads that only read through the C library do not race") {
  CHECK(reports<move_away, move_away>() == 0);
}

TEST_CASE("the last release of an exception that another thread has read is no race") {
  std::exception_ptr error = std::make_exception_ptr(std::runtime_error("an error"));
  one_after_the_other(
      [mine = error]() mutable {
        try {
          std::rethrow_exception(std::exchange(mine, nullptr));
        } catch (const std::runtime_error& found) {
          const std::string text = found.what();
          keep(text.front());
        }
      },
      [&] { error = nullptr; });
  CHECK(test::reports::take(test::reports::of_others) == 0);
}
