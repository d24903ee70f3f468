// The random numbers behind the choices of a select, and the order in which one that has found
// nothing enlists: each as likely as any other.
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "select/random.hpp"
#include "sluice/select.hpp"
#include "sluice/selector.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::on_get;
using sluice::on_timeout;
using sluice::detail::any_of;
using sluice::detail::random_numbers;

/// Within 10 standard deviations of the mean.
bool is_fair(int hits, int trials, double share) {
  return std::abs(hits - trials * share) <= 10 * std::sqrt(trials * share * (1 - share));
}

/// Does `choose` choose each of the three that are ready as often as the others, and nothing else?
template <class F>
void check_shares(std::array<bool, 3> ready, F choose) {
  constexpr int trials = 10'000;
  std::array<int, 3> hits{};
  for (int i = 0; i < trials; ++i) ++hits.at(choose());
  const int count = ready[0] + ready[1] + ready[2];
  for (std::size_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    CHECK(is_fair(hits.at(i), trials, ready.at(i) ? 1.0 / count : 0));
  }
}

/// One that is not ready shows the order among the others: a few of the orders would do for three.
constexpr std::array<std::array<bool, 3>, 4> some_ready{
    {{true, true, true}, {false, true, true}, {true, false, true}, {true, true, false}}};

/// A select whose look has found none ready; each that is has become it since.
template <class... Cases>
std::size_t select_after_look(Cases&&... cases) {
  std::size_t position = 0;
  (cases.prepare(position++), ...);
  std::array<sluice::detail::channel_case*, sizeof...(Cases)> channels{&cases...};
  sluice::detail::case_table table{.has_channels = true,
                                   .looked = true,
                                   .channels = channels.data(),
                                   .in_play = channels.size()};
  return sluice::detail::select_among(table);
}

/// A select looks at it after it has tried its cases in vain, before it enlists: then some of them
/// become ready.
struct filling_clock {
  using duration = std::chrono::steady_clock::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<filling_clock>;
  static constexpr bool is_steady = true;
  static time_point now() {
    for (const auto& one : to_fill) one << 1;
    return {};
  }

  inline static std::vector<channel<int>> to_fill;
};

}  // namespace

TEST_CASE("of the bits that are set each is as likely as any other") {
  constexpr int trials = 20'000;
  constexpr std::uint64_t last = std::uint64_t{1} << 63;
  // Few of 64: mostly none of ten throws of the die shows one.
  for (const std::uint64_t bits :
       {std::uint64_t{1}, std::uint64_t{0b11}, std::uint64_t{0b1000'0001}, std::uint64_t{0b1'0110},
        last, last | 1, last | 2 | 4, last >> 31 | 1, ~std::uint64_t{0}}) {
    CAPTURE(bits);
    std::array<int, 64> hits{};
    for (int i = 0; i < trials; ++i) ++hits.at(any_of(bits));
    int set = 0;
    for (std::size_t bit = 0; bit < 64; ++bit) set += static_cast<int>(bits >> bit & 1);
    for (std::size_t bit = 0; bit < 64; ++bit) {
      CAPTURE(bit);
      CHECK(is_fair(hits.at(bit), trials, (bits >> bit & 1) != 0 ? 1.0 / set : 0));
    }
  }
}

TEST_CASE("each order of four is as likely as any other") {
  constexpr int trials = 24'000;
  std::array<int, 24> hits{};
  for (int i = 0; i < trials; ++i) {
    random_numbers any;
    const std::size_t first = any.below(4);
    const std::size_t second = any.below(3);
    ++hits.at((first * 3 + second) * 2 + any.below(2));
  }
  for (const int one : hits) CHECK(is_fair(one, trials, 1.0 / 24));
}

TEST_CASE("numbers for a long order are fair beyond what one draw decides") {
  constexpr int trials = 10'000;
  constexpr std::size_t count = 100;  // a draw is enough for 4 of the first
  std::vector<std::array<int, count>> hits(count);
  for (int i = 0; i < trials; ++i) {
    random_numbers any;
    for (std::size_t left = count; left > 1; --left) ++hits[left - 1].at(any.below(left));
  }
  for (std::size_t left = count; left > 1; --left) {
    CAPTURE(left);
    for (std::size_t i = 0; i < left; ++i) {
      CHECK(is_fair(hits[left - 1].at(i), trials, 1.0 / static_cast<double>(left)));
    }
  }
}

TEST_CASE("of cases that become ready after the look of a select each is as likely as any other") {
  const channel<int> never;
  const channel<int> filled;  // each choice puts back what it took
  filled << 1;
  const auto get = [&](bool ready) {
    return on_get(ready ? filled : never, [&](int item) { filled << item; });
  };
  check_shares({true, true, false}, [&] { return select_after_look(get(true), get(true)); });
  for (const auto& ready : some_ready) {
    CAPTURE(ready);
    check_shares(ready,
                 [&] { return select_after_look(get(ready[0]), get(ready[1]), get(ready[2])); });
  }
}

TEST_CASE("of cases that become ready after their trial each is as likely as any other") {
  const std::array<channel<int>, 3> ch;
  const auto never_comes = filling_clock::time_point() + 1h;
  const auto drained = [&](std::size_t chosen) {
    for (const auto& one : ch) static_cast<void>(one.try_get());
    return chosen;
  };
  sluice::selector cases;
  for (const auto& one : ch) cases.on_get(one);
  cases.on_timeout(never_comes);
  for (const auto& ready : some_ready) {
    CAPTURE(ready);
    for (std::size_t i = 0; i < 3; ++i) {
      if (ready.at(i)) filling_clock::to_fill.push_back(ch.at(i));
    }
    check_shares(ready, [&] {
      return drained(
          sluice::select(on_get(ch[0]), on_get(ch[1]), on_get(ch[2]), on_timeout(never_comes)));
    });
    check_shares(ready, [&] { return drained(cases.wait()); });
    filling_clock::to_fill.clear();
  }
}
