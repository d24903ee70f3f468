#include "signals.hpp"

#include <unistd.h>

#include <climits>
#include <cstring>

namespace sluicez {
namespace {

constexpr int ending_signals[] = {SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGXCPU, SIGXFSZ};

/// Written by the main thread while signals are blocked; read by the handler on that thread.
char partial_output[PATH_MAX] = "";

/// Async-signal-safe. The action was reset when the handler began: the signal now ends us.
void remove_and_die(int signal) {
  if (partial_output[0] != '\0') (void)::unlink(partial_output);
  (void)::raise(signal);
}

}  // namespace

signals_blocked::signals_blocked() noexcept {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before_);
}

signals_blocked::~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

void install_signal_handlers() {
  for (const int signal : ending_signals) {
    struct sigaction now {};
    if (::sigaction(signal, nullptr, &now) != 0 || now.sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = remove_and_die;
    action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_NODEFER;
    ::sigaction(signal, &action, nullptr);
  }
}

void set_partial_output(const std::string& path) {
  if (path.size() >= sizeof partial_output) return;  // the system refuses such a path anyway
  std::memcpy(partial_output, path.c_str(), path.size() + 1);
}

}  // namespace sluicez
