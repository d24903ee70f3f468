// Several workers, one output in the order of the input. Each job carries a channel for its one
// answer; a second queue holds these channels in input order, and the reader waits for one after
// the other. The queue of answers is bounded, so no more than that many jobs are under way.
#include <iostream>
#include <sluice/sluice.hpp>
#include <vector>

namespace {

using answer = sluice::channel<long>;

struct job {
  int input;
  answer to;
};

/// Some work that takes longer for some inputs than for others.
long collatz_steps(long n) {
  long steps = 0;
  for (; n != 1; ++steps) n = n % 2 == 0 ? n / 2 : 3 * n + 1;
  return steps;
}

void work(sluice::channel<job> jobs) {
  for (const job& next : jobs) next.to << collatz_steps(next.input);
}

}  // namespace

int main() {
  sluice::channel<job> jobs{4};
  sluice::channel<answer> in_order{8};

  auto source = sluice::go([jobs, in_order] {
    sluice::close_on_exit no_more_jobs{jobs};
    sluice::close_on_exit no_more_answers{in_order};
    for (int input = 20; input < 30; ++input) {
      const answer to{1};  // room for the answer: no worker ever waits to give it
      in_order << to;      // first the place in the order, then the job
      jobs << job{input, to};
    }
  });
  std::vector<sluice::task<void>> workers;
  for (int i = 0; i < 3; ++i) workers.push_back(sluice::go(work, jobs));

  int input = 20;
  for (const answer& from : in_order) {
    std::cout << input++ << " takes " << from.get() << " steps\n";
  }
  source.join();
  for (auto& worker : workers) worker.join();
}
