// Tests that need to know where a fiber stands: on one worker a fiber runs until it waits.
#pragma once

#include <atomic>
#include <sluice/sluice.hpp>

namespace test {

/// Runs `body` as a fiber of a runtime with one worker.
template <class Body>
void on_one_worker(Body body) {
  sluice::runtime rt{{.workers = 1}};
  rt.run(body);
}

/// Starts a fiber on the only worker; it has run until it parked when this returns.
template <class Body>
sluice::task<void> begin(Body body) {
  std::atomic<bool> begun = false;  // a yield orders nothing
  auto task = sluice::go([&begun, body]() mutable {
    begun = true;
    body();
  });
  while (!begun) sluice::this_fiber::yield();
  return task;
}

}  // namespace test
