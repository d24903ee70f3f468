// What the fragments of docs/time.md use.
#include <chrono>
#include <sluice/sluice.hpp>

using namespace std::chrono_literals;

struct job {};

void report(std::chrono::steady_clock::time_point now);
void work(job j);

extern const sluice::channel<job> jobs;
