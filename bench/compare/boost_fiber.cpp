// The workloads of ../README.md on Boost.Fiber, with its own channels.
//
// usage: boost_fiber WORKLOAD WORKERS [PARAMETER]
//
// One worker: the default scheduler (round robin) on the main thread. Two workers and more: one
// thread each with the work stealing scheduler, whose idle threads sleep; the shared queue is
// slower on nearly all of these. Stacks are recycled, of the default size, without guards:
// Boost's fastest. Differences that Boost forces: a buffered channel's capacity is a power of two
// from 2 on, of which one less is usable, so W6 with capacity 1 runs with 2; there is no
// unbounded channel, so W13 is missing.
#include <atomic>
#include <boost/fiber/all.hpp>
#include <memory>
#include <stdexcept>
#include <thread>

#include "support/futex_wake.hpp"
#include "support/measure.hpp"

namespace {

namespace fibers = boost::fibers;
using bench::measured;
using unbuffered = fibers::unbuffered_channel<std::int64_t>;
using buffered = fibers::buffered_channel<std::int64_t>;

/// The threads of the scheduler: the main thread and `workers` - 1 others.
class scheduler {
 public:
  explicit scheduler(std::size_t workers) : workers_(workers) {
    for (std::size_t i = 1; i < workers; ++i) threads_.emplace_back([this] { serve(); });
    if (workers > 1) enter();
  }
  ~scheduler() {
    {
      std::lock_guard lock(mutex_);
      over_ = true;
    }
    ended_.notify_all();
    for (std::thread& each : threads_) each.join();
  }

 private:
  void enter() const {
    fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(
        static_cast<std::uint32_t>(workers_), true);
  }
  void serve() {
    enter();
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return over_; });
  }

  const std::size_t workers_;
  std::vector<std::thread> threads_;
  fibers::mutex mutex_;
  fibers::condition_variable_any ended_;
  bool over_ = false;
};

/// Stacks of ended fibers for reuse, by any thread. Boost's own pool is slower, and not safe once
/// a fiber may end on another thread than the one where it began.
class recycled_stacks {
 public:
  /// All stacks of one run have one size.
  static inline std::size_t bytes = fibers::fixedsize_stack::traits_type::default_size();

  boost::context::stack_context allocate() {
    const std::lock_guard lock(free_lock());
    if (free().empty()) return fibers::fixedsize_stack(bytes).allocate();
    const boost::context::stack_context stack = free().back();
    free().pop_back();
    return stack;
  }
  void deallocate(boost::context::stack_context& stack) noexcept {
    const std::lock_guard lock(free_lock());
    free().push_back(stack);
  }

 private:
  static fibers::detail::spinlock& free_lock() {
    static fibers::detail::spinlock lock;
    return lock;
  }
  static std::vector<boost::context::stack_context>& free() {
    static std::vector<boost::context::stack_context> stacks;
    return stacks;
  }
};

/// For the workloads with a million shallow fibers: the size that Boost's own skynet takes.
constexpr std::size_t small_stack = 8192;

template <class F>
fibers::fiber spawn(F&& f, fibers::launch how = fibers::launch::post) {
  return fibers::fiber(how, std::allocator_arg, recycled_stacks(), std::forward<F>(f));
}

std::unique_ptr<buffered> make_buffered(std::size_t capacity) {
  return std::make_unique<buffered>(capacity < 2 ? 2 : capacity);
}

// W1: spawn and join empty fibers in batches.
measured spawn_batches(std::size_t workers, std::size_t batch, std::size_t batches) {
  const scheduler here(workers);
  std::vector<fibers::fiber> spawned(batch);
  const auto start = bench::clock::now();
  for (std::size_t i = 0; i < batches; ++i) {
    for (auto& each : spawned) each = spawn([] {});
    for (auto& each : spawned) each.join();
  }
  return bench::per_operation(start, batch * batches, true);
}

measured spawn_join(std::size_t workers, std::size_t batch) {
  return spawn_batches(workers, batch, (1'500'000 + batch - 1) / batch);
}

// W1a: the same, all at once.
measured spawn_at_once(std::size_t workers, std::size_t fibers) {
  recycled_stacks::bytes = small_stack;
  return spawn_batches(workers, fibers, 1);
}

