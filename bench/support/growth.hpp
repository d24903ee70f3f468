// How the cost of a message grows: with its size, the capacity, the number of fibers and channels,
// the length of batches; and what time limits add that are not reached.
//
// See messages.hpp. In all of them an operation is a message.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <sluice/sluice.hpp>
#include <vector>

#include "support/crowds.hpp"
#include "support/measure.hpp"
#include "support/messages.hpp"

namespace bench {

// ---- size ---------------------------------------------------------------------------------------

/// A message of that many bytes, each word of which is its number.
template <std::size_t Bytes>
using sized = std::array<number, Bytes / sizeof(number)>;

template <std::size_t Bytes>
measured messages_of(std::size_t workers, std::size_t messages) {
  return on_workers(workers, [messages] {
    const sluice::channel<sized<Bytes>> ch{128};
    const auto start = clock::now();
    auto putter = sluice::go([ch, messages] {
      const sluice::close_on_exit closing{ch};
      for (std::size_t i = 1; i <= messages; ++i) {
        sized<Bytes> item;
        item.fill(static_cast<number>(i));
        ch << item;
      }
    });
    number first = 0;
    number last = 0;
    for (sized<Bytes> item{}; ch >> item;) {
      first += item.front();
      last += item.back();
    }
    const number expected = sum_to(static_cast<number>(messages));
    const measured result = per_operation(start, messages, first == expected && last == expected);
    putter.join();
    return result;
  });
}

/// One putter, one getter, capacity 128, messages of that many bytes.
inline measured by_size(std::size_t workers, std::size_t bytes, std::size_t messages) {
  switch (bytes) {
    case 8:
      return messages_of<8>(workers, messages);
    case 64:
      return messages_of<64>(workers, messages);
    case 256:
      return messages_of<256>(workers, messages);
    case 1024:
      return messages_of<1024>(workers, messages);
    case 4096:
      return messages_of<4096>(workers, messages / 4);
    default:
      cannot_run("messages of 8, 64, 256, 1024 or 4096 bytes only");
  }
}

// ---- capacity, batches --------------------------------------------------------------------------

/// One putter, one getter, a channel of that capacity.
inline measured by_capacity(std::size_t workers, std::size_t capacity, std::size_t messages) {
  return limited_messages<limited::neither>(workers, capacity, messages);
}

/// One putter, one getter, capacity 128, n messages with one operation on either side.
inline measured by_batch(std::size_t workers, std::size_t n, std::size_t messages) {
  return on_workers(workers, [n, batches = messages / n] {
    const numbers ch{128};
    const auto start = clock::now();
    auto putter = sluice::go([ch, n, batches] {
      const sluice::close_on_exit closing{ch};
      std::vector<number> items(n);
      number next = 0;
      for (std::size_t i = 0; i < batches; ++i) {
        for (number& item : items) item = ++next;
        ch.put_batch(items);
      }
    });
    number sum = 0;
    for (std::vector<number> items = ch.get_batch(n); !items.empty(); items = ch.get_batch(n)) {
      for (const number item : items) sum += item;
    }
    const measured result =
        per_operation(start, batches * n, sum == sum_to(static_cast<number>(batches * n)));
    putter.join();
    return result;
  });
}

// ---- fibers, channels ---------------------------------------------------------------------------

/// Fibers that stand ready before the clock starts: what spawning costs is another workload.
class starting_line {
 public:
  /// For each fiber, as its first act.
  void stand_ready() {
    // order: relaxed, a count
    ready_.fetch_add(1, std::memory_order_relaxed);
    go_.wait();
  }
  void wait_for(std::size_t n) const {
    // order: relaxed, as above
    while (ready_.load(std::memory_order_relaxed) != n) sluice::this_fiber::yield();
  }
  /// When `n` fibers stand ready; the time at which they were let go.
  clock::time_point start(std::size_t n) {
    wait_for(n);
    const auto now = clock::now();
    go_.count_down();
    return now;
  }

 private:
  std::atomic<std::size_t> ready_{0};
  sluice::latch go_{1};
};

/// `pairs` of a putter and a getter; the i-th pair uses channel i modulo their number. Capacity 128.
inline measured pairs_on_channels(std::size_t workers, std::size_t pairs, std::size_t channels,
                                  std::size_t messages) {
  return on_workers(workers, [pairs, channels, each = std::max<std::size_t>(messages / pairs, 1)] {
    std::vector<numbers> all;
    for (std::size_t i = 0; i < channels; ++i) all.emplace_back(128);
    starting_line line;
    std::vector<sluice::task<number>> sides;
    for (std::size_t i = 0; i < pairs; ++i) {
      const numbers& ch = all[i % channels];
      sides.push_back(sluice::go([&ch, &line, each] {
        line.stand_ready();
        for (std::size_t j = 1; j <= each; ++j) ch << static_cast<number>(j);
        return number{0};
      }));
      sides.push_back(sluice::go([&ch, &line, each] {
        line.stand_ready();
        number sum = 0;
        for (std::size_t j = 0; j < each; ++j) sum += ch.get();
        return sum;
      }));
    }
    const auto start = line.start(2 * pairs);
    number sum = 0;
    for (auto& side : sides) sum += side.join();
    return per_operation(start, pairs * each,
                         sum == static_cast<number>(pairs) * sum_to(static_cast<number>(each)));
  });
}

/// n fibers on one channel, half of them put.
inline measured by_fibers(std::size_t workers, std::size_t n, std::size_t messages) {
  return pairs_on_channels(workers, n / 2, 1, messages);
}

/// n channels, each with a putter and a getter of its own.
inline measured by_channels(std::size_t workers, std::size_t n, std::size_t messages) {
  return pairs_on_channels(workers, n, n, messages);
}

// ---- time limits, ends, shares ------------------------------------------------------------------

/// The value is without time limits; with one on either side stands beside it.
inline measured timed(std::size_t workers, std::size_t capacity, std::size_t messages) {
  measured plain = limited_messages<limited::neither>(workers, capacity, messages);
  const measured getting = limited_messages<limited::getter>(workers, capacity, messages);
  const measured putting = limited_messages<limited::putter>(workers, capacity, messages);
  plain.checked = plain.checked && getting.checked && putting.checked;
  plain.more = {{"get_for_ns", getting.ns_per_operation()},
                {"put_for_ns", putting.ns_per_operation()}};
  return plain;
}

/// n getters whose waits are ended by a close; by stops and by time limits stand beside it.
inline measured ends(std::size_t workers, std::size_t n) {
  measured closed = closed_crowd(workers, n);
  const measured stopped = stopped_crowd(workers, n);
  const measured late = timed_out_crowd(workers, n);
  closed.checked = closed.checked && stopped.checked && late.checked;
  closed.more = {{"stop_ns", stopped.ns_per_operation()},
                 {"time_limit_ns", late.ns_per_operation()}};
  return closed;
}

}  // namespace bench
