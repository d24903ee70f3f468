// What happens when the user's code throws: each call of it in turn, until one run gets through.
//
// Such calls are copies of items, conversions, iterators, functions that the library runs,
// handlers, stages. The exception comes out where the contract says, once. What a call has not
// taken is with its owner, what it has put is there, once, and all works on.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <mutex>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/pipeline.hpp"
#include "sluice/sluice.hpp"
#include "support/demand.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
namespace p = sluice::pipeline;
using sluice::channel;
using sluice::on_get;
using sluice::on_put;
using sluice::select;
using test::counted;
using test::demand;
using test::number;

// ---- calls that throw --------------------------------------------------------------------------

struct user_error : std::runtime_error {
  user_error() : std::runtime_error("as wished") {}
};

std::atomic<std::int64_t> calls{0};
std::atomic<std::int64_t> throws_at{0};
std::atomic<std::int64_t> thrown{0};

/// Stands in all code that the library calls; the n-th call throws.
void user_call() {
  if (++calls != throws_at) return;
  ++thrown;
  throw user_error();
}

/// Did it throw? It does if, and only if, a call of the user's code within it has.
template <class F>
bool fails(F f) {
  const std::int64_t before = thrown;
  try {
    f();
  } catch (const user_error&) {
    demand(thrown == before + 1, "an exception comes out once, of its call");
    return true;
  }
  demand(thrown == before, "an exception comes out of its call");
  return false;
}

/// What converts to an item.
struct raw {
  number value;
};

/// Its copies and conversions throw, its moves do not.
class item {
 public:
  explicit item(number n) noexcept : inside_(n) {}
  item(const raw& from) : inside_((user_call(), from.value)) {}  // NOLINT: converts
  item(const item& other) : inside_((user_call(), other.inside_)) {}
  item(item&&) noexcept = default;
  item& operator=(const item& other) {
    user_call();
    inside_ = other.inside_;
    return *this;
  }
  item& operator=(item&&) noexcept = default;
  ~item() = default;

  [[nodiscard]] number value() const noexcept { return inside_.value(); }

 private:
  counted inside_;
};

/// A function whose copies and calls throw.
template <class F>
struct frail {
  explicit frail(F inside) : f(std::move(inside)) {}
  frail(const frail& other) : f((user_call(), other.f)) {}
  frail(frail&&) noexcept = default;
  frail& operator=(const frail&) = delete;
  frail& operator=(frail&&) = delete;
  ~frail() = default;

  template <class... Args>
  decltype(auto) operator()(Args&&... args) {
    user_call();
    return f(std::forward<Args>(args)...);
  }
  template <class... Args>
  decltype(auto) operator()(Args&&... args) const {
    user_call();
    return f(std::forward<Args>(args)...);
  }
  F f;
};

/// A container whose iterators throw: all that they do, or only where they are compared.
template <bool StepsQuietly>
class noisy {
 public:
  explicit noisy(number n) {
    for (number i = 0; i < n; ++i) inside_.emplace_back(i);
  }
  class iterator {
   public:
    using value_type = item;
    using difference_type = std::ptrdiff_t;
    using reference = item&;
    using iterator_category = std::forward_iterator_tag;

    iterator() = default;
    explicit iterator(item* at) noexcept : at_(at) {}
    item& operator*() const noexcept(StepsQuietly) {
      call_unless_quiet();
      return *at_;
    }
    iterator& operator++() noexcept(StepsQuietly) {
      call_unless_quiet();
      ++at_;
      return *this;
    }
    iterator operator++(int) noexcept(StepsQuietly) {
      iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const iterator& other) const {
      user_call();
      return at_ == other.at_;
    }

   private:
    static void call_unless_quiet() noexcept(StepsQuietly) {
      if constexpr (!StepsQuietly) user_call();
    }
    item* at_ = nullptr;
  };
  iterator begin() {
    user_call();
    return iterator(inside_.data());
  }
  iterator end() {
    user_call();
    return iterator(inside_.data() + inside_.size());
  }
  [[nodiscard]] const std::vector<item>& inside() const noexcept { return inside_; }

