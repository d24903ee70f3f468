// Programs that use the whole library, to be refused something: tests/faults_test.cpp runs them.
//
// A program that is refused something ends by an exception that says so, or as if nothing had been.
// Either way it has seen what must be so then.
#pragma once

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <exception>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "demand.hpp"
#include "items.hpp"
#include "sluice/sluice.hpp"

namespace test::refusals {

using namespace std::chrono_literals;
using sluice::channel;

inline constexpr number items = 40;
inline constexpr number sum_of_items = items * (items - 1) / 2;

inline void put_all(const channel<counted>& ch) {
  const sluice::close_on_exit done{ch};
  for (number i = 0; i < items; ++i) ch << counted(i);
}

inline void ferry(const channel<counted>& ch) {
  sluice::runtime rt{{.workers = 2}};
  const number sum = rt.run([&] {
    sluice::scope s;
    s.go([&] { put_all(ch); });
    number all = 0;
    for (const counted& item : ch) all += item.value();
    s.join();
    return all;
  });
  demand(sum == sum_of_items, "the sum");
}

/// Puts until a put throws; what was accepted is there, what was refused is with its owner.
inline void put_and_keep() {
  const channel<counted> ch;
  number done = 0;
  std::exception_ptr refused;
  while (done < 500) {
    counted item(done);
    try {
      ch.put(std::move(item));
    } catch (const std::bad_alloc&) {
      refused = std::current_exception();
      demand(item.value() == done, "a refused item stays with its owner");
      break;
    }
    ++done;
  }
  demand(ch.size() == static_cast<std::size_t>(done), "the size");
  for (number i = 0; i < done; ++i) demand(ch.try_get()->value() == i, "the order");
  demand(ch.empty(), "nothing more");
  if (refused) std::rethrow_exception(refused);
}

inline void batches() {
  const channel<counted> ch{64};
  number sum = 0;
  {
    std::vector<counted> some;
    for (number i = 0; i < items; ++i) some.emplace_back(i);
    demand(ch.put_batch(std::move(some)) == static_cast<std::size_t>(items), "the whole batch");
  }
  std::exception_ptr refused;
  try {
    while (!ch.empty()) {
      for (const counted& item : ch.try_get_batch(7)) sum += item.value();
    }
  } catch (const std::bad_alloc&) {
    refused = std::current_exception();
  }
  while (auto item = ch.try_get()) sum += item->value();
  demand(sum == sum_of_items, "what the batches left is still there");
  if (refused) std::rethrow_exception(refused);
}

inline void choose() {
  const channel<counted> a{2};
  const channel<counted> b;
  number sum = 0;
  const auto add = [&](const counted& item) { sum += item.value(); };
  a << counted(1) << counted(2);
  demand(sluice::select(sluice::on_get(a, add), sluice::on_get(b, add)) == 0, "a has one");
  demand(sluice::select(sluice::on_get(b, add), sluice::on_timeout(1us)) == 1, "b has none");
  sluice::selector cases;
  for (int i = 0; i < 20; ++i) cases.on_get(b, add);
  cases.on_get(a, add);
  cases.on_put(a, counted(3));
  demand(cases.wait() >= 20, "a is ready");
  a.close();
  while (auto item = a.try_get()) sum += item->value();
}

inline void together() {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    const auto [a, b, c] = sluice::gather([] { return 1; }, [] { return std::string("two"); },
                                          [] { sluice::this_fiber::yield(); });
    demand(a == 1 && b == "two", "gather");
    static_cast<void>(c);
    const auto [good, bad] = sluice::gather_results(
        [] { return counted(1); }, []() -> int { throw std::runtime_error("as wished"); });
    demand(good.has_value() && !bad.has_value(), "gather_results");
    sluice::scope outer;
    outer.go([] {
      sluice::scope inner;
      for (int i = 0; i < 8; ++i) inner.go([] { sluice::this_fiber::yield(); });
      inner.join();
    });
    outer.join();
  });
}

