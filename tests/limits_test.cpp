// Numbers that cannot be right, and times of any size and sign, in every function that takes them.
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <mutex>
#include <ratio>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/parked.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
namespace stages = sluice::pipeline;
using number = std::int64_t;
using sluice::channel;
using sluice::status;
using steady = std::chrono::steady_clock;
using wall = std::chrono::system_clock;
using fraction = std::chrono::duration<double>;

// ---- times ---------------------------------------------------------------------------------------

template <class Limit>
constexpr bool is_span = requires(Limit d) {
  d.zero();
};

/// Every operation that ends with a limit, on what is never ready. Whoever calls one of them gets
/// true if the time was over.
template <class Limit>
std::vector<std::function<bool()>> waits_until(Limit limit) {
  std::vector<std::function<bool()>> all;
  const auto add = [&](auto for_span, auto for_time) {
    if constexpr (is_span<Limit>) {
      all.emplace_back([=] { return for_span(limit); });
    } else {
      all.emplace_back([=] { return for_time(limit); });
    }
  };
  const channel<number> full{1};
  full << 1;
  const channel<number> empty{sluice::rendezvous};
  add([=](auto d) { return full.put_for(2, d) == status::timed_out; },
      [=](auto t) { return full.put_until(2, t) == status::timed_out; });
  add([=](auto d) { return empty.get_for(d).status() == status::timed_out; },
      [=](auto t) { return empty.get_until(t).status() == status::timed_out; });
  add([](auto d) { return (sluice::this_fiber::sleep_for(d), true); },
      [](auto t) { return (sluice::this_fiber::sleep_until(t), true); });
  const auto choose = [=](auto when) {
    return sluice::select(sluice::on_get(empty), sluice::on_timeout(when)) == 1;
  };
  add(choose, choose);
  const auto choose_later = [=](auto when) {
    sluice::selector choice;
    choice.on_get(empty);
    choice.on_timeout(when);
    return choice.wait() == 1;
  };
  add(choose_later, choose_later);
  const auto alone = [](auto wait) {  // a lock that its holder cannot have twice
    return [wait](auto when) {
      struct {
        sluice::mutex lock;
        sluice::shared_mutex shared;
        sluice::counting_semaphore<> permits{0};
        sluice::wait_group group{1};
        sluice::condition_variable condition;
      } things;
      things.lock.lock();
      things.shared.lock();
      const bool over = wait(things, when);
      things.lock.unlock();
      things.shared.unlock();
      return over;
    };
  };
  add(alone([](auto& of, auto d) { return !of.permits.try_acquire_for(d); }),
      alone([](auto& of, auto t) { return !of.permits.try_acquire_until(t); }));
  add(alone([](auto& of, auto d) { return !of.group.wait_for(d); }),
      alone([](auto& of, auto t) { return !of.group.wait_until(t); }));
  const auto with_lock = [alone](auto wait) {
    return alone([wait](auto& of, auto when) {
      std::unique_lock held(of.lock, std::adopt_lock);
      const bool over = wait(of.condition, held, when);
      held.release();
      return over;
    });
  };
  const auto never = [] { return false; };
  add(with_lock([=](auto& of, auto& held, auto d) { return !of.wait_for(held, d, never); }),
      with_lock([=](auto& of, auto& held, auto t) { return !of.wait_until(held, t, never); }));
  if constexpr (is_span<Limit>) {
    all.emplace_back([=] { return !empty.join_for(limit); });
    all.emplace_back([=] {
      const channel<number> some{2};
      some << 1;
      return some.get_batch(2, limit).size() == 1;
    });
  }
  return all;
}

/// The same where no stop ends a wait.
template <class Limit>
void check_locks_are_not_had(Limit limit) {
  sluice::mutex lock;
  sluice::shared_mutex shared;
  const std::lock_guard held(lock);
  const std::lock_guard held_too(shared);
  if constexpr (is_span<Limit>) {
    CHECK_FALSE(lock.try_lock_for(limit));
    CHECK_FALSE(shared.try_lock_for(limit));
    CHECK_FALSE(shared.try_lock_shared_for(limit));
  } else {
    CHECK_FALSE(lock.try_lock_until(limit));
    CHECK_FALSE(shared.try_lock_until(limit));
    CHECK_FALSE(shared.try_lock_shared_until(limit));
  }
}

