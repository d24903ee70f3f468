// stop_on_signal: Ctrl-C as a stop.
//
//   auto server = sluice::go(serve);
//   sluice::stop_on_signal(server, SIGINT, SIGTERM);
//   server.join();  // throws `cancelled` after a signal
#pragma once

#include <concepts>
#include <initializer_list>
#include <utility>

#include "sluice/export.hpp"
#include "sluice/task.hpp"

namespace sluice {

class signal_watch;

namespace detail {
[[nodiscard]] SLUICE_API signal_watch watch_signals(task_core& task,
                                                    std::initializer_list<int> signals);
}

/// What stop_on_signal returns: can end it early. Dropping it does not. Movable.
class SLUICE_API signal_watch {
 public:
  /// `other` watches nothing then.
  signal_watch(signal_watch&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  /// The two change places.
  signal_watch& operator=(signal_watch&& other) noexcept {
    std::swap(of_, other.of_);
    return *this;
  }
  ~signal_watch();

  /// From now on the signals do what they did before, as far as no other task wants them. A request
  /// that is on its way may still come. Ends all watches of that task. Never waits; any strand.
  void end() noexcept;

 private:
  friend signal_watch detail::watch_signals(detail::task_core&, std::initializer_list<int>);
  explicit signal_watch(detail::task_extras& of) noexcept : of_(&of) {}

  detail::task_extras* of_;
};

/// The next time that the process gets one of the signals, the stop of the task is requested, as
/// request_stop does. It lasts until the task is over, or end() is called: before a join returns,
/// the former disposition of the signals is back. The task's handle need not be kept.
///
/// Each signal is turned into a stop once: at the same moment its former disposition comes back, so
/// that a second Ctrl-C kills a program whose stop takes too long. Several tasks may want the same
/// signal: all of them are stopped. A handler that the program installs later stays.
///
/// Throws std::invalid_argument for what is no signal, cannot be caught or reports a fault,
/// std::logic_error for a handle without a task and in a forked child, std::system_error, and
/// std::bad_alloc; then nothing has changed. A child that is forked later gets the former
/// disposition at its first signal. Never waits; any strand.
template <class R, std::same_as<int>... More>
signal_watch stop_on_signal(const task<R>& task, int signal, More... more) {
  return detail::watch_signals(task.core("stop_on_signal"), {signal, more...});
}

}  // namespace sluice
