// The operations of channel_fuzz as the library does them, with their answers in words of the model.
#pragma once

#include <chrono>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "channel_model.hpp"
#include "fuzz.hpp"
#include "sluice/sluice.hpp"

namespace fuzz {

// ---- items ---------------------------------------------------------------------------------------

struct copy_failed {};

/// Counts its instances; knows whether it was moved from. Its copies throw once the fuse has burnt
/// down.
class token {
 public:
  explicit token(number n) noexcept : value_(n) { ++alive; }
  token(const token& other) : value_(other.value_) {
    if (fuse == 0) throw copy_failed();
    --fuse;
    ++alive;
  }
  token(token&& other) noexcept : value_(other.take()) { ++alive; }
  token& operator=(const token&) = delete;
  token& operator=(token&& other) noexcept {
    value_ = other.take();
    return *this;
  }
  ~token() {
    if (value_ == gone) fail("an item is destroyed twice");
    value_ = gone;
    --alive;
  }
  [[nodiscard]] number value() const noexcept { return value_; }

  static constexpr number moved = -1;
  static constexpr number gone = -2;
  // One strand runs at a time, and what orders them orders these.
  inline static number alive = 0;
  inline static std::size_t fuse = 0;

 private:
  number take() noexcept {
    const number now = value_;
    value_ = moved;
    return now;
  }
  /// Volatile, so that the destructor's mark is really made.
  volatile number value_;
};

struct a_cause {
  number n;
};

using token_channel = sluice::channel<token>;

// ---- an operation as the library does it ----------------------------------------------------------

/// A put that was refused has left its item alone, one that was not has taken it.
inline void check_kept(const token& item, number n, bool taken) {
  const number now = taken ? token::moved : n;
  if (item.value() != now) {
    fail("the item of a put holds " + std::to_string(item.value()) + ", not " +
         std::to_string(now));
  }
}

inline word word_of(sluice::status s) {
  switch (s) {
    case sluice::status::ok:
      return word::done;
    case sluice::status::empty:
      return word::empty;
    case sluice::status::full:
      return word::full;
    case sluice::status::closed:
      return word::closed;
    case sluice::status::timed_out:
      break;
  }
  return word::timed_out;
}

/// Calls `f`; what it throws as an answer.
template <class F>
answer said_by(F f) {
  try {
    return f();
  } catch (const sluice::channel_closed&) {
    return {word::closed, 0, {}};
  } catch (const sluice::cancelled&) {
    return {word::cancelled, 0, {}};
  } catch (const a_cause& cause) {
    return {word::cause, cause.n, {}};
  } catch (const copy_failed&) {
    return {word::copy_failed, 0, {}};
  }
}

inline answer as_answer(const sluice::result<token>& from) {
  if (from) return {word::done, 0, {from->value()}};
  if (!from.cause()) return {word_of(from.status()), 0, {}};
  return said_by([&]() -> answer { std::rethrow_exception(from.cause()); });
}

inline answer as_answer(const std::vector<token>& from) {
  answer all;
  for (const token& one : from) all.items.push_back(one.value());
  return all;
}

inline std::chrono::steady_clock::time_point long_ago() {
  return std::chrono::steady_clock::now() - std::chrono::seconds(1);
}

inline answer put_one(const operation& op, const token_channel& ch) {
  token item(op.first);
  const token& constant = item;
  token::fuse = op.fuse;
  const answer how = said_by([&]() -> answer {
    switch (op.kind) {
      case what::put:
        ch << std::move(item);
        return {};
      case what::put_copy:
        ch.put(constant);
        return {};
      case what::try_put:
        return {word_of(ch.try_put(std::move(item))), 0, {}};
      case what::try_put_copy:
        return {word_of(ch.try_put(constant)), 0, {}};
      case what::put_for:
        return {word_of(ch.put_for(std::move(item), std::chrono::seconds(0))), 0, {}};
      default:
        return {word_of(ch.put_until(std::move(item), long_ago())), 0, {}};
    }
  });
  check_kept(item, op.first, how.how == word::done && !op.copies());
  return how;
}

inline answer put_many(const operation& op, const token_channel& ch) {
  std::vector<token> items;
  items.reserve(op.count);
  for (std::size_t i = 0; i < op.count; ++i) items.emplace_back(op.first + static_cast<number>(i));
  token::fuse = op.fuse;
  const bool copies = op.copies();
  const answer how = said_by([&]() -> answer {
    const std::size_t done = copies ? ch.put_batch(items) : ch.put_batch(std::move(items));
    return {word::done, static_cast<number>(done), {}};
  });
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool taken = how.how == word::done && static_cast<number>(i) < how.value && !copies;
    check_kept(items[i], op.first + static_cast<number>(i), taken);
  }
  return how;
}

inline answer get_some(const operation& op, const token_channel& ch) {
  switch (op.kind) {
    case what::get:
      return {word::done, 0, {ch.get().value()}};
    case what::shift: {
      token item(op.first);
      if (ch >> item) return {word::done, 0, {item.value()}};
      check_kept(item, op.first, false);
      return {word::closed, 0, {}};
    }
    case what::try_get:
      return as_answer(ch.try_get());
    case what::get_for:
      return as_answer(ch.get_for(std::chrono::seconds(0)));
    case what::get_until:
      return as_answer(ch.get_until(long_ago()));
    case what::get_batch:
      return as_answer(ch.get_batch(op.count));
    case what::get_batch_linger:
      return as_answer(ch.get_batch(op.count, std::chrono::seconds(0)));
    default:
      return as_answer(ch.try_get_batch(op.count));
  }
}