/// All of them end at once, here and on a fiber.
template <class Limit>
void check_over(sluice::runtime& rt, std::initializer_list<Limit> limits) {
  const auto check = [&] {
    for (const Limit limit : limits) {
      for (const auto& wait : waits_until(limit)) CHECK(wait());
      check_locks_are_not_had(limit);
    }
  };
  check();
  rt.run(check);
}

/// Each wait goes on until its fiber is stopped; which a batch answers with what it has.
template <class Limit>
void check_endless(sluice::runtime& rt, std::initializer_list<Limit> limits) {
  for (const Limit limit : limits) {
    for (const auto& wait : waits_until(limit)) {
      auto waiting = rt.go([&] {
        const bool answered = wait();
        CHECK(answered);
        sluice::this_fiber::yield();  // of the stop that the wait has swallowed
      });
      test::await_waiting(rt, "");
      waiting.request_stop();
      CHECK_THROWS_AS(waiting.join(), sluice::cancelled);
    }
  }
}

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
/// So many seconds before or after the epoch are more than the ticks of a clock can say; wrapped
/// around they would lie on the other side of now.
constexpr std::chrono::seconds beyond{10'000'000'000};
template <class Clock>
using at_second = std::chrono::time_point<Clock, std::chrono::seconds>;

}  // namespace

TEST_CASE("a time that has passed, by however much, is over at once") {
  sluice::runtime rt{{.workers = 1}};
  using hours = std::chrono::hours;
  check_over(rt, {hours(0), hours(-1), hours::min()});
  check_over(rt, {fraction(-1e300), fraction(-infinity), fraction(no_number)});
  check_over(rt, {at_second<steady>(-beyond), at_second<steady>::min()});
  check_over(rt, {at_second<wall>(-beyond), at_second<wall>::min()});

  const channel<number> ch;
  const auto over = [&](auto... d) {
    CHECK((... && (ch.get_for(d).status() == status::timed_out)));
  };
  over(std::chrono::duration<std::int8_t>(-128), std::chrono::duration<unsigned>(0));
  over(std::chrono::nanoseconds::min(), std::chrono::duration<std::int64_t, std::pico>::min());
  CHECK(ch.get_until(steady::time_point::min()).status() == status::timed_out);
  CHECK(ch.get_until(wall::time_point::min()).status() == status::timed_out);
  const std::chrono::time_point<steady, fraction> never_was(fraction{no_number});
  CHECK(ch.get_until(never_was).status() == status::timed_out);
  sluice::this_fiber::sleep_until(never_was);
}

TEST_CASE("a time that never comes, however far it is, ends no wait") {
  sluice::runtime rt{{.workers = 1}};
  using hours = std::chrono::hours;
  check_endless(rt, {hours::max()});
  check_endless(rt, {fraction(1e300), fraction(infinity)});
  check_endless(rt, {at_second<steady>(beyond), at_second<steady>::max()});
  check_endless(rt, {at_second<wall>(2 * beyond), at_second<wall>::max()});

  const channel<number> ch;
  const auto endless = [&](auto... limits) {
    const auto check = [&](auto get) {
      auto waiting = rt.go(get);
      test::await_waiting(rt, "");
      waiting.request_stop();
      CHECK_THROWS_AS(waiting.join(), sluice::cancelled);
    };
    (check([&] { static_cast<void>(ch.get_for(limits)); }), ...);
  };
  endless(std::chrono::nanoseconds::max(), std::chrono::duration<std::uint64_t, std::nano>::max());
  endless(std::chrono::duration<std::int64_t, std::pico>::max());
  endless(std::chrono::duration<std::int64_t, std::ratio<31'556'952>>::max());
}

