// Signals: who may be interrupted, and what is cleaned up before a signal ends the program.
//
// Only the main thread takes signals: all others are started while signals are blocked. So the
// handler never runs beside a change of what it looks at.
#pragma once

#include <csignal>
#include <string>
#include <thread>
#include <utility>

namespace sluicez {

/// No signal is taken by this thread, nor by those that it starts, while one of these lives.
class signals_blocked {
 public:
  signals_blocked() noexcept;
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;
  ~signals_blocked();

 private:
  sigset_t before_;
};

/// Starts a plain thread, for system calls that wait: a fiber would hold up its worker.
template <class F>
std::jthread start_thread(F f) {
  const signals_blocked guard;
  return std::jthread(std::move(f));
}

/// From here on SIGINT and its like remove the file named below, then end the program as if they
/// had not been caught. Those that were ignored at the start stay so.
void install_signal_handlers();

/// The file to remove; empty: none. Main thread only, signals blocked.
void set_partial_output(const std::string& path);

}  // namespace sluicez
