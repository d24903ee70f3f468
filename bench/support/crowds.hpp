// What time limits cost that are not reached, how a crowd of waits ends, how a crowd shares.
//
// See messages.hpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <sluice/sluice.hpp>
#include <vector>

#include "support/measure.hpp"
#include "support/messages.hpp"

namespace bench {

/// As make_channel; `no_limit` (an argument of -1) stands for unbounded.
inline numbers any_channel(std::size_t capacity) {
  return capacity == numbers::no_limit ? numbers{sluice::unbounded} : make_channel(capacity);
}

// ---- time limits that are not reached -----------------------------------------------------------

inline constexpr std::chrono::hours long_enough{1};

/// Which side says how long it waits at most.
enum class limited : std::uint8_t { neither, getter, putter };

/// One putter and one getter; an operation is a message.
template <limited Which>
measured limited_messages(std::size_t workers, std::size_t capacity, std::size_t messages) {
  return on_workers(workers, [capacity, messages] {
    const numbers ch = any_channel(capacity);
    const auto start = clock::now();
    auto putter = sluice::go([ch, messages] {
      const sluice::close_on_exit closing{ch};
      for (std::size_t i = 1; i <= messages; ++i) {
        if constexpr (Which == limited::putter) {
          if (ch.put_for(static_cast<number>(i), long_enough) != sluice::status::ok) return;
        } else {
          ch << static_cast<number>(i);
        }
      }
    });
    number sum = 0;
    if constexpr (Which == limited::getter) {
      while (const auto item = ch.get_for(long_enough)) sum += *item;
    } else {
      for (number item = 0; ch >> item;) sum += item;
    }
    const measured result =
        per_operation(start, messages, sum == sum_to(static_cast<number>(messages)));
    putter.join();
    return result;
  });
}

// ---- a crowd of waits that ends at once ---------------------------------------------------------

/// Fibers that wait in `wait_in(ch)` on one channel that nobody puts to, and what became of them.
class waiting_crowd {
 public:
  template <class F>
  waiting_crowd(std::size_t n, F wait_in) : left_(static_cast<std::ptrdiff_t>(n)) {
    for (std::size_t i = 0; i < n; ++i) {
      all_.push_back(sluice::go([this, wait_in] {
        // order: relaxed, a count
        come_.fetch_add(1, std::memory_order_relaxed);
        // order: relaxed, as above
        if (wait_in(ch_)) right_.fetch_add(1, std::memory_order_relaxed);
        left_.count_down();
        home_.arrive_and_wait(0);  // their ends are not timed; this one obeys no stop
      }));
    }
    // order: relaxed, as above
    while (come_.load(std::memory_order_relaxed) != n) sluice::this_fiber::yield();
    sluice::this_fiber::sleep_for(std::chrono::milliseconds(20));  // the last ones park
  }

  [[nodiscard]] const numbers& channel() const { return ch_; }
  [[nodiscard]] std::vector<sluice::task<void>>& fibers() { return all_; }

  /// Waits until all have run; an operation is the end of one wait.
  measured ended_since(clock::time_point start) {
    left_.wait();
    const double seconds = seconds_since(start);
    home_.count_down();
    for (auto& one : all_) one.join();
    // order: relaxed, the joins come after all of them
    const bool checked = right_.load(std::memory_order_relaxed) == all_.size();
    return {.operations = static_cast<double>(all_.size()), .seconds = seconds, .checked = checked};
  }

 private:
  const numbers ch_{128};
  std::vector<sluice::task<void>> all_;
  sluice::latch left_;
  sluice::latch home_{1};
  std::atomic<std::size_t> come_{0};
  std::atomic<std::size_t> right_{0};
};

/// n getters wait, the channel is closed.
inline measured closed_crowd(std::size_t workers, std::size_t n) {
  return on_workers(workers, [n] {
    waiting_crowd crowd(n, [](const numbers& ch) {
      number item = 0;
      return !(ch >> item);
    });
    const auto start = clock::now();
    crowd.channel().close();
    return crowd.ended_since(start);
  });
}

/// A get that must end by a stop; the exception is not let out of here.
inline bool is_cancelled(const numbers& ch) {
  try {
    static_cast<void>(ch.get());
    return false;
  } catch (const sluice::cancelled&) {
    return true;
  }
}

/// n getters wait, and each is asked to stop.
inline measured stopped_crowd(std::size_t workers, std::size_t n) {
  return on_workers(workers, [n] {
    waiting_crowd crowd(n, is_cancelled);
    const auto start = clock::now();
    for (auto& one : crowd.fibers()) one.request_stop();
    return crowd.ended_since(start);
  });
}

/// n getters wait until the same moment, which comes; the time from then on.
inline measured timed_out_crowd(std::size_t workers, std::size_t n) {
  return on_workers(workers, [n] {
    const auto moment = clock::now() + std::chrono::seconds(1);
    waiting_crowd crowd(n, [moment](const numbers& ch) {
      return ch.get_until(moment).status() == sluice::status::timed_out;
    });
    return crowd.ended_since(moment);
  });
}

// ---- shares -------------------------------------------------------------------------------------

/// Are the items put while the getters take them; or all before, so that no getter ever waits, and
/// each costs some work?
enum class supply : std::uint8_t { meanwhile, before };

/// Eight getters of one channel, which take as fast as they can, and one putter: `spread` is the
/// largest share by the smallest; an operation is a message.
inline measured sharing(std::size_t workers, std::size_t capacity, std::size_t messages,
                        supply when = supply::meanwhile) {
  constexpr std::size_t getters = 8;
  return on_workers(workers, [capacity, messages, when] {
    const numbers ch = any_channel(capacity);
    const auto put_all = [&] {
      for (std::size_t i = 1; i <= messages; ++i) ch << static_cast<number>(i);
      ch.close();
    };
    if (when == supply::before) put_all();
    std::vector<sluice::task<std::size_t>> sides;
    const auto start = clock::now();
    for (std::size_t i = 0; i < getters; ++i) {
      sides.push_back(sluice::go([ch, work = when == supply::before ? 400 : 0] {
        std::size_t share = 0;
        for (number item = 0; ch >> item;) {
          ++share;
          for (int k = 0; k < work; ++k) asm volatile("" ::: "memory");
        }
        return share;
      }));
    }
    if (when == supply::meanwhile) put_all();
    std::vector<std::size_t> shares;
    for (auto& one : sides) shares.push_back(one.join());
    std::size_t sum = 0;
    for (const std::size_t share : shares) sum += share;
    measured result = per_operation(start, messages, sum == messages);
    const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
    result.more = {{"spread", static_cast<double>(*most) / static_cast<double>(*least)}};
    return result;
  });
}

}  // namespace bench