 private:
  std::vector<item> inside_;
};

// ---- channels ----------------------------------------------------------------------------------

void demand_nobody_waits(const channel<item>& ch) {
  demand(test::getters_waiting(ch) + test::putters_waiting(ch) + test::joiners_waiting(ch) == 0,
         "nobody waits");
}

/// What is there is the numbers from 0 on, `n` of them; and it works on.
void demand_begins_with(const channel<item>& ch, std::size_t n) {
  demand(ch.size() == n, "the size");
  for (std::size_t i = 0; i < n; ++i) {
    const auto got = ch.try_get();
    demand(got && got->value() == static_cast<number>(i), "the order");
  }
  demand(ch.empty(), "nothing more");
  demand_nobody_waits(ch);
  ch << item(5);
  demand(ch.get().value() == 5, "it works on");
}

/// All ways to put a copy, or what converts: so many were accepted.
template <class AfterEach>
number put_copies(const channel<item>& ch, AfterEach after_each) {
  const item mine(3);
  const raw other{3};
  number accepted = 0;
  const auto attempt = [&](auto put) {
    if (!fails(put)) ++accepted;
    demand(mine.value() == 3, "the owner still has it");
    after_each(accepted);
  };
  attempt([&] { ch.put(mine); });
  attempt([&] { ch << mine; });
  attempt([&] { demand(ch.put_for(mine, 1h) == sluice::status::ok, "put_for"); });
  attempt([&] {
    demand(ch.put_until(mine, std::chrono::system_clock::now() + 1h) == sluice::status::ok,
           "put_until");
  });
  attempt([&] { demand(select(on_put(ch, mine)) == 0, "select"); });
  attempt([&] { ch.put(other); });
  attempt([&] { demand(select(sluice::in_order, on_put(ch, other)) == 0, "select in order"); });
  attempt([&] { demand(ch.put_batch(std::span(&mine, 1)) == 1, "a batch"); });
  attempt([&] { demand(ch.put_batch(std::span(&other, 1)) == 1, "a batch that converts"); });
  sluice::selector cases;
  attempt([&] {
    cases.on_put(ch, mine);
    demand(cases.wait() != sluice::all_closed, "a selector puts");
  });
  return accepted;
}

void copies_into(const channel<item>& ch) {
  const number accepted = put_copies(ch, [&](number n) {
    demand(ch.size() == static_cast<std::size_t>(n), "a put that throws puts nothing");
    demand_nobody_waits(ch);
  });
  const item mine(3);
  fails([&] { demand(ch.try_put(mine) == sluice::status::ok, "try_put"); });
  demand(ch.size() - static_cast<std::size_t>(accepted) <= 1, "it is there once");
  while (const auto got = ch.try_get()) demand(got->value() == 3, "what was put");
}

void copies_to_a_getter() {
  const channel<item> ch{sluice::rendezvous};
  sluice::scope s;
  number got = 0;
  s.go([&] {
    for (const item& one : ch) {
      demand(one.value() == 3, "what was put");
      ++got;
    }
  });
  const number accepted = put_copies(ch, [](number) {});
  ch.close();
  s.join();
  demand(got == accepted, "nothing is lost or doubled");
}

constexpr number many = 150;  // more than one claim takes

void batch_of_copies(const channel<item>& ch) {
  std::vector<item> mine;
  for (number i = 0; i < many; ++i) mine.emplace_back(i);
  const bool failed = fails([&] { demand(ch.put_batch(mine) == many, "the whole batch"); });
  demand(failed || ch.size() == many, "all of it");
  for (number i = 0; i < many; ++i) {
    demand(mine[static_cast<std::size_t>(i)].value() == i, "the owner has them still");
  }
  demand_begins_with(ch, ch.size());
}

