// Who is at rest, and what is said when everybody is. The argument stands in census.hpp.
#include "sched/census.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "park/named.hpp"
#include "sched/scheduler.hpp"
#include "sluice/detail/sched/task_core.hpp"

namespace sluice::detail {
namespace {

constinit census only;

/// The threads of this process; 0: the system does not say. Allocates nothing.
std::uint64_t threads_of_process() noexcept {
  const int file = ::open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[1024];
  ssize_t size = 0;
  do size = ::read(file, text, sizeof text - 1);
  while (size < 0 && errno == EINTR);
  ::close(file);
  if (size <= 0) return 0;
  // pid (name) state ...: the name may hold anything, and the number is the 20th of all fields.
  constexpr int fields_between = 17;
  const std::string_view line(text, static_cast<std::size_t>(size));
  std::size_t at = line.rfind(')');
  for (int i = 0; i <= fields_between && at != line.npos; ++i) at = line.find(' ', at + 1);
  if (at == line.npos) return 0;
  std::uint64_t number = 0;
  while (++at < line.size() && line[at] >= '0' && line[at] <= '9') {
    number = number * 10 + static_cast<std::uint64_t>(line[at] - '0');
  }
  return number;
}

}  // namespace

census& census::all() noexcept { return only; }

// ---- who is there ------------------------------------------------------------------------------

void census::add(scheduler& one) noexcept {
  const std::lock_guard guard(lock_);
  one.next_of_all = std::exchange(schedulers_, &one);
  ++changes_;
}

void census::remove(scheduler& one) noexcept {
  const std::lock_guard guard(lock_);
  scheduler** at = &schedulers_;
  while (*at != &one) at = &(*at)->next_of_all;
  *at = one.next_of_all;
  ++changes_;
}

run_caller::run_caller(scheduler& home, const task_core& task) noexcept
    : home_(home), task_(task), listed_(worker::current() == nullptr) {
  if (!listed_) return;
  census& all = census::all();
  {
    const std::lock_guard guard(all.lock_);
    next_ = std::exchange(all.callers_, this);
    ++all.changes_;
    // order: seq_cst, before the look at the ticker in note_rest
    // mutation: acq_rel, note_rest reads it before that look, in the one order
    all.callers_count_.fetch_add(1, memory_order_seq_cst);
  }
  home_.note_rest();
}

run_caller::~run_caller() {
  if (!listed_) return;
  census& all = census::all();
  const std::lock_guard guard(all.lock_);
  run_caller** at = &all.callers_;
  while (*at != this) at = &(*at)->next_;
  *at = next_;
  ++all.changes_;
  // order: relaxed, whoever still reads the higher count finds the list without it
  all.callers_count_.fetch_sub(1, memory_order_relaxed);
}

// ---- the look ----------------------------------------------------------------------------------

census::round census::go_round(const scheduler& asking) const noexcept {
  round all;
  const auto note = [&all](finding what) { all.found = std::min(all.found, what); };
  // order: seq_cst, before the looks at who is at rest
  // mutation: acquire, whoever makes a thread go on is found at rest later, by what it releases
  // then, so the second round has seen that count; or is a helper that leaves, and wakes nobody
  all.stirred = stirred_.load(memory_order_seq_cst);
  // order: seq_cst, pairs with begin_rest and end_rest
  // mutation: acquire, as above; and whoever has read the count above finds it lower
  all.threads = resting_.load(memory_order_seq_cst);
  // order: seq_cst, pairs with drop_watch
  // mutation: acquire, as above: whoever adds a watch is found at rest later
  if (watches_.load(memory_order_seq_cst) != 0) note(finding::unsure);
  for (scheduler* each = schedulers_; each != nullptr; each = each->next_of_all) {
    const scheduler::rest one = each->look_at_rest(each == &asking);
    if (one.closing) note(finding::unsure);
    if (!one.everybody) note(finding::awake);
    all.threads += one.threads;
    all.stirred += one.stirred;
    all.started += one.started;
  }
  for (const run_caller* each = callers_; each != nullptr; each = each->next_) {
    if (each->task_.done()) note(finding::unsure);  // it is about to leave
    ++all.threads;
  }
  return all;
}

struct census::report {
  std::string text;
  std::vector<std::shared_ptr<const deadlock_handler>> handlers;

  void speak() const {
    if (handlers.empty()) {
      std::fwrite(text.data(), 1, text.size(), stderr);
      std::fflush(stderr);
      std::abort();
    }
    for (const auto& each : handlers) (*each)(text);
  }
};

census::report census::write_report() const {
  std::ostringstream text;
  text
      << "sluice: everyone is asleep: run waits for fibers that nobody can wake, since there is no "
         "timer,\nno blocking job and no other thread\n";
  for (scheduler* each = schedulers_; each != nullptr; each = each->next_of_all) each->dump(text);
  write_named(text);
  report all{std::move(text).str(), {}};
  for (const run_caller* each = callers_; each != nullptr; each = each->next_) {
    const auto& handler = each->home_.on_deadlock();
    if (!handler || std::ranges::find(all.handlers, handler) != all.handlers.end()) continue;
    all.handlers.push_back(handler);
  }
  return all;
}

census::finding census::look(scheduler& asking) noexcept {
  if (!anybody_in_run()) return finding::awake;
  report words;
  {
    const std::lock_guard guard(lock_);
    if (callers_ == nullptr || speaking_) return finding::awake;  // who speaks looks again
    const round first = go_round(asking);
    if (first.found != finding::spoke) return first.found;
    if (first.started == said_started_ && changes_ == said_changes_) return finding::awake;
    const std::uint64_t threads = threads_of_process();
    const round second = go_round(asking);
    if (second.found != finding::spoke) return second.found;
    if (second.stirred != first.stirred || second.threads != first.threads ||
        threads != first.threads) {
      return finding::unsure;
    }
    try {
      words = write_report();
    } catch (...) {  // no memory: perhaps later
      return finding::unsure;
    }
    said_started_ = first.started;
    said_changes_ = changes_;
    speaking_ = true;
  }
  words.speak();
  const std::lock_guard guard(lock_);
  speaking_ = false;
  return finding::spoke;
}

}  // namespace sluice::detail