// W2: ping-pong over two rendezvous channels; an operation is a round trip.
measured ping_pong(std::size_t workers, std::size_t) {
  const scheduler here(workers);
  constexpr std::int64_t rounds = 1'500'000;
  unbuffered ping;
  unbuffered pong;
  fibers::fiber echo = spawn([&] {
    std::int64_t item = 0;
    while (ping.pop(item) == fibers::channel_op_status::success) pong.push(item + 1);
  });
  const auto start = bench::clock::now();
  std::int64_t item = 0;
  for (std::int64_t i = 0; i < rounds; ++i) {
    ping.push(item);
    pong.pop(item);
  }
  const measured result = bench::per_operation(start, rounds, item == rounds);
  ping.close();
  echo.join();
  return result;
}

// W3, W4: n putters and n getters on one channel of capacity 128.
measured shared_channel(std::size_t workers, std::size_t n) {
  const scheduler here(workers);
  const std::size_t each = 10'000'000 / n;
  buffered ch(128);
  std::vector<fibers::fiber> putters;
  std::vector<fibers::fiber> getters;
  std::vector<std::int64_t> sums(n);
  const auto start = bench::clock::now();
  for (std::size_t i = 0; i < n; ++i) {
    getters.push_back(spawn([&ch, &total = sums[i]] {
      std::int64_t sum = 0;
      std::int64_t item = 0;
      while (ch.pop(item) == fibers::channel_op_status::success) sum += item;
      total = sum;
    }));
    putters.push_back(spawn([&ch, each] {
      for (std::size_t j = 1; j <= each; ++j) ch.push(static_cast<std::int64_t>(j));
    }));
  }
  for (auto& putter : putters) putter.join();
  ch.close();
  for (auto& getter : getters) getter.join();
  std::int64_t sum = 0;
  for (const std::int64_t part : sums) sum += part;
  const std::int64_t expected =
      static_cast<std::int64_t>(n) * bench::sum_to(static_cast<std::int64_t>(each));
  return bench::per_operation(start, n * each, sum == expected);
}

// W6: 100 stages between a source and a sink; an operation is a message through one channel.
template <class Channel, class Make>
measured pipeline_of(std::size_t workers, Make make) {
  const scheduler here(workers);
  constexpr std::size_t stages = 100;
  constexpr std::int64_t messages = 60'000;
  std::vector<std::unique_ptr<Channel>> channels;
  std::vector<fibers::fiber> running;
  const auto start = bench::clock::now();
  for (std::size_t i = 0; i <= stages; ++i) channels.push_back(make());
  for (std::size_t i = 0; i < stages; ++i) {
    running.push_back(spawn([&input = *channels[i], &output = *channels[i + 1]] {
      std::int64_t item = 0;
      while (input.pop(item) == fibers::channel_op_status::success) output.push(item + 1);
      output.close();
    }));
  }
  running.push_back(spawn([&first = *channels.front()] {
    for (std::int64_t i = 1; i <= messages; ++i) first.push(i);
    first.close();
  }));
  std::int64_t sum = 0;
  std::int64_t item = 0;
  while (channels.back()->pop(item) == fibers::channel_op_status::success) sum += item;
  for (auto& each : running) each.join();
  const std::int64_t expected = bench::sum_to(messages) + std::int64_t{stages} * messages;
  return bench::per_operation(start, messages * (stages + 1), sum == expected);
}

measured pipeline(std::size_t workers, std::size_t capacity) {
  if (capacity == 0) {
    return pipeline_of<unbuffered>(workers, [] { return std::make_unique<unbuffered>(); });
  }
  return pipeline_of<buffered>(workers, [capacity] { return make_buffered(capacity); });
}