TEST_CASE("a limit tells spans and moments apart, also the oldest and the longest") {
  using sluice::detail::no_deadline;
  using sluice::detail::time_limit;
  constexpr std::chrono::nanoseconds zero{0};
  CHECK(time_limit(no_deadline).is_none());
  CHECK_FALSE(time_limit(no_deadline).is_span());
  CHECK(time_limit::span(steady::duration::max()).is_none());
  CHECK(time_limit::span(std::chrono::hours::max()).is_none());
  CHECK(time_limit::span(fraction(std::numeric_limits<double>::infinity())).is_none());
  CHECK(time_limit::span(1ns).length() == 1ns);
  CHECK(time_limit::span(std::chrono::duration<std::int64_t, std::pico>(1)).length() == 1ns);
  for (const time_limit none :
       {time_limit::span(zero), time_limit::span(-1h), time_limit::span(std::chrono::hours::min()),
        time_limit::span(fraction(std::nan("")))}) {
    CHECK(none.is_span());
    CHECK(none.length() == zero);
  }
  for (const steady::time_point old :
       {steady::time_point::min(), steady::time_point(-1ns), steady::time_point(zero)}) {
    CHECK_FALSE(time_limit(old).is_span());
    CHECK(time_limit(old).from_now() == steady::time_point(zero));
  }
  const auto before = steady::now();
  CHECK(time_limit(before).from_now() == before);
  const auto at = time_limit::span(1h).from_now();
  CHECK(at >= before + 1h);
  CHECK(at <= steady::now() + 1h);
}

TEST_CASE("an alarm of any time is refused, or rings when it must") {
  CHECK_THROWS_AS(static_cast<void>(sluice::tick(0s)), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(sluice::tick(std::chrono::hours::min())),
                  std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(sluice::tick(fraction(no_number))), std::invalid_argument);
  CHECK(sluice::tick(std::chrono::hours::max()).empty());
  CHECK(sluice::tick(fraction(infinity)).empty());
  CHECK(sluice::after(fraction(infinity)).empty());
  CHECK(sluice::after(fraction(no_number)).drained() == false);
  CHECK(sluice::after(fraction(no_number)).size() == 1);
}

// ---- numbers -------------------------------------------------------------------------------------

namespace {

/// What is said of a number that cannot be right, and that is all that happens.
template <class Error, class Call>
void check_refused(Call call, std::initializer_list<const char*> words) {
  std::string text;
  try {
    call();
  } catch (const Error& error) {
    text = error.what();
  } catch (...) {
    text = "another error";
  }
  CAPTURE(text);
  CHECK(text.starts_with("sluice: "));
  for (const char* word : words) {
    CAPTURE(word);
    CHECK(text.find(word) != std::string::npos);
  }
}

number same(number i) { return i; }

}  // namespace

