// Fibers beside plain threads and blocking calls. A channel connects them as it is: a thread blocks
// in the kernel, a fiber parks. A system call that may take long goes to a helper thread, so that
// the fibers of the worker run on.
#include <unistd.h>

#include <iostream>
#include <sluice/sluice.hpp>
#include <stop_token>
#include <string>
#include <thread>

namespace {

/// A thread of its own puts, fibers get.
void from_a_thread() {
  const sluice::channel<std::string> words{4};
  std::thread reader([words] {
    const sluice::close_on_exit done{words};
    for (const char* word : {"plain", "threads", "join", "in"}) words << word;
  });
  const auto length = [words] {
    std::size_t sum = 0;
    for (const std::string& word : words) sum += word.size();
    return sum;
  };
  const auto [one, two] = sluice::gather(length, length);
  reader.join();
  std::cout << one + two << " letters came from a thread\n";
}

/// While read() waits, the only worker runs the fiber that it waits for.
void in_a_system_call() {
  int ends[2];
  if (::pipe(ends) != 0) return;
  sluice::runtime rt{{.workers = 1}};
  rt.run([&] {
    auto writer = sluice::go([&] { return ::write(ends[1], "ready", 5); });
    char text[8] = {};
    const auto count = sluice::blocking([&] { return ::read(ends[0], text, sizeof text); });
    writer.join();
    std::cout << "read " << count << " bytes: " << text << '\n';
  });
  ::close(ends[0]);
  ::close(ends[1]);
}

/// A std::jthread asks its thread to stop; the waits of sluice obey.
void with_a_stop_token() {
  const sluice::channel<int> never{1};
  std::jthread waiter([never](std::stop_token stop) {
    try {
      sluice::with_stop(stop, [&] { never.get(); });
    } catch (const sluice::cancelled&) {
      std::cout << "the thread's wait was stopped\n";
    }
  });
  waiter.request_stop();
}

}  // namespace

int main() {
  from_a_thread();
  in_a_system_call();
  with_a_stop_token();
}