void batch_that_converts(const channel<item>& ch) {
  const auto numbers = std::views::iota(number{0}, many);
  fails([&] {
    ch.put_batch(numbers | std::views::transform([](number n) {
                   user_call();
                   return item(n);
                 }));
  });
  demand_begins_with(ch, ch.size());
  std::vector<raw> others;
  for (const number n : numbers) others.push_back({n});
  fails([&] { ch.put_batch(std::move(others)); });
  demand_begins_with(ch, ch.size());
  const item zero(0);
  fails([&] { ch.put_batch({zero}); });
  demand_begins_with(ch, ch.size());
}

template <bool StepsQuietly>
void batch_of_noise(const channel<item>& ch) {
  noisy<StepsQuietly> mine(many);
  fails([&] { ch.put_batch(mine); });
  for (const item& one : mine.inside()) demand(one.value() >= 0, "an lvalue is copied");
  demand_begins_with(ch, ch.size());

  const bool failed =
      fails([&] { demand(ch.put_batch(std::move(mine)) == many, "the whole batch"); });
  const auto accepted = static_cast<number>(ch.size());
  demand(failed || accepted == many, "all of it");
  for (number i = 0; i < many; ++i) {
    demand(mine.inside()[static_cast<std::size_t>(i)].value() == (i < accepted ? -1 : i),
           "what was not accepted is unmoved with its owner");
  }
  demand_begins_with(ch, ch.size());
}

void loops() {
  const channel<item> ch{20};
  for (number i = 0; i < 20; ++i) ch << item(i);
  ch.close();
  number next = 0;
  while (next < 20) {
    fails([&] {
      for (const item& one : ch) {
        demand(one.value() == next++, "the order");
        user_call();
      }
    });
  }
  demand(ch.drained(), "all were got");
  demand_nobody_waits(ch);
}

void closes() {
  const channel<item> ch{4};
  number put = 0;
  const bool failed = fails([&] {
    sluice::close_after(ch, [&] {
      for (; put < 3; ++put) {
        user_call();
        ch << item(put);
      }
      user_call();
    });
  });
  demand(ch.closed(), "it is closed in any case");
  number got = 0;
  bool has_cause = false;
  try {
    for (const item& one : ch) demand(one.value() == got++, "the order");
  } catch (const user_error&) {
    has_cause = true;
  }
  demand(got == put && has_cause == failed, "what was put, then the cause");
}

void copies_of_answers() {
  const channel<item> ch{1};
  ch << item(1);
  const auto got = ch.try_get();
  fails([&] { demand(got.value().value() == 1, "a look at it"); });
  fails([&] {
    const sluice::result<item> other = got;
    demand(other->value() == 1, "a copy");
  });
  fails([&] {
    const item other = *got;
    demand(other.value() == 1, "a copy of the item");
  });
  demand(got->value() == 1, "it is still there");
}

// ---- select ------------------------------------------------------------------------------------

void handlers() {
  const channel<item> ch{8};
  number put = 0;
  number seen = 0;
  const auto add = [&](number how_many) {
    for (; how_many > 0; --how_many, ++put) ch << item(1);
  };
  add(5);
  const auto by_value = [&](item one) {
    seen += one.value();
    user_call();
  };
  number sevens = 0;
  const auto by_result = [&](sluice::result<item> one) {
    if (one) (one->value() == 7 ? sevens : seen) += one->value();
    user_call();
  };
  const auto all_there = [&] {
    demand(put == seen + static_cast<number>(ch.size()), "nothing is lost or doubled");
    demand_nobody_waits(ch);
  };
  const channel<item> never{1};
  fails([&] { select(on_get(ch, by_value)); });
  all_there();
  fails([&] { select(on_get(never, by_value), on_get(ch, by_result)); });
  all_there();
  item mine(1);
  fails([&] { select(on_put(ch, std::move(mine), [] { user_call(); }), on_get(never)); });
  demand(mine.value() == -1, "the handler runs after the choice");
  ++put;
  all_there();
  fails([&] { select(on_get(never, by_value), sluice::on_timeout(0ms, [] { user_call(); })); });
  fails([&] { select(on_get(never, by_value), sluice::otherwise([] { user_call(); })); });
  demand_nobody_waits(never);

  sluice::selector cases;
  cases.on_get(ch, by_value);
  cases.on_get(never, by_result);
  bool is_put = false;
  cases.on_put(never, item(7), [&] {
    is_put = true;
    user_call();
  });
  while (!is_put || !ch.empty() || !never.empty()) fails([&] { cases.wait(); });
  all_there();
  demand(sevens == 7, "put once");
  never.close();
  fails([&] { select(on_get(never, by_result)); });
}

