// A fiber that overruns its stack is named before the process aborts; other faults are left to
// whoever would have had them without the library.
#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/child.hpp"
#include "support/ferry.hpp"

namespace {

volatile int never = 0;

/// Goes deeper until something stops it.
[[gnu::noinline]] int dive(int depth) {
  volatile char room[512];
  room[0] = static_cast<char>(depth);
  if (depth == never - 1) return 0;
  return dive(depth + 1) + room[0];
}

/// Takes a frame that is larger than a guard in one step, and touches its far end first.
[[gnu::noinline]] int leap() {
  char room[1024 * 1024];
  // The compiler must not find out how little of it is used.
  asm volatile("" : : "r"(room) : "memory");
  room[0] = 1;
  asm volatile("" : : "r"(room) : "memory");
  return room[0] + room[sizeof room - 1];
}

[[gnu::noinline]] void write_nowhere() {
  int* volatile nowhere = reinterpret_cast<int*>(16);
  *nowhere = 1;
}

const test::child diver("diver", [] {
  sluice::runtime rt{{.workers = 2}};
  rt.go({.name = "diver", .stack_size = 64 * 1024}, dive, 0).join();
});

const test::child default_size("default size", [] { sluice::run([] { dive(0); }); });

const test::child runtime_size("runtime size", [] {
  sluice::runtime rt{{.workers = 1, .stack_size = 512 * 1024}};
  rt.go({.name = "roomy"}, dive, 0).join();
});

const test::child leaper("leaper", [] {
  sluice::runtime rt{{.workers = 1}};
  rt.go({.name = "leaper"}, leap).join();
});

const test::child one_of_many("one of many", [] {
  sluice::runtime rt{{.workers = 2}};
  const sluice::channel<int> gate{sluice::unbounded};
  std::vector<sluice::task<int>> tasks;
  for (int i = 0; i < 1000; ++i) {
    tasks.push_back(rt.go({.name = "number " + std::to_string(i) + ";"}, [gate, i] {
      gate.join();
      return i == 637 ? dive(0) : 0;
    }));
  }
  gate.close();
  for (auto& task : tasks) task.join();
});

const test::child moved_diver("moved diver", [] {
  sluice::runtime rt{{.workers = 2}};
  test::ferry ferry;
  rt.go({.name = "moved"}, [&] {
      ferry.cross(test::way::get);
      dive(0);
    }).join();
});

const test::child second_stack("second stack", [] {
  // The stack of one that has ended is the next one's: the message must know.
  sluice::runtime rt{{.workers = 1}};
  rt.go({.name = "earlier"}, [] {}).join();
  rt.go({.name = "later"}, dive, 0).join();
});

const test::child fault_in_fiber("fault in a fiber", [] { sluice::run(write_nowhere); });

const test::child fault_in_thread("fault in a thread", [] {
  sluice::run([] {});
  std::thread(write_nowhere).join();
});

const test::child sent_signal("sent signal", [] {
  sluice::run([] {});
  ::raise(SIGSEGV);
});

void install_own_handler(int signal) {
  struct sigaction action {};
  action.sa_sigaction = [](int, siginfo_t* info, void*) {
    ::_exit(info->si_addr == reinterpret_cast<void*>(16) ? 42 : 43);
  };
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigaction(signal, &action, nullptr);
}

const test::child own_handler("own handler", [] {
  install_own_handler(SIGSEGV);
  sluice::run(write_nowhere);
});

const test::child own_handler_overflow("own handler and overflow", [] {
  install_own_handler(SIGSEGV);
  sluice::go({.name = "diver"}, dive, 0).join();
});

const test::child own_plain_handler("own plain handler", [] {
  ::signal(SIGSEGV, [](int) { ::_exit(44); });
  sluice::run(write_nowhere);
});

void check_message(const test::child& body, const std::string& name, const std::string& size) {
  const test::ending end = body.run();
  CAPTURE(end);
  CHECK(end.signal == SIGABRT);
  CHECK(end.says("overran its stack"));
  CHECK(end.says(name));
  CHECK(end.says(size));
}

void check_plain_fault(const test::ending& end) {
  CAPTURE(end);
  // A sanitizer has a handler of its own, which reports and exits.
  CHECK((end.signal == SIGSEGV || (test::slowness > 1 && end.exit_code > 0)));
  CHECK_FALSE(end.says("overran"));
}

}  // namespace

TEST_CASE("a fiber that overruns its stack is named, with the size of its stack") {
  check_message(diver, "diver", "65536");
  check_message(default_size, "fiber", "131072");
  check_message(runtime_size, "roomy", "524288");
}

TEST_CASE("a frame larger than a guard does not jump over it") {
  check_message(leaper, "leaper", "131072");
}

TEST_CASE("the fiber that is named is the right one of many") {
  check_message(one_of_many, "number 637;", "131072");
  check_message(moved_diver, "moved", "131072");
  check_message(second_stack, "later", "131072");
}

TEST_CASE("a fault elsewhere ends the process as it would without the library") {
  check_plain_fault(fault_in_fiber.run());
  check_plain_fault(fault_in_thread.run());
  check_plain_fault(sent_signal.run());
}

TEST_CASE("a fault elsewhere reaches the handler that was installed before") {
  CHECK(own_handler.run().exit_code == 42);
  CHECK(own_plain_handler.run().exit_code == 44);
}

TEST_CASE("an overrun is not given to the handler that was installed before") {
  check_message(own_handler_overflow, "diver", "131072");
}