// W7: one token around a ring of n fibers with rendezvous channels.
measured token_ring(std::size_t workers, std::size_t n) {
  const scheduler here(workers);
  const std::size_t laps = 3'000'000 / n;
  std::vector<std::unique_ptr<unbuffered>> channels;
  std::vector<fibers::fiber> running;
  for (std::size_t i = 0; i < n; ++i) channels.push_back(std::make_unique<unbuffered>());
  for (std::size_t i = 1; i < n; ++i) {
    running.push_back(spawn([&from = *channels[i - 1], &to = *channels[i]] {
      std::int64_t token = 0;
      while (from.pop(token) == fibers::channel_op_status::success) to.push(token + 1);
      to.close();
    }));
  }
  const auto start = bench::clock::now();
  std::int64_t token = 0;
  for (std::size_t i = 0; i < laps; ++i) {
    channels.front()->push(token + 1);
    channels.back()->pop(token);
  }
  const measured result =
      bench::per_operation(start, laps * n, token == static_cast<std::int64_t>(laps * n));
  channels.front()->close();
  for (auto& each : running) each.join();
  return result;
}

// W8: a tree of fibers with ten children each; the leaves' numbers are summed up. Children run
// at once (launch::dispatch), as in Boost's own skynet: breadth first it needs too much memory.
void skynet_node(unbuffered& result, std::int64_t first, std::int64_t size) {
  if (size == 1) {
    result.push(first);
    return;
  }
  unbuffered children;
  for (std::int64_t i = 0; i < 10; ++i) {
    const std::int64_t from = first + i * (size / 10);
    spawn([&children, from, size] { skynet_node(children, from, size / 10); },
          fibers::launch::dispatch)
        .detach();
  }
  std::int64_t sum = 0;
  for (int i = 0; i < 10; ++i) sum += children.value_pop();
  result.push(sum);
}

measured skynet(std::size_t workers, std::size_t leaves) {
  recycled_stacks::bytes = small_stack;
  const scheduler here(workers);
  const auto start = bench::clock::now();
  unbuffered result;
  const auto size = static_cast<std::int64_t>(leaves);
  fibers::fiber root = spawn([&] { skynet_node(result, 0, size); });
  const std::int64_t sum = result.value_pop();
  const double elapsed = bench::seconds_since(start);
  root.join();
  return bench::in_milliseconds(elapsed, sum == bench::sum_to(size - 1));
}

// W9: the first n primes through a chain of filters. The end, a zero from the source, is not
// timed; closing the channels instead crashes.
double sieve_round(std::size_t n, std::int64_t& prime) {
  std::vector<std::unique_ptr<unbuffered>> channels;
  std::vector<fibers::fiber> running;
  std::atomic<bool> over{false};
  const auto start = bench::clock::now();
  channels.push_back(std::make_unique<unbuffered>());
  running.push_back(spawn([&over, &output = *channels.back()] {
    // order: relaxed, it may come late
    for (std::int64_t i = 2; !over.load(std::memory_order_relaxed); ++i) output.push(i);
    output.push(0);
  }));
  for (std::size_t i = 0; i < n; ++i) {
    unbuffered& input = *channels.back();
    input.pop(prime);
    channels.push_back(std::make_unique<unbuffered>());
    running.push_back(spawn([&input, &output = *channels.back(), divisor = prime] {
      for (std::int64_t item = 1; item != 0;) {
        input.pop(item);
        if (item == 0 || item % divisor != 0) output.push(item);
      }
    }));
  }
  const double elapsed = bench::seconds_since(start);
  // order: relaxed, as above
  over.store(true, std::memory_order_relaxed);
  while (channels.back()->value_pop() != 0) continue;
  for (auto& each : running) each.join();
  return elapsed;
}

measured prime_sieve(std::size_t workers, std::size_t n) {
  const scheduler here(workers);
  constexpr int rounds = 5;
  double total = 0;
  std::int64_t prime = 0;
  for (int i = 0; i < rounds; ++i) total += sieve_round(n, prime);
  return bench::in_milliseconds(total / rounds, bench::is_nth_prime(n, prime));
}