/// Selects that wait: others put, and get, what they then do.
void handlers_of_those_who_wait() {
  const channel<item> in{sluice::rendezvous};
  const channel<item> out{sluice::rendezvous};
  number got = 0;
  number seen = 0;
  sluice::scope s;
  s.go([&] {
    for (number i = 0; i < 5; ++i) in << item(1);
    in.close();
  });
  s.go([&] {
    for (const item& one : out) got += one.value();
  });
  number put = 0;
  bool over = false;
  while (!over) {
    item mine(1);
    fails([&] {
      const std::size_t chosen = select(on_get(in,
                                               [&](sluice::result<item> one) {
                                                 if (!one) over = true;
                                                 if (one) ++seen;
                                                 user_call();
                                               }),
                                        on_put(out, std::move(mine), [&] { user_call(); }));
      demand(chosen < 2, "one of them");
    });
    if (mine.value() == -1) ++put;
  }
  out.close();
  s.join();
  demand(seen == 5 && got == put, "nothing is lost or doubled");
  demand_nobody_waits(in);
  demand_nobody_waits(out);
}

// ---- functions that the library runs -----------------------------------------------------------

auto seven() {
  return frail([] { return 7; });
}

void fibers() {
  auto f = seven();
  const item mine(1);
  const auto look = frail([](const item& one) { demand(one.value() == 1, "a copy of its own"); });
  fails([&] { demand(sluice::go(f).join() == 7, "its value"); });
  fails([&] { demand(sluice::go({.name = "named"}, seven()).join() == 7, "its value"); });
  fails([&] { sluice::go(look, mine).join(); });
  fails([&] {
    auto task = sluice::go([&] {
      user_call();
      return item(1);
    });
    task.join_for(1h);
    demand(task.join().value() == 1, "its value");
  });
  demand(mine.value() == 1, "it was copied");
}

void scopes() {
  const channel<item> never{1};
  auto f = seven();
  fails([&] {
    sluice::scope s;
    for (int i = 0; i < 3; ++i) s.go(f);
    s.join();
  });
  bool stopped = false;
  fails([&] {
    sluice::scope s;
    const channel<item> ready{1};
    s.go([&] {
      try {
        ready << item(1);
        never.get();
      } catch (const sluice::cancelled&) {
        stopped = true;
        throw;
      }
    });
    ready.get();
    s.go(seven());
    s.go(f);
    user_call();
    s.request_stop();
    s.join();
  });
  demand(stopped, "the rest is stopped");
  demand_nobody_waits(never);
}

void gathers() {
  auto f = seven();
  fails([&] {
    const auto [a, b, c] = sluice::gather(f, seven(), [] { user_call(); });
    demand(a == 7 && b == 7, "their values");
    static_cast<void>(c);
  });
  std::vector<decltype(f)> several;
  for (int i = 0; i < 3; ++i) several.push_back(seven());
  fails([&] { demand(sluice::gather(several) == std::vector{7, 7, 7}, "their values"); });
  const std::int64_t before = thrown;
  try {
    const auto [a, b] = sluice::gather_results(f, seven());
    demand((a ? 0 : 1) + (b ? 0 : 1) == thrown - before, "an error stands for its function");
  } catch (const user_error&) {  // of the copy
    demand(thrown == before + 1, "an exception comes out once");
  }
  fails([&] {
    for (auto& one : sluice::gather_results(std::move(several))) demand(one.value() == 7, "values");
  });
}