inline void times() {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    sluice::this_fiber::sleep_for(10us);
    demand(static_cast<bool>(sluice::after(10us).get_for(1h)), "after");
    const auto beats = sluice::tick(50us);
    for (int i = 0; i < 3; ++i) beats.get();
    const channel<counted> never{1};
    demand(never.get_for(10us).status() == sluice::status::timed_out, "a limit");
  });
}

inline void helpers() {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    sluice::scope s;
    std::atomic<int> done{0};
    for (int i = 0; i < 4; ++i) s.go([&] { done += sluice::blocking([] { return 1; }); });
    s.join();
    demand(done == 4, "all jobs");
  });
}

inline void own_things() {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    static sluice::fiber_local<std::string> mine([] { return std::string(50, 'a'); });
    sluice::scope s;
    for (int i = 0; i < 3; ++i) {
      s.go([] {
        *mine += "b";
        sluice::this_fiber::yield();
        demand(mine->size() == 51, "fiber_local");
        std::stop_source source;
        sluice::with_stop(source.get_token(), [] {
          demand(sluice::this_fiber::stop_token().stop_possible(), "a token");
          sluice::shield([] { sluice::this_fiber::yield(); });
        });
      });
    }
    s.join();
  });
}

inline void locks() {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    sluice::mutex m;
    sluice::condition_variable cv;
    sluice::counting_semaphore<4> free_places{2};
    sluice::wait_group group;
    int turns = 0;
    sluice::scope s;
    for (int i = 0; i < 6; ++i) {
      group.add();
      struct finally {
        sluice::wait_group& group;
        ~finally() { group.done(); }
      } finally{group};
      s.go([&] {
        free_places.acquire();
        {
          std::unique_lock guard(m);
          ++turns;
          cv.notify_all();
          cv.wait_for(guard, 10us);
        }
        free_places.release();
      });
    }
    group.wait();
    s.join();
    demand(turns == 6, "each had its turn");
  });
}

/// Puts a batch that meets the end of memory: what was accepted is there, the rest with its owner.
inline void put_batch_and_keep() {
  const channel<counted> ch;
  std::vector<counted> mine;
  mine.reserve(500);
  for (number i = 0; i < 500; ++i) mine.emplace_back(i);
  std::exception_ptr refused;
  try {
    demand(ch.put_batch(std::move(mine)) == 500, "the whole batch");
  } catch (const std::bad_alloc&) {
    refused = std::current_exception();
  }
  const auto accepted = static_cast<number>(ch.size());
  demand(refused || accepted == 500, "all of it is there");
  demand(mine.size() == 500, "a vector given away is not touched, but for its items");
  for (number i = 0; i < 500; ++i) {
    demand(mine[static_cast<std::size_t>(i)].value() == (i < accepted ? -1 : i), "the owner's");
  }
  for (number i = 0; i < accepted; ++i) demand(ch.get().value() == i, "the order");
  demand(ch.empty(), "nothing more");
  ch << counted(7);  // there is room behind what was got
  demand(ch.get().value() == 7, "it works on");
  if (refused) std::rethrow_exception(refused);
}

/// Gets batches whose vectors must grow: what they could not take stays inside.
inline void grow(const channel<counted>& ch) {
  number put = 0;
  number got = 0;
  std::exception_ptr refused;
  try {
    for (; put < 300; ++put) ch << counted(put);
    while (!ch.empty()) {
      for (const counted& item : ch.get_batch(1000)) demand(item.value() == got++, "the order");
    }
  } catch (const std::bad_alloc&) {
    refused = std::current_exception();
  }
  while (auto item = ch.try_get()) demand(item->value() == got++, "the order of what was left");
  demand(got == put, "nothing is lost");
  if (refused) std::rethrow_exception(refused);
}

