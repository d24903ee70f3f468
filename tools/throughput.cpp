// throughput: a short table of what a message costs on this machine. tools/run prints it.
//
// Each row sends numbers through channels between fibers for some hundred milliseconds, with one
// worker and with as many as the process may use, and checks that none was lost or doubled. It is
// a first impression; bench/ measures properly, beside raw limits and rivals.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <sluice/sluice.hpp>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace {

using number = std::int64_t;
using seconds = std::chrono::duration<double>;

/// A measurement is repeated with four times as many messages until it takes this long.
constexpr seconds long_enough{0.1};
constexpr number first_try = 20'000;

struct tally {
  number count = 0;
  number sum = 0;
};

/// `putters` fibers put 1 .. share each, `getters` fibers take them until the channel ends.
void crowd(const sluice::channel<number>& ch, int putters, int getters, number messages) {
  const number share = messages / putters;
  std::vector<sluice::task<tally>> getting;
  std::vector<sluice::task<void>> putting;
  for (int i = 0; i < getters; ++i) {
    getting.push_back(sluice::go([ch] {
      tally taken;
      number item = 0;
      while (ch >> item) {
        ++taken.count;
        taken.sum += item;
      }
      return taken;
    }));
  }
  for (int i = 0; i < putters; ++i) {
    putting.push_back(sluice::go([ch, share] {
      for (number item = 1; item <= share; ++item) ch << item;
    }));
  }
  for (auto& task : putting) task.join();
  ch.close();

  tally all;
  for (auto& task : getting) {
    const tally one = task.join();
    all.count += one.count;
    all.sum += one.sum;
  }
  if (all.count != putters * share || all.sum != putters * (share * (share + 1) / 2)) {
    throw std::runtime_error("a message was lost or doubled");
  }
}

/// One fiber sends each number over a rendezvous channel and waits for its echo on another.
void ping_pong(number round_trips) {
  const sluice::channel<number> ping{sluice::rendezvous};
  const sluice::channel<number> pong{sluice::rendezvous};
  auto echo = sluice::go([ping, pong] {
    const sluice::close_on_exit closing{pong};
    for (const number item : ping) pong << item;
  });
  for (number item = 0; item < round_trips; ++item) {
    ping << item;
    if (pong.get() != item) throw std::runtime_error("an echo came back wrong");
  }
  ping.close();
  echo.join();
}

struct workload {
  const char* name;
  std::function<void(number messages)> body;
};

/// Nanoseconds for each message with that many workers (0: the default number).
double measure(const workload& load, int workers) {
  sluice::runtime_options options;
  options.workers = workers;
  sluice::runtime runtime{options};
  return runtime.run([&load] {
    for (number messages = first_try;; messages *= 4) {
      const auto begin = std::chrono::steady_clock::now();
      load.body(messages);
      const seconds taken = std::chrono::steady_clock::now() - begin;
      if (taken >= long_enough) return taken.count() * 1e9 / static_cast<double>(messages);
    }
  });
}

void print_table() {
  using sluice::channel;
  const std::vector<workload> loads = {
      {"1 to 1, capacity 128", [](number n) { crowd(channel<number>{128}, 1, 1, n); }},
      {"8 to 8, capacity 128", [](number n) { crowd(channel<number>{128}, 8, 8, n); }},
      {"1 to 1, unbounded", [](number n) { crowd(channel<number>{}, 1, 1, n); }},
      {"rendezvous, there and back", [](number n) { ping_pong(n); }},
  };
  std::printf("%-28s %22s %22s\n", "channel of 8-byte numbers", "one worker", "all workers");
  for (const workload& load : loads) {
    std::printf("%-28s", load.name);
    for (const int workers : {1, 0}) {
      const double ns = measure(load, workers);
      std::printf(" %8.1f ns %7.2f M/s", ns, 1e3 / ns);
      std::fflush(stdout);
    }
    std::printf("\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    const bool help = std::string_view{argv[1]} == "-h" || std::string_view{argv[1]} == "--help";
    std::fprintf(help ? stdout : stderr, "usage: throughput\n");
    return help ? 0 : 2;
  }
  try {
    print_table();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "throughput: %s\n", error.what());
    return 1;
  }
}