inline answer iterate(const operation& op, const token_channel& ch) {
  std::vector<number> got;
  answer how = said_by([&]() -> answer {
    for (const token& item : ch) {
      got.push_back(item.value());
      if (got.size() == op.count) break;
    }
    return {};
  });
  how.items = std::move(got);
  return how;
}

inline answer join(const operation& op, const token_channel& ch) {
  if (op.kind == what::join) return ch.join(), answer{};
  return {ch.join_for(std::chrono::seconds(0)) ? word::done : word::timed_out, 0, {}};
}

inline answer close(const operation& op, const token_channel& ch) {
  const a_cause cause{static_cast<number>(op.count)};
  const bool first = op.kind == what::close ? ch.close() : ch.close(std::make_exception_ptr(cause));
  return {word::done, first ? 1 : 0, {}};
}

// ---- selects -------------------------------------------------------------------------------------

/// What the handlers leave.
struct handled {
  std::vector<number> items;
  auto item() {
    return [this](const token& one) { items.push_back(one.value()); };
  }
  auto result() {
    return [this](const sluice::result<token>& one) {
      if (one) items.push_back(one->value());
    };
  }
};

/// Each combination of cases is compiled: so few. A selector takes more.
inline constexpr std::size_t most_cases_of_select = 2;

/// Makes each case, in the order given, and calls `f` with all of them.
template <class F, class... Cases>
answer with_cases(const std::vector<one_case>& rest, std::size_t at,
                  const std::vector<token_channel>& all, std::vector<token>& items, handled& seen,
                  F f, Cases&&... cases) {
  if constexpr (sizeof...(Cases) < most_cases_of_select) {
    if (at < rest.size()) {
      const token_channel& ch = all[rest[at].channel];
      const auto next = [&](auto&& one) {
        return with_cases(rest, at + 1, all, items, seen, f, std::forward<Cases>(cases)...,
                          std::forward<decltype(one)>(one));
      };
      switch (rest[at].which) {
        case way::put:
          return next(sluice::on_put(ch, std::move(items[at])));
        case way::get:
          return next(sluice::on_get(ch, seen.item()));
        case way::get_result:
          return next(sluice::on_get(ch, seen.result()));
      }
    }
  }
  if constexpr (sizeof...(Cases) > 0) return f(std::forward<Cases>(cases)...);
  fail("a select without cases");
}

inline answer chosen_case(std::size_t position, handled& seen) {
  if (position == sluice::all_closed) return {word::all_closed, 0, {}};
  return {word::chosen, static_cast<number>(position), std::exchange(seen.items, {})};
}

inline answer select_once(const operation& op, const std::vector<token_channel>& all) {
  std::vector<token> items;
  items.reserve(op.cases.size());
  for (const one_case& one : op.cases) items.emplace_back(one.item);
  handled seen;
  const answer how = said_by([&] {
    return with_cases(op.cases, 0, all, items, seen, [&](auto&&... cases) {
      const auto choose = [&](auto&&... more) {
        return op.in_order ? sluice::select(sluice::in_order, more...) : sluice::select(more...);
      };
      const bool other = op.last == last_case::otherwise;
      return chosen_case(other ? choose(cases..., sluice::otherwise()) : choose(cases...), seen);
    });
  });
  for (std::size_t i = 0; i < op.cases.size(); ++i) {
    const bool taken = how.how == word::chosen && how.value == static_cast<number>(i) &&
                       op.cases[i].which == way::put;
    check_kept(items[i], op.cases[i].item, taken);
  }
  return how;
}

class token_selector {
 public:
  token_selector(const operation& op, const std::vector<token_channel>& all)
      : chooser_(op.in_order ? sluice::selector(sluice::in_order) : sluice::selector()) {
    for (const one_case& one : op.cases) {
      if (one.which == way::put) chooser_.on_put(all[one.channel], token(one.item));
      if (one.which == way::get) chooser_.on_get(all[one.channel], seen_.item());
      if (one.which == way::get_result) chooser_.on_get(all[one.channel], seen_.result());
    }
    if (op.last == last_case::otherwise) chooser_.otherwise();
    if (op.last == last_case::timeout) chooser_.on_timeout(std::chrono::seconds(0));
  }
  answer wait() {
    return said_by([&] { return chosen_case(chooser_.wait(), seen_); });
  }

 private:
  handled seen_;
  sluice::selector chooser_;
};

inline answer perform(const operation& op, const std::vector<token_channel>& all) {
  const token_channel& ch = all[op.channel];
  switch (op.of()) {
    case family::put:
      return put_one(op, ch);
    case family::put_many:
      return put_many(op, ch);
    case family::get:
    case family::get_many:
      return said_by([&] { return get_some(op, ch); });
    case family::iterate:
      return iterate(op, ch);
    case family::join:
      return said_by([&] { return join(op, ch); });
    case family::close:
      return close(op, ch);
    case family::select:
      break;
  }
  return op.kind == what::select ? select_once(op, all) : token_selector(op, all).wait();
}

}  // namespace fuzz
