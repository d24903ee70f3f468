// A pool of workers: a bounded channel of jobs, several fibers that take them, results through a
// second channel. Who asks for an answer sends a channel for it along.
#include <iostream>
#include <sluice/sluice.hpp>
#include <string>
#include <vector>

namespace {

struct job {
  int n;
  sluice::sender<std::string> answer;  ///< the last one that goes closes the answers
};

int collatz_steps(long n) {
  int steps = 0;
  for (; n != 1; ++steps) n = n % 2 == 0 ? n / 2 : 3 * n + 1;
  return steps;
}

}  // namespace

int main() {
  const sluice::channel<job> jobs{8};  // back-pressure: at most eight wait
  sluice::scope pool;
  for (int i = 0; i < 4; ++i) {
    pool.go([jobs] {
      for (const job& one : jobs) {
        one.answer << std::to_string(one.n) + ": " + std::to_string(collatz_steps(one.n));
      }
    });
  }

  auto [answer, answers] = sluice::make_channel<std::string>(sluice::unbounded);
  for (int n = 1; n <= 1000; ++n) jobs << job{n, answer};
  { const auto ours = std::move(answer); }  // the last of ours goes
  jobs.close();

  std::size_t count = 0;
  std::string longest;
  for (const std::string& text : answers) {  // ends with the last job
    ++count;
    if (text.starts_with("871:")) longest = text;
  }
  pool.join();
  std::cout << count << " answers, among them " << longest << " steps\n";
}
