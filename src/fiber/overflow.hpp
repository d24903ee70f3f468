// A fiber that overruns its stack is named before the process aborts.
#pragma once

#include <cstddef>

namespace sluice::detail {

/// Writes the name of what runs on a stack into `text` and returns its length. Async-signal-safe.
using name_writer = std::size_t (*)(void* owner, char* text, std::size_t room) noexcept;

/// Installs the handler of SIGSEGV and SIGBUS, once for the process. A fault that is not on a
/// guard of ours goes to the handler that was there before.
void watch_for_overflow(name_writer writer) noexcept;

/// The signal stack of one thread, which a fault on a fiber's guard needs.
class signal_stack {
 public:
  /// Leaves one that the thread has already alone.
  signal_stack() noexcept;
  signal_stack(const signal_stack&) = delete;
  signal_stack& operator=(const signal_stack&) = delete;
  ~signal_stack();

 private:
  void* memory_ = nullptr;
};

}  // namespace sluice::detail