TEST_CASE("a number of workers that a stage cannot have is refused, with the most it can") {
  const std::string most = std::to_string(stages::most_stage_workers);
  for (const int workers : {std::numeric_limits<int>::min(), -1, 0, stages::most_stage_workers + 1,
                            1'000'000'000, std::numeric_limits<int>::max()}) {
    const std::string given = std::to_string(workers);
    const auto refused = [&](const char* stage, auto call) {
      check_refused<std::invalid_argument>(call, {stage, given.c_str(), "workers", most.c_str()});
    };
    for (const auto order : {stages::ordering::kept, stages::ordering::free}) {
      const stages::stage_options how{.workers = workers, .order = order};
      refused("transform", [&] { stages::transform(how, same); });
      refused("filter", [&] { stages::filter(how, same); });
      refused("for_each", [&] { stages::for_each(how, same); });
    }
    refused("transform", [&] { stages::transform(workers, same); });
    refused("filter", [&] { stages::filter(workers, same); });
    refused("for_each", [&] { stages::for_each(workers, same); });
  }
  CHECK_NOTHROW(stages::transform(stages::most_stage_workers, same));
}

TEST_CASE(
    "a runtime of workers that it cannot have, and stacks that nobody can have, are refused") {
  for (const int workers : {std::numeric_limits<int>::min(), -1, 1'000'000'000}) {
    check_refused<std::invalid_argument>([&] { sluice::runtime rt({.workers = workers}); },
                                         {"workers", std::to_string(workers).c_str()});
  }
  constexpr std::size_t absurd = std::numeric_limits<std::size_t>::max();
  check_refused<std::length_error>([&] { sluice::runtime rt({.stack_size = absurd}); }, {"stack"});
  check_refused<std::length_error>([&] { sluice::go({.stack_size = absurd}, [] {}); }, {"stack"});
}

TEST_CASE("a capacity that cannot be, and one that no memory can hold, are told apart") {
  const auto refused = [](auto error, auto capacity) {
    using error_type = typename decltype(error)::type;
    check_refused<error_type>([&] { channel<number> ch{capacity}; }, {"capacity"});
    check_refused<error_type>([&] { static_cast<void>(sluice::make_channel<number>(capacity)); },
                              {"capacity"});
  };
  const std::type_identity<std::invalid_argument> invalid;
  refused(invalid, 0);
  refused(invalid, 0U);
  refused(invalid, -1);
  refused(invalid, std::numeric_limits<std::int64_t>::min());
  refused(invalid, std::int8_t{-128});
  const std::type_identity<std::length_error> too_long;
  refused(too_long, std::numeric_limits<std::int64_t>::max());
  refused(too_long, std::numeric_limits<std::uint64_t>::max());
  // The bytes of so many places would be few again, if their product wrapped around.
  refused(too_long, (std::uint64_t{1} << 60) + 1);
  check_refused<std::length_error>(
      [] {
        const channel<number> ch{1};
        static_cast<void>(ch | stages::transform({.workers = 2, .capacity = SIZE_MAX}, same));
      },
      {"capacity"});
}

TEST_CASE("batches of none are refused, whoever makes them") {
  const channel<number> ch{4};
  ch << 1;
  check_refused<std::invalid_argument>([&] { static_cast<void>(ch.get_batch(0)); }, {"batch"});
  check_refused<std::invalid_argument>([&] { static_cast<void>(ch.get_batch(0, 1h)); }, {"batch"});
  check_refused<std::invalid_argument>([&] { static_cast<void>(ch.try_get_batch(0)); }, {"batch"});
  check_refused<std::invalid_argument>([] { stages::batch(0); }, {"batch"});
  check_refused<std::invalid_argument>([] { stages::batch(0, 1s); }, {"batch"});
  CHECK(ch.size() == 1);
}

TEST_CASE("counts that synchronisation cannot have are refused, and nothing is done") {
  constexpr std::ptrdiff_t huge = std::numeric_limits<std::ptrdiff_t>::max();
  constexpr std::ptrdiff_t least = std::numeric_limits<std::ptrdiff_t>::min();
  const auto refused = [](auto call, const char* name) {
    check_refused<std::logic_error>(call, {name});
  };
  for (const std::ptrdiff_t count : {least, std::ptrdiff_t{-1}, huge}) {
    refused([&] { sluice::counting_semaphore<> one{count}; }, "counting_semaphore");
    refused([&] { sluice::latch one{count}; }, "latch");
    refused([&] { sluice::wait_group one{count}; }, "wait_group");
  }
  refused([&] { sluice::binary_semaphore one{2}; }, "counting_semaphore");
  refused([&] { sluice::barrier one{-1}; }, "barrier");

  sluice::counting_semaphore<3> permits{1};
  for (const std::ptrdiff_t count : {least, std::ptrdiff_t{-1}, std::ptrdiff_t{3}, huge}) {
    refused([&] { permits.release(count); }, "release");
  }
  CHECK(permits.try_acquire());
  CHECK_FALSE(permits.try_acquire());

  sluice::latch down{2};
  for (const std::ptrdiff_t count : {least, std::ptrdiff_t{-1}, std::ptrdiff_t{3}, huge}) {
    refused([&] { down.count_down(count); }, "count_down");
    refused([&] { down.arrive_and_wait(count); }, "count_down");
  }
  CHECK_NOTHROW(down.count_down(2));

  sluice::wait_group work{1};
  for (const std::ptrdiff_t count : {least, std::ptrdiff_t{-2}, huge}) {
    refused([&] { work.add(count); }, "add");
  }
  work.done();
  refused([&] { work.done(); }, "done");

  sluice::barrier meeting{2};
  for (const std::ptrdiff_t count : {least, std::ptrdiff_t{0}, std::ptrdiff_t{3}, huge}) {
    refused([&] { static_cast<void>(meeting.arrive(count)); }, "arrive");
  }
  CHECK_NOTHROW(static_cast<void>(meeting.arrive(2)));
}
