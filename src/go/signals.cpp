// Signals that become stops.
//
//   handler (any thread, async-signal-safe)        registry (lock_, signals held back)
//   H1 count itself in                             arm: keep the former disposition, set armed to
//   H2 exchange armed for none                          the next generation, wait until no handler
//   H3 put the former disposition back                  is in, install the handler; if armed is
//   H4 write signal and generation to the pipe          gone by then, put the disposition back
//   H5 count itself out                            disarm: exchange armed for none; if it was there
//                                                       put the former disposition back
//
// Whoever takes `armed` away puts the disposition back: so each signal is turned into a stop once.
// A handler that finds it gone got a second signal: it sees to it that the former disposition gets
// it. The thread that reads the pipe asks the tasks to stop: those that had armed up to that
// generation.
//
// A handler may be late: its thread stood still before H1 while others ended one generation and
// armed the next. If it takes that away, it is its first signal. If it has found none, it was
// counted in before that was armed: arm waits for its H3, which would take the new handler away.
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "sched/census.hpp"
#include "sched/own_thread.hpp"
#include "sched/task_extras.hpp"
#include "sluice/detail/base/backoff.hpp"
#include "sluice/detail/park/attention.hpp"
#include "sluice/detail/park/check.hpp"
#include "sluice/stop_on_signal.hpp"

namespace sluice::detail {
namespace {

struct message {
  int signal;
  std::uint32_t generation;
};

struct want {
  task_extras* of;
  std::uint32_t generation;
};

/// One signal.
struct line {
  // Read and written by handlers.
  atomic<std::uint32_t> handlers_in{0};
  /// A generation, or 0: none.
  atomic<std::uint32_t> armed{0};
  /// What it points to stays for good.
  atomic<const struct sigaction*> before{nullptr};
  // Under the registry's lock.
  std::uint32_t generation = 0;  ///< the last that was armed
  std::vector<want> wants;
  std::vector<std::unique_ptr<const struct sigaction>> dispositions;
};

/// There before any code runs, and never destroyed: handlers and the thread that reads the pipe are
/// there until the process ends.
union lines_for_good {
  constexpr lines_for_good() noexcept : all{} {}
  lines_for_good(const lines_for_good&) = delete;
  lines_for_good& operator=(const lines_for_good&) = delete;
  ~lines_for_good() {}  // NOLINT(modernize-use-equals-default)
  std::array<line, NSIG> all;
};
constinit lines_for_good lines;

/// The pipe's end for handlers.
atomic<int> to_thread{-1};

void put_back(const line& one, int signal) noexcept;

void on_signal(int signal, siginfo_t*, void*) {
  const int saved = errno;
  line& one = lines.all[static_cast<std::size_t>(signal)];
  // order: H1 seq_cst, before H2; whoever arms waits for it
  one.handlers_in.fetch_add(1, memory_order_seq_cst);
  // order: H2 seq_cst, whoever takes it away puts the disposition back
  const std::uint32_t taken = in_forked_child() ? 0 : one.armed.exchange(0, memory_order_seq_cst);
  put_back(one, signal);  // H3
  if (taken != 0) {
    const message said{signal, taken};
    // order: relaxed, written before the handler was installed
    const int fd = to_thread.load(memory_order_relaxed);
    while (::write(fd, &said, sizeof said) < 0 && errno == EINTR) {  // H4
    }
  } else {
    ::raise(signal);  // held back until this handler returns
  }
  // order: H5 release, its last touch
  one.handlers_in.fetch_sub(1, memory_order_release);
  errno = saved;
}

bool is_ours(const struct sigaction& what) noexcept {
  return (what.sa_flags & SA_SIGINFO) != 0 && what.sa_sigaction == &on_signal;
}

/// Of what it says of its mask only the signals count: of the rest the kernel fills nothing in.
bool are_same(const struct sigaction& one, const struct sigaction& other) noexcept {
  if (one.sa_flags != other.sa_flags) return false;
  if ((one.sa_flags & SA_SIGINFO) != 0 ? one.sa_sigaction != other.sa_sigaction
                                       : one.sa_handler != other.sa_handler) {
    return false;
  }
  for (int signal = 1; signal < NSIG; ++signal) {
    if (::sigismember(&one.sa_mask, signal) != ::sigismember(&other.sa_mask, signal)) return false;
  }
  return true;
}

/// Unless the program has installed another one meanwhile.
void put_back(const line& one, int signal) noexcept {
  struct sigaction now {};
  ::sigaction(signal, nullptr, &now);
  // order: seq_cst, written before armed
  if (is_ours(now)) ::sigaction(signal, one.before.load(memory_order_seq_cst), nullptr);
}

/// A registry whose own signals cannot interrupt it.
class registry {
 public:
  static registry& all() {
    static registry* const one = new registry;
    return *one;
  }

  /// Strong guarantee.
  void add(task_extras& of, std::initializer_list<int> signals) {
    const signals_held_back held;
    const std::lock_guard guard(lock_);
    start_thread();
    for (const int signal : signals) {
      line& one = line_of(signal);
      one.wants.reserve(one.wants.size() + signals.size());
      keep_disposition(one, signal);
    }
    for (const int signal : signals) {
      line& one = line_of(signal);
      census::all().add_watch();
      // order: seq_cst, pairs H2: a handler takes it away at most; then it is armed anew
      if (one.armed.load(memory_order_seq_cst) == 0) arm(one, signal);
      of.add_user();
      one.wants.push_back({&of, one.generation});
    }
  }