void on_this_strand() {
  fails([&] { demand(sluice::blocking(seven()) == 7, "its value"); });
  fails([&] { sluice::blocking([] { user_call(); }); });
  std::stop_source source;
  fails([&] {
    demand(sluice::with_stop(source.get_token(), [] { return sluice::shield(seven()); }) == 7,
           "its value");
  });
  source.request_stop();
  fails([&] { sluice::with_stop(source.get_token(), [] { sluice::shield(seven()); }); });
  sluice::this_fiber::yield();  // throws nothing: the token is not obeyed any more
  demand(!sluice::this_fiber::stop_requested(), "no token is left");

  sluice::mutex m;
  sluice::condition_variable changed;
  std::unique_lock lock(m);
  fails([&] { changed.wait(lock, frail([] { return true; })); });
  fails([&] { demand(!changed.wait_for(lock, 1us, frail([] { return false; })), "late"); });
  demand(lock.owns_lock() && !m.try_lock(), "it is held as before");
  lock.unlock();
  demand(m.try_lock(), "it is free");
  m.unlock();
}

/// A runtime of its own, which hears of what nobody joins.
void orphans() {
  std::atomic<std::int64_t> heard{0};
  const std::int64_t before = thrown;
  try {
    sluice::runtime rt{
        {.workers = 2, .on_unhandled = [&](std::string_view, std::exception_ptr error) {
           try {
             std::rethrow_exception(std::move(error));
           } catch (const user_error&) {
             ++heard;
           }
         }}};
    auto f = seven();
    rt.go(seven());
    try {
      rt.go(f);
    } catch (const user_error&) {  // the copy: there is no fiber
      ++heard;
    }
    rt.go([] {
      sluice::scope s;  // dropped with an error that no join has rethrown
      auto task = s.go(seven());
      sluice::shield([&] { task.join_for(1h); });
    });
  } catch (const user_error&) {
    demand(false, "nobody joins");
  }
  demand(heard == thrown - before, "it hears of each");
}

void locals() {
  const item first(1);
  const sluice::fiber_local<item> made([] {
    user_call();
    return item(1);
  });
  std::optional<const sluice::fiber_local<item>> copied;
  if (fails([&] { copied.emplace(first); })) return;
  const auto use = [&] {
    for (const sluice::fiber_local<item>* one : {&made, &*copied}) {
      fails([&] { demand((*one)->value() == 1, "the first value"); });
      fails([&] { demand((*one)->value() == 1, "the same"); });  // made now, if not before
    }
  };
  sluice::go(use).join();
  sluice::scope s;
  s.go(
      [&] { demand(fails([&] { static_cast<void>(made.get()); }) || made->value() == 1, "mine"); });
  s.join();
}

// ---- pipelines ---------------------------------------------------------------------------------

constexpr number few = 12;

auto count_up(number n) {
  return [next = number{0}, n]() mutable {
    return next < n ? std::optional<item>(std::in_place, next++) : std::nullopt;
  };
}
/// Each must be the next.
auto in_order(number& next) {
  return [&next](const item& one) { demand(one.value() == next++, "the order"); };
}
auto pass() {
  return frail([](item one) { return one; });
}
auto yes() {
  return frail([](const item&) { return true; });
}

void chains() {
  number seen = 0;
  const bool failed = fails([&] {
    p::generate(frail(count_up(few))) | p::transform(pass()) | p::filter(yes()) |
        p::for_each(frail(in_order(seen)));
  });
  demand(failed || seen == few, "all of them");
}

void results_before_an_error() {
  for (const int workers : {1, 3}) {
    std::atomic<number> made{0};
    number seen = 0;
    const bool failed = fails([&] {
      p::generate(count_up(few)) | p::transform(workers, [&](item one) {
        user_call();
        ++made;
        return one;
      }) | p::for_each(in_order(seen));
    });
    demand(failed || seen == few, "all of them");
    demand(workers == 1 ? seen == made : seen <= made, "results before an error arrive");
  }
}

