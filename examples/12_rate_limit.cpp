// A rate limit: one token for each tick, a few saved for bursts. Whoever wants to send takes a token
// first; tokens that nobody takes are left out once the purse is full.
#include <chrono>
#include <iostream>
#include <sluice/sluice.hpp>

using namespace std::chrono_literals;

namespace {

/// Tokens, at most `burst` of them saved, one more each `period`, until the purse is closed.
class limiter {
 public:
  limiter(int burst, std::chrono::milliseconds period)
      : tokens_(burst), ticks_(sluice::tick(period)) {
    for (int i = 0; i < burst; ++i) tokens_ << true;
    sluice::go([tokens = tokens_, ticks = ticks_] {
      for ([[maybe_unused]] const auto now : ticks) {
        if (tokens.try_put(true) == sluice::status::closed) return;
      }
    });
  }
  ~limiter() {
    tokens_.close();
    ticks_.close();
  }
  void wait() const { tokens_.get(); }

 private:
  sluice::channel<bool> tokens_;
  sluice::channel<std::chrono::steady_clock::time_point> ticks_;
};

}  // namespace

int main() {
  constexpr int burst = 3;
  constexpr auto period = 10ms;
  const auto start = std::chrono::steady_clock::now();
  const limiter requests(burst, period);
  for (int i = 0; i < burst + 4; ++i) requests.wait();
  const auto taken = std::chrono::steady_clock::now() - start;
  // Three at once, four more at one each period: never faster than that.
  std::cout << burst + 4 << " requests, "
            << (taken >= 4 * period ? "not faster than allowed" : "too fast") << '\n';
}
