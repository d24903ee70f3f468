// Cancellation: a stop is a request. The fiber's next wait throws `cancelled`, its destructors run,
// and nothing that it was about to put or get is lost. Ctrl-C can be such a request.
#include <chrono>
#include <csignal>
#include <iostream>
#include <sluice/sluice.hpp>

using namespace std::chrono_literals;

namespace {

/// Puts numbers until it is stopped; closes the channel however it ends.
void count_up(const sluice::channel<int>& to) {
  const sluice::close_on_exit done{to};
  for (int i = 0;; ++i) to << i;
}

void stop_a_producer() {
  const sluice::channel<int> numbers{2};
  auto producer = sluice::go(count_up, numbers);
  int sum = 0;
  for (const int n : numbers) {
    sum += n;
    if (n == 10) producer.request_stop();
    if (n >= 10) break;
  }
  try {
    producer.join();
  } catch (const sluice::cancelled&) {
    std::cout << "the producer was stopped; up to 10 it is " << sum << '\n';
  }
}

/// What must be finished once it has begun stands under a shield.
void finish_first() {
  const sluice::channel<int> begun{1};
  const sluice::channel<int> answer{1};
  const sluice::channel<int> saved{1};
  auto saver = sluice::go([=] {
    sluice::shield([&] {
      begun << 1;
      saved << answer.get();  // a stop does not cut this short
    });
    sluice::this_fiber::yield();  // here it is thrown
    std::cout << "never printed\n";
  });
  begun.get();
  saver.request_stop();
  answer << 1;
  std::cout << "saved " << saved.get() << '\n';
  saver.join_for(1h);
}

void stop_at_control_c() {
  auto server = sluice::go([] {
    for (;;) sluice::this_fiber::sleep_for(1h);
  });
  sluice::stop_on_signal(server, SIGINT, SIGTERM);
  std::raise(SIGINT);  // as if somebody had pressed Ctrl-C
  try {
    server.join();
  } catch (const sluice::cancelled&) {
    std::cout << "the server was stopped by a signal\n";
  }
}

}  // namespace

int main() {
  stop_a_producer();
  finish_first();
  stop_at_control_c();
}
