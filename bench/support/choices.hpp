// The workloads of uneven sides, of select, and of messages between pieces of local work.
//
// See messages.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <sluice/sluice.hpp>
#include <utility>
#include <vector>

#include "support/measure.hpp"
#include "support/messages.hpp"

namespace bench {

/// W5. n putters and 100 / n getters on one channel of capacity 128; n is 1 or 100.
inline measured uneven_channel(std::size_t workers, std::size_t n, std::size_t messages) {
  return on_workers(workers, [n, each = messages / n] {
    const numbers ch{128};
    std::vector<sluice::task<number>> getters;
    std::vector<sluice::task<void>> putters;
    const auto start = clock::now();
    for (std::size_t i = 0; i < 100 / n; ++i) {
      getters.push_back(sluice::go([ch] {
        number sum = 0;
        number item = 0;
        while (ch >> item) sum += item;
        return sum;
      }));
    }
    for (std::size_t i = 0; i < n; ++i) {
      putters.push_back(sluice::go([ch, each] {
        for (std::size_t j = 1; j <= each; ++j) ch << static_cast<number>(j);
      }));
    }
    for (auto& putter : putters) putter.join();
    ch.close();
    number sum = 0;
    for (auto& getter : getters) sum += getter.join();
    return per_operation(start, n * each,
                         sum == static_cast<number>(n) * sum_to(static_cast<number>(each)));
  });
}

template <std::size_t... I>
measured select_from(std::size_t capacity, std::size_t messages, std::index_sequence<I...>) {
  constexpr std::size_t n = sizeof...(I);
  const std::size_t each = messages / n;
  const std::array<numbers, n> inputs{(static_cast<void>(I), make_channel(capacity))...};
  std::vector<sluice::task<void>> putters;
  const auto start = clock::now();
  for (const numbers& ch : inputs) {
    putters.push_back(sluice::go([ch, each] {
      const sluice::close_on_exit closing{ch};
      for (std::size_t j = 1; j <= each; ++j) ch << static_cast<number>(j);
    }));
  }
  number sum = 0;
  while (sluice::select(sluice::on_get(inputs[I], [&](number item) { sum += item; })...) !=
         sluice::all_closed) {
  }
  const bool right = sum == static_cast<number>(n) * sum_to(static_cast<number>(each));
  const measured result = per_operation(start, n * each, right);
  for (auto& putter : putters) putter.join();
  return result;
}

/// W10, W10b. A putter for each of n channels, one getter that selects among them; n is 2 or 8. An
/// operation is a message.
inline measured selecting(std::size_t workers, std::size_t n, std::size_t capacity,
                          std::size_t messages) {
  return on_workers(workers, [n, capacity, messages] {
    if (n == 2) return select_from(capacity, messages, std::make_index_sequence<2>());
    return select_from(capacity, messages, std::make_index_sequence<8>());
  });
}
inline measured selecting_rendezvous(std::size_t workers, std::size_t n, std::size_t messages) {
  return selecting(workers, n, 0, messages);
}
inline measured selecting_buffered(std::size_t workers, std::size_t n, std::size_t messages) {
  return selecting(workers, n, 128, messages);
}

/// Channels that each have room for one, and a selector that gets from all of them.
class one_of_many {
 public:
  explicit one_of_many(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      cases_.on_get(inputs_.emplace_back(1), [this](number item) { sum_ += item; });
    }
  }
  one_of_many(const one_of_many&) = delete;
  one_of_many& operator=(const one_of_many&) = delete;

  /// Into one of them, chosen at random.
  void put(number item) {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    inputs_[random_ % inputs_.size()] << item;
  }
  void wait() { cases_.wait(); }
  [[nodiscard]] number sum() const { return sum_; }

 private:
  std::vector<numbers> inputs_;
  sluice::selector cases_;
  std::uint64_t random_ = 1;
  number sum_ = 0;
};

/// One of n channels has an item when a selector begins to wait. An operation is a wait.
inline measured selector_ready(std::size_t workers, std::size_t n, std::size_t waits) {
  return on_workers(workers, [n, waits] {
    one_of_many all(n);
    const auto start = clock::now();
    for (std::size_t i = 1; i <= waits; ++i) {
      all.put(static_cast<number>(i));
      all.wait();
    }
    return per_operation(start, waits, all.sum() == sum_to(static_cast<number>(waits)));
  });
}

/// The item comes when the selector has parked, if one worker runs both. An operation is a wait.
inline measured selector_parked(std::size_t workers, std::size_t n, std::size_t waits) {
  return on_workers(workers, [n, waits] {
    one_of_many all(n);
    const auto start = clock::now();
    auto putter = sluice::go([&all, waits] {
      for (std::size_t i = 1; i <= waits; ++i) {
        all.put(static_cast<number>(i));
        sluice::this_fiber::yield();
      }
    });
    for (std::size_t i = 0; i < waits; ++i) all.wait();
    const measured result =
        per_operation(start, waits, all.sum() == sum_to(static_cast<number>(waits)));
    putter.join();
    return result;
  });
}

/// A geometric number of dependent steps, 110 in the mean: some 200 ns.
inline std::uint64_t local_work(std::uint64_t state) {
  do {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
  } while (state > UINT64_MAX / 110);
  return state;
}

/// W14. n fibers, half of them put and half of them get, each with local work after each operation
/// (as in Koval, Alistarh, Elizarov, PPoPP 2023). An operation is a message.
inline measured working(std::size_t workers, std::size_t n, std::size_t capacity,
                        std::size_t messages) {
  return on_workers(workers, [pairs = n / 2, capacity, messages] {
    const std::size_t each = messages / pairs;
    const numbers ch = make_channel(capacity);
    std::vector<sluice::task<number>> sides;
    const auto start = clock::now();
    for (std::size_t i = 0; i < pairs; ++i) {
      sides.push_back(sluice::go([ch, each, seed = 2 * i + 1] {
        std::uint64_t state = seed;
        for (std::size_t j = 1; j <= each; ++j) {
          ch << static_cast<number>(j);
          state = local_work(state);
        }
        return state != 0 ? number{0} : number{1};
      }));
      sides.push_back(sluice::go([ch, each, seed = 2 * i + 2] {
        std::uint64_t state = seed;
        number sum = 0;
        for (std::size_t j = 0; j < each; ++j) {
          sum += ch.get();
          state = local_work(state);
        }
        return state != 0 ? sum : number{0};
      }));
    }
    number sum = 0;
    for (auto& side : sides) sum += side.join();
    return per_operation(start, pairs * each,
                         sum == static_cast<number>(pairs) * sum_to(static_cast<number>(each)));
  });
}
inline measured working_rendezvous(std::size_t workers, std::size_t n, std::size_t messages) {
  return working(workers, n, 0, messages);
}
inline measured working_buffered(std::size_t workers, std::size_t n, std::size_t messages) {
  return working(workers, n, 64, messages);
}

}  // namespace bench