// W11: n fibers, each parked on a channel of its own.
measured parked_fibers(std::size_t workers, std::size_t n) {
  const scheduler here(workers);
  std::vector<std::unique_ptr<unbuffered>> channels;
  for (std::size_t i = 0; i < n; ++i) channels.push_back(std::make_unique<unbuffered>());
  std::vector<fibers::fiber> running(n);
  std::atomic<std::size_t> waiting{0};
  std::atomic<std::int64_t> sum{0};
  const double before = bench::resident_bytes();
  auto start = bench::clock::now();
  for (std::size_t i = 0; i < n; ++i) {
    running[i] = spawn([&waiting, &sum, &ch = *channels[i]] {
      // order: relaxed, counters only; join and the loop below order the rest
      waiting.fetch_add(1, std::memory_order_relaxed);
      // order: relaxed, as above
      sum.fetch_add(ch.value_pop(), std::memory_order_relaxed);
    });
  }
  // order: relaxed, as above
  while (waiting.load(std::memory_order_relaxed) != n) boost::this_fiber::yield();
  const double created = bench::seconds_since(start);
  const double grown = bench::resident_bytes() - before;

  start = bench::clock::now();
  for (std::size_t i = 0; i < n; ++i) channels[i]->push(static_cast<std::int64_t>(i));
  for (auto& each : running) each.join();
  const double woken = bench::seconds_since(start);
  const double count = static_cast<double>(n);
  return {.checked = sum.load() == bench::sum_to(static_cast<std::int64_t>(n) - 1),
          .value = grown / count,
          .more = {{"create_ns", created * 1e9 / count}, {"wake_ns", woken * 1e9 / count}}};
}

// W12: n fibers that only yield; an operation is one switch.
measured yields(std::size_t workers, std::size_t n) {
  const scheduler here(workers);
  const std::size_t each = 10'000'000 / n;
  std::vector<fibers::fiber> running;
  const auto start = bench::clock::now();
  for (std::size_t i = 0; i < n; ++i) {
    running.push_back(spawn([each] {
      for (std::size_t j = 0; j < each; ++j) boost::this_fiber::yield();
    }));
  }
  for (auto& fiber : running) fiber.join();
  return bench::per_operation(start, n * each, true);
}

// W15: processor time in 2 s with n parked fibers, then the wake of a parked fiber by a thread.
std::vector<double> wake_latencies(std::size_t samples) {
  unbuffered wakes;
  std::vector<double> latencies;
  fibers::fiber woken = spawn([&] {
    std::int64_t sent = 0;
    while (wakes.pop(sent) == fibers::channel_op_status::success) {
      const auto then = bench::clock::time_point(bench::clock::duration(sent));
      latencies.push_back(bench::microseconds(bench::clock::now() - then));
    }
  });
  std::thread waker([&] {
    for (std::size_t i = 0; i < samples; ++i) {
      bench::rest_before_wake();
      wakes.push(bench::clock::now().time_since_epoch().count());
    }
    wakes.close();
  });
  woken.join();
  waker.join();
  return latencies;
}

measured idle(std::size_t workers, std::size_t n) {
  const scheduler here(workers);
  unbuffered never;
  std::vector<fibers::fiber> running;
  for (std::size_t i = 0; i < n; ++i) {
    running.push_back(spawn([&never] {
      std::int64_t item = 0;
      never.pop(item);
    }));
  }
  boost::this_fiber::sleep_for(std::chrono::milliseconds(100));
  const double before = bench::processor_seconds();
  boost::this_fiber::sleep_for(std::chrono::seconds(2));
  const double used = bench::processor_seconds() - before;

  std::vector<double> wakes;
  std::vector<double> bare;
  for (std::size_t i = 0; i < bench::wake_rounds; ++i) {
    bench::append(wakes, wake_latencies(bench::wakes_a_round));
    bench::append(bare, bench::futex_wake_latencies(bench::wakes_a_round));
  }
  never.close();
  for (auto& each : running) each.join();
  return {.checked = wakes.size() == bench::wake_rounds * bench::wakes_a_round,
          .value = used * 1e3,
          .more = bench::wake_figures(wakes, bare)};
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_workload(argc, argv,
                             {{"W1", "ns/op", 1000, spawn_join},
                              {"W1a", "ns/op", 1'000'000, spawn_at_once},
                              {"W2", "ns/op", 0, ping_pong, 0},
                              {"W3", "ns/op", 1, shared_channel},
                              {"W4", "ns/op", 8, shared_channel},
                              {"W6", "ns/op", 128, pipeline, 0},
                              {"W7", "ns/op", 503, token_ring},
                              {"W8", "ms", 1'000'000, skynet},
                              {"W9", "ms", 1000, prime_sieve},
                              {"W11", "bytes", 1'000'000, parked_fibers},
                              {"W12", "ns/op", 2, yields},
                              {"W15", "ms", 10'000, idle}});
}