/// Batches that wait until they are full or all is over.
inline void linger(const channel<counted>& ch) {
  sluice::runtime rt{{.workers = 2}};
  rt.run([&] {
    sluice::scope s;
    s.go([&] { put_all(ch); });
    number got = 0;
    std::exception_ptr refused;
    try {
      for (;;) {
        const std::vector<counted> some = ch.get_batch(15, 1h);
        if (some.empty()) break;
        for (const counted& item : some) demand(item.value() == got++, "the order");
      }
    } catch (const std::bad_alloc&) {
      refused = std::current_exception();
    }
    for (const counted& item : ch) demand(item.value() == got++, "the order of what was left");
    s.join();
    demand(got == items, "nothing is lost");
    if (refused) std::rethrow_exception(refused);
  });
}

inline void select_in_a_loop() {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    const channel<counted> inputs[] = {channel<counted>{2}, channel<counted>{sluice::rendezvous},
                                       channel<counted>{}};
    number sum = 0;
    sluice::scope s;
    for (const auto& one : inputs) s.go([&one] { put_all(one); });
    sluice::selector cases;
    for (const auto& one : inputs)
      cases.on_get(one, [&](const counted& item) { sum += item.value(); });
    while (cases.wait() != sluice::all_closed) {
    }
    s.join();
    demand(sum == 3 * sum_of_items, "the sum");
  });
}

/// An item that a selector does not take stays with its owner; what it took is put once.
inline void put_by_selector() {
  const channel<counted> ch{50};
  sluice::selector cases;
  std::exception_ptr refused;
  number stored = 0;
  for (; stored < 20; ++stored) {
    counted item(stored);
    try {
      cases.on_put(ch, std::move(item), [] {});
    } catch (const std::bad_alloc&) {
      refused = std::current_exception();
      demand(item.value() == stored, "a refused item stays with its owner");
      break;
    }
    demand(item.value() == -1, "the item was stored");
  }
  for (number i = 0; i < stored; ++i) cases.wait();
  demand(ch.size() == static_cast<std::size_t>(stored), "each item is put once");
  demand(stored == 0 || cases.wait() == sluice::all_closed, "none is left");
  number sum = 0;
  while (auto item = ch.try_get()) sum += item->value();
  demand(sum == stored * (stored - 1) / 2, "the sum");
  if (refused) std::rethrow_exception(refused);
}

/// Threads that read until they are stopped.
inline void obey_on_threads() {
  const channel<counted> ch{3};
  std::atomic<number> got{0};
  std::atomic<number> last{-1};
  std::exception_ptr refused;
  number put = 0;
  {
    std::vector<std::jthread> readers;
    try {
      for (int i = 0; i < 2; ++i) {
        readers.emplace_back([&](const std::stop_token& stop) {
          try {
            sluice::with_stop(stop, [&] {
              for (const counted& item : ch) {
                ++got;
                last = item.value();
              }
            });
            demand(false, "nobody closes it");
          } catch (const sluice::cancelled&) {
          } catch (...) {
            demand(false, "a reader met something else");
          }
        });
      }
      for (; put < items; ++put) ch << counted(put);
      while (got < put) sluice::this_fiber::yield();
    } catch (const std::bad_alloc&) {
      refused = std::current_exception();
    } catch (const std::system_error&) {
      refused = std::current_exception();
    }
  }  // stops them
  demand(got + static_cast<number>(ch.size()) == put, "nothing is lost");
  if (refused) std::rethrow_exception(refused);
}

inline void close_with_a_cause() {
  auto [tx, rx] = sluice::make_channel<counted>(sluice::unbounded, {.name = "a name on the heap"});
  number put = 0;
  std::exception_ptr refused;
  try {
    sluice::close_after(tx, [&, &tx = tx] {
      for (; put < 100; ++put) tx.put(counted(put));
      throw std::domain_error("as wished");
    });
  } catch (const std::domain_error&) {
    demand(put == 100, "all were put");
  } catch (const std::bad_alloc&) {
    refused = std::current_exception();
  }
  number got = 0;
  try {
    for (const counted& item : rx) demand(item.value() == got++, "the order");
    demand(false, "a close with a cause is no plain end");
  } catch (const std::domain_error&) {
    demand(!refused, "the cause is that of the close");
  } catch (const std::bad_alloc&) {
    demand(static_cast<bool>(refused), "the cause is that of the close");
  }
  demand(got == put, "nothing is lost");
  if (refused) std::rethrow_exception(refused);
}