  void remove(task_extras& of) noexcept {
    const signals_held_back held;
    const std::lock_guard guard(lock_);
    for (int signal = 1; signal < NSIG; ++signal) {
      line& one = line_of(signal);
      const auto gone = std::erase_if(one.wants, [&](const want& w) { return w.of == &of; });
      for (std::size_t i = 0; i < gone; ++i) {
        of.drop_user();
        census::all().drop_watch();
      }
      if (gone > 0 && one.wants.empty()) disarm(one, signal);
    }
  }

 private:
  static line& line_of(int signal) noexcept { return lines.all[static_cast<std::size_t>(signal)]; }

  /// Makes the place for the former disposition, which may need memory.
  static void keep_disposition(line& one, int signal) {
    struct sigaction now {};
    if (::sigaction(signal, nullptr, &now) != 0) {
      throw std::system_error(errno, std::generic_category(), "sluice: stop_on_signal");
    }
    if (is_ours(now)) return;
    for (const auto& known : one.dispositions) {
      if (!are_same(*known, now)) continue;
      // order: seq_cst, before armed
      return one.before.store(known.get(), memory_order_seq_cst);
    }
    one.dispositions.push_back(std::make_unique<const struct sigaction>(now));
    // order: seq_cst, before armed
    one.before.store(one.dispositions.back().get(), memory_order_seq_cst);
  }

  static void arm(line& one, int signal) noexcept {
    if (++one.generation == 0) ++one.generation;
    // order: seq_cst, pairs H2
    one.armed.store(one.generation, memory_order_seq_cst);
    // order: seq_cst, after armed in the one order with H1 and H2; pairs H5: what a handler does
    // to the disposition is done
    for (backoff wait; one.handlers_in.load(memory_order_seq_cst) != 0; wait.pause()) {
      if (was_taken(one)) return;
    }
    struct sigaction mine {};
    mine.sa_sigaction = &on_signal;
    mine.sa_flags = SA_SIGINFO | SA_RESTART;
    ::sigemptyset(&mine.sa_mask);
    ::sigaction(signal, &mine, nullptr);
    if (was_taken(one)) put_back(one, signal);  // a late handler's H3 may have come before
  }

  static bool was_taken(const line& one) noexcept {
    // order: seq_cst, pairs H2
    return one.armed.load(memory_order_seq_cst) == 0;
  }

  static void disarm(line& one, int signal) noexcept {
    // order: seq_cst, pairs H2
    if (one.armed.exchange(0, memory_order_seq_cst) != 0) put_back(one, signal);
  }

  void start_thread() {
    if (from_handlers_ >= 0) return;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail(errno);
    pthread_t thread;
    pthread_attr_t detached;
    ::pthread_attr_init(&detached);
    ::pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    from_handlers_ = ends[0];
    const int error = ::pthread_create(&thread, &detached, &life, this);
    ::pthread_attr_destroy(&detached);
    if (error != 0) {
      from_handlers_ = -1;
      ::close(ends[0]);
      ::close(ends[1]);
      fail(error);
    }
    // order: relaxed, no handler is installed yet
    to_thread.store(ends[1], memory_order_relaxed);
  }

  static void* life(void* self) noexcept {
    ::pthread_setname_np(::pthread_self(), "sluice-signals");
    auto& all = *static_cast<registry*>(self);
    census::all().begin_rest();  // for good: while nobody watches, no message makes it act
    for (;;) {
      message said{};
      if (::read(all.from_handlers_, &said, sizeof said) == sizeof said) all.request_stops(said);
    }
  }

  void request_stops(const message& said) noexcept {
    line& one = line_of(said.signal);
    while (task_extras* of = take(one, said.generation)) {
      bool asked = false;
      {
        const std::lock_guard guard(of->lock);
        asked = of->task != nullptr && of->task->mark_stopped();
      }
      if (asked) of->source.request_stop();  // user's code: no lock is held
      of->drop_user();
      census::all().drop_watch();
    }
  }

  /// The next that wanted the signal then, out of the list.
  task_extras* take(line& one, std::uint32_t generation) noexcept {
    const std::lock_guard guard(lock_);
    for (auto at = one.wants.begin(); at != one.wants.end(); ++at) {
      if (static_cast<std::int32_t>(at->generation - generation) > 0) continue;
      task_extras* const of = at->of;
      one.wants.erase(at);
      return of;
    }
    return nullptr;
  }

  [[noreturn]] static void fail(int error) {
    throw std::system_error(error, std::generic_category(), "sluice: stop_on_signal");
  }

  std::mutex lock_;
  int from_handlers_ = -1;
};

void check_signal(int signal) {
  bool good = signal > 0 && signal < NSIG && signal != SIGKILL && signal != SIGSTOP;
  for (const int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS}) {
    good = good && signal != fault;
  }
  if (good) return;
  throw std::invalid_argument("sluice: stop_on_signal of signal " + std::to_string(signal) +
                              ", which is none, cannot be caught or reports a fault");
}

void end_watches(task_extras& of) noexcept { registry::all().remove(of); }

}  // namespace

signal_watch watch_signals(task_core& task, std::initializer_list<int> signals) {
  if (in_forked_child()) throw_forked("stop_on_signal");
  for (const int signal : signals) check_signal(signal);
  watch_for_fork();
  task_extras& more = task.extras();
  // order: release, pairs with end_notes
  more.at_end.store(&end_watches, memory_order_release);
  registry::all().add(more, signals);
  if (!task.note_end()) end_watches(more);  // it is over already
  more.add_user();
  return signal_watch(more);
}

}  // namespace sluice::detail

namespace sluice {

signal_watch::~signal_watch() {
  if (of_ != nullptr) of_->drop_user();
}

void signal_watch::end() noexcept {
  if (of_ != nullptr && !detail::in_forked_child()) detail::end_watches(*of_);
}

}  // namespace sluice