void crowds() {
  number seen = 0;
  const bool failed = fails([&] {
    p::generate(count_up(few)) | p::transform(3, pass()) | p::filter(2, yes()) |
        p::for_each(in_order(seen));
  });
  demand(failed || seen == few, "all of them");
  const p::stage_options free{.workers = 3, .order = p::ordering::free};
  std::atomic<number> sum{0};
  const bool also = fails([&] {
    p::generate(count_up(few)) | p::transform(free, pass()) | p::filter(free, yes()) |
        p::for_each(2, frail([&](const item& one) { sum += one.value(); }));
  });
  demand(also || sum == few * (few - 1) / 2, "the sum");
}

void ranges_of_others() {
  std::vector<item> mine;
  for (number i = 0; i < few; ++i) mine.emplace_back(i);
  fails([&] {
    const std::vector<item> all = p::generate(mine) | p::collect();
    demand(all.size() == mine.size(), "all of them");
  });
  number seen = 0;
  fails([&] {
    p::generate(std::vector<std::span<const item>>{mine, mine}) | p::flatten() |
        p::for_each([&](const item& one) { demand(one.value() == seen++ % few, "the order"); });
  });
  for (number i = 0; i < few; ++i) {
    demand(mine[static_cast<std::size_t>(i)].value() == i, "the owner has them still");
  }
  seen = 0;
  fails([&] { p::generate(noisy<false>(few)) | p::for_each(in_order(seen)); });
  seen = 0;
  fails([&] {
    p::generate(noisy<true>(few)) | p::batch(5, 1h) | p::flatten() | p::for_each(in_order(seen));
  });
}

void forks_and_joins() {
  number left_seen = 0;
  number right_seen = 0;
  const bool failed = fails([&] {
    auto [left, right] = p::generate(frail(count_up(few))) | p::tee();
    sluice::gather([&, from = std::move(
                           left)]() mutable { std::move(from) | p::for_each(in_order(left_seen)); },
                   [&, from = std::move(right)]() mutable {
                     std::move(from) | p::for_each(in_order(right_seen));
                   });
  });
  demand(failed || (left_seen == few && right_seen == few), "both get all");
  number sum = 0;
  const bool also = fails([&] {
    p::merge(p::generate(frail(count_up(few))), p::generate(count_up(few)) | p::transform(pass())) |
        p::for_each([&](const item& one) { sum += one.value(); });
  });
  demand(also || sum == few * (few - 1), "the sum");
}

void own_loops() {
  number seen = 0;
  const bool failed = fails([&] {
    p::produce<item>(frail([](const channel<item>& out) {
      for (number i = 0; i < few; ++i) {
        user_call();
        out << item(i);
      }
      user_call();
    })) |
        p::process<item>(frail([](const auto& in, const auto& out) {
          for (item& one : in) {
            user_call();
            out << std::move(one);
          }
          user_call();
        })) |
        p::for_each(in_order(seen));
  });
  demand(failed || seen == few, "all of them");
}

void pours() {
  const channel<item> to{few};
  const bool failed = fails([&] { p::generate(frail(count_up(few))) | p::into(to); });
  demand(to.closed(), "it is closed in any case");
  number seen = 0;
  bool has_cause = false;
  try {
    for (const item& one : to) in_order(seen)(one);
  } catch (const user_error&) {
    has_cause = true;
  }
  demand(has_cause == failed && (failed || seen == few), "what was put, then the cause");
}

/// Stages that are kept, and used twice: their functions are copied.
void kept_stages() {
  const auto make = [] { return p::transform(pass()) | p::filter(2, yes()); };
  std::optional<decltype(make())> both;
  if (fails([&] { both.emplace(make()); })) return;
  for (int i = 0; i < 2; ++i) {
    number seen = 0;
    const bool failed =
        fails([&] { p::generate(count_up(3)) | *both | p::for_each(in_order(seen)); });
    demand(failed || seen == 3, "all of them");
  }
}