/// Does the signal do what it does in a fresh process?
inline bool is_default(int signal) {
  struct sigaction now {};
  ::sigaction(signal, nullptr, &now);
  return (now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_DFL;
}

/// Watches that begin or do not, and end with their task.
inline void stop_by_signals() {
  sluice::runtime rt{{.workers = 2}};
  const channel<counted> gate{1};
  auto task = rt.go([gate] { gate.get(); });
  auto other = rt.go([gate] { gate.get(); });
  std::exception_ptr refused;
  try {
    sluice::stop_on_signal(task, SIGUSR1, SIGUSR2);
    demand(!is_default(SIGUSR1) && !is_default(SIGUSR2), "they are watched");
    sluice::stop_on_signal(other, SIGUSR1).end();
  } catch (...) {
    refused = std::current_exception();
    demand(is_default(SIGUSR1) == is_default(SIGUSR2), "both or none");
  }
  gate << counted(1) << counted(2);
  task.join();
  other.join();
  demand(is_default(SIGUSR1) && is_default(SIGUSR2), "all is as before");
  if (refused) std::rethrow_exception(refused);
}

/// Those who were not started: nobody waits for them at a barrier, whose wait no stop ends.
class absentees {
 public:
  absentees(sluice::barrier<>& meet, sluice::latch& start, int count) noexcept
      : meet_(meet), start_(start), left_(count) {}
  absentees(const absentees&) = delete;
  absentees& operator=(const absentees&) = delete;
  ~absentees() {
    for (; left_ > 0; --left_) {
      meet_.arrive_and_drop();
      start_.count_down();
    }
  }
  void one_came() noexcept { --left_; }

 private:
  sluice::barrier<>& meet_;
  sluice::latch& start_;
  int left_;
};

inline void meetings() {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    constexpr int crowd = 5;
    sluice::barrier<> meet(crowd);
    sluice::latch start(crowd);
    sluice::shared_mutex m;
    int written = 0;
    int came = 0;
    {
      sluice::scope s;
      absentees others(meet, start, crowd);
      for (int i = 0; i < crowd; ++i) {
        s.go([&, i] {
          start.arrive_and_wait();
          if (i % 2 == 0) {
            const std::lock_guard lock(m);
            ++written;
          } else {
            const std::shared_lock lock(m);
            demand(written >= 0 && written <= 3, "nobody writes meanwhile");
          }
          meet.arrive_and_wait();
          const std::shared_lock lock(m, 1h);
          demand(lock.owns_lock(), "nobody holds it for long");
          demand(written >= 1, "they had written");
        });
        others.one_came();
        ++came;
      }
      start.wait();
      s.join();
    }
    demand(came < crowd || written == 3, "each had its turn");
    demand(m.try_lock(), "it is free");
    m.unlock();
  });
}

inline void other_stacks() {
  sluice::runtime rt{{.workers = 2}};
  rt.run([] {
    std::atomic<int> ran{0};
    sluice::scope s;
    for (const std::size_t size : {16U << 10, 64U << 10, 256U << 10, 1U << 20}) {
      s.go(sluice::fiber_options{.stack_size = size}, [&] { ++ran; });
    }
    s.join();
    demand(ran == 4, "all of them");
    sluice::go(sluice::fiber_options{.stack_size = 2U << 20}, [] {}).join();
  });
}

inline void descriptions() {
  sluice::runtime rt{{.workers = 1}};
  rt.run([&] {
    const channel<counted> named{1, {.name = "a name that is long enough for the heap"}};
    sluice::scope s;
    s.go(sluice::fiber_options{.name = "a fiber with a long name, on the heap"},
         [&] { named.get(); });
    std::ostringstream out;
    rt.dump(out);
    named << counted(1);
    s.join();
    auto [tx, rx] = sluice::make_channel<counted>(sluice::unbounded);
    tx.close(std::make_exception_ptr(std::runtime_error("as wished")));
  });
}

}  // namespace test::refusals
