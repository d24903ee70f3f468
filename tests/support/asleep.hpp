// Waits until a plain thread sleeps in the kernel: what a dump says of fibers (parked.hpp), nothing of
// ours can say of threads. It may sleep for another reason than the one that is meant, so no check
// may rely on that: such a test is only weaker then.
#pragma once

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>

#include "strands.hpp"

namespace test {

/// Filled by the thread itself, before it waits.
using thread_number = std::atomic<pid_t>;

/// Is it asleep now?
inline bool is_asleep(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t name_end = text.rfind(')');  // behind it a blank and the state
  return name_end != std::string::npos && name_end + 2 < text.size() && text[name_end + 2] == 'S';
}

/// Returns once it has been found asleep.
inline void await_asleep(const thread_number& thread) {
  await([&] { return thread != 0 && is_asleep(thread); });
}

}  // namespace test