// ---- all of it ---------------------------------------------------------------------------------

struct program {
  const char* name;
  void (*run)();
};

const program programs[] = {
    {"copies into a bounded channel", [] { copies_into(channel<item>{100}); }},
    {"copies into an unbounded channel", [] { copies_into(channel<item>{}); }},
    {"copies to a getter", copies_to_a_getter},
    {"a batch of copies, bounded", [] { batch_of_copies(channel<item>{many}); }},
    {"a batch of copies, unbounded", [] { batch_of_copies(channel<item>{}); }},
    {"a batch that converts, bounded", [] { batch_that_converts(channel<item>{many}); }},
    {"a batch that converts, unbounded", [] { batch_that_converts(channel<item>{}); }},
    {"iterators that throw, bounded", [] { batch_of_noise<false>(channel<item>{many}); }},
    {"iterators that throw, unbounded", [] { batch_of_noise<false>(channel<item>{}); }},
    {"comparisons that throw, bounded", [] { batch_of_noise<true>(channel<item>{many}); }},
    {"comparisons that throw, unbounded", [] { batch_of_noise<true>(channel<item>{}); }},
    {"loops", loops},
    {"close_after", closes},
    {"copies of answers", copies_of_answers},
    {"handlers", handlers},
    {"handlers of those who wait", handlers_of_those_who_wait},
    {"go", fibers},
    {"scope", scopes},
    {"gather", gathers},
    {"blocking, with_stop, shield, predicates", on_this_strand},
    {"what nobody joins", orphans},
    {"fiber_local", locals},
    {"a chain of stages", chains},
    {"results before an error", results_before_an_error},
    {"stages of several workers", crowds},
    {"ranges of others", ranges_of_others},
    {"tee and merge", forks_and_joins},
    {"produce and process", own_loops},
    {"into", pours},
    {"stages that are used twice", kept_stages},
};

/// Lets the first, the second ... call throw until none does any more: so many throws.
template <class Run>
std::int64_t throw_each(const program& one, Run run) {
  const test::situation now(one.name);
  for (std::int64_t n = 1;; ++n) {
    test::progress();
    calls = 0;
    thrown = 0;
    throws_at = n;
    test::wrong = nullptr;
    bool well = true;
    try {
      run(one);
    } catch (...) {
      well = false;
    }
    throws_at = 0;
    INFO(std::string(one.name), ", call ", n);
    CHECK(well);
    CHECK(test::what_is_wrong() == "nothing");
    CHECK(counted::alive() == 0);
    CHECK(counted::misuses() == 0);
    CHECK(thrown <= 1);
    if (thrown == 0) return n - 1;
  }
}

}  // namespace

TEST_CASE(
    "each call of the user's code throws in turn: it comes out once, nothing is lost or leaks") {
  std::int64_t threw = 0;
  constexpr int rounds = test::slowness == 1 ? 4 : 1;
  for (int round = 0; round < rounds; ++round) {  // each time the fibers meet anew
    for (const program& one : programs) {
      threw += throw_each(one, [](auto& that) {
        that.run();
        // What a value was moved out of goes with its task, a moment after the join at the latest.
        test::await([] { return counted::alive() == 0; });
      });
    }
    for (const int workers : {1, 2}) {
      sluice::runtime rt{{.workers = workers, .on_unhandled = [](std::string_view, const auto&) {
                            demand(false, "this error was no orphan");
                          }}};
      const test::dumper shows([&](std::ostream& out) { rt.dump(out); });
      for (const program& one : programs) {
        threw += throw_each(one, [&](auto& that) {
          rt.run([&] { that.run(); });
          test::await([&] { return rt.stats().fibers == 0; });
        });
      }
    }
  }
  CHECK(threw > (test::slowness == 1 ? 35'000 : 8'500));
  MESSAGE(threw, " calls of user code threw");
}
