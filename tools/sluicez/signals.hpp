// Signals: who may be interrupted, and what is cleaned up before a signal ends the program.
//
// Only the main thread takes signals: all others are the library's, which take none. So the
// handler never runs beside a change of what it looks at.
#pragma once

#include <csignal>
#include <string>

namespace sluicez {

/// No signal is taken by this thread while one of these lives.
class signals_blocked {
 public:
  signals_blocked() noexcept;
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;
  ~signals_blocked();

 private:
  sigset_t before_;
};

/// From here on SIGINT and its like remove the file named below, then end the program as if they
/// had not been caught. Those that were ignored at the start stay so.
void install_signal_handlers();

/// The file to remove; empty: none. Main thread only, signals blocked.
void set_partial_output(const std::string& path);

}  // namespace sluicez
