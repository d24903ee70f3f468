// The strands: who runs, who waits, and the clock.
#include <cxxabi.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "engine/driver.hpp"
#include "engine/hooks.hpp"
#include "engine/state.hpp"
#include "engine/weaker.hpp"

namespace sluice::explore {

namespace context = boost::context::detail;

schedule_state s;
int fault = 0;
bool met[most_mutants];
bool reached[most_mutants];
bool looks_for_weaker = false;

bool mutant(int number) noexcept {
  met[number] = true;
  return fault == number;
}

std::memory_order weakened(int number, std::memory_order weaker, std::memory_order order) noexcept {
  if (!looks_for_weaker) return fault == number ? weaker : order;
  reached[number] = true;
  const auto carried = static_cast<unsigned>(weaker) | static_cast<unsigned>(number) << order_bits;
  const auto so_far = static_cast<unsigned>(order);
  constexpr unsigned second = 2 * order_bits + mutant_bits;
  if (so_far >> second != 0) {  // there is no room for a third
    met[number] = true;
    return order;
  }
  return static_cast<std::memory_order>(
      so_far | carried << (so_far >> order_bits == 0 ? order_bits : second));
}

namespace {

constexpr unsigned driver = most_strands;
/// What passes when everybody has spun and nothing has changed, in nanoseconds.
constexpr std::int64_t round_time = 5'000;
/// Steps of one strand after which it counts as spinning: it may wait for one that was left in the
/// middle of something, as an idle worker does for whoever has emptied the inbox but not counted it.
constexpr unsigned most_in_a_row = 2500;
unsigned in_a_row = 0;
/// Between two steps, more than any loop that backs off has.
constexpr unsigned most_pauses_in_a_row = 100'000;
unsigned pauses_in_a_row = 0;

/// What a strand keeps of its exceptions while others run; the same memory for all of them.
void** exceptions_of_thread() noexcept {
  static void** const at = reinterpret_cast<void**>(abi::__cxa_get_globals());
  return at;
}

/// On a fiber it stands on another stack: then all of its own may be in use.
void note_frame(strand& one, unsigned number, char* frame) noexcept {
  char* const bottom = region + number * stack_bytes;
  const bool on_own = frame >= bottom && frame < bottom + stack_bytes;
  one.frame = on_own ? frame : bottom;
}

void jump(unsigned next) noexcept {
  const unsigned from = s.current;
  void** const exceptions = exceptions_of_thread();
  std::memcpy(s.strands[from].exceptions, exceptions, sizeof(strand::exceptions));
  std::memcpy(exceptions, s.strands[next].exceptions, sizeof(strand::exceptions));
  note_frame(s.strands[from], from, static_cast<char*>(__builtin_frame_address(0)));
  s.strands[from].parker = *parker_slot;
  s.strands[from].worker = *worker_slot;
  s.strands[from].progress = *progress_slot;
  s.came_from = from;
  s.current = next;
  in_a_row = 0;
  *parker_slot = s.strands[next].parker;
  *worker_slot = s.strands[next].worker;
  *progress_slot = s.strands[next].progress;
  *owner_slot = owner_of(next);
  const context::transfer_t back = context::jump_fcontext(s.strands[next].context, nullptr);
  s.strands[s.came_from].context = back.fctx;
}

/// A strand whose time is over goes on as such.
void go_to(unsigned next) noexcept {
  if ((s.timed & bit(next)) != 0) {
    strand& sleeper = s.strands[next];
    s.timed &= ~bit(next);
    s.ready |= bit(next);
    sleeper.timed_out = true;
    sleeper.word = nullptr;
    if (sleeper.until > s.now) s.now = sleeper.until;
    deciding.note_pause(next);  // who sleeps again and again must not keep the others from running
  }
  if (next != s.current) jump(next);
}

/// Those of the set, beginning behind the running one.
unsigned list_from(unsigned set, std::uint8_t* who) noexcept {
  unsigned count = 0;
  for (unsigned i = 1; i <= most_strands; ++i) {
    const unsigned one = (s.current + i) % most_strands;
    if ((set & bit(one)) != 0) who[count++] = static_cast<std::uint8_t>(one);
  }
  return count;
}

/// Everybody waits, and strand 0 wants to look at that.
unsigned see_rest() noexcept {
  for (unsigned i = 1; i < s.count; ++i) {
    s.strands[0].seen = join(s.strands[0].seen, s.strands[i].seen);
  }
  s.may_rest = false;
  s.rests = true;
  s.ready |= 1;
  return 1;
}

/// The running strand cannot go on. Returns when it can, never if it has ended.
void let_others_run(bool spins = false) noexcept {
  unsigned set = s.ready & ~s.paused;
  // Two that spin must not wake each other for ever: each of the others comes in between.
  if (spins && (set & ~s.spinners) == 0) s.spinners = bit(s.current);
  if (spins && (set & ~s.spinners) != 0) set &= ~s.spinners;
  if (set == 0 && s.paused != 0 && s.rounds < 4) {
    ++s.rounds;
    s.now += round_time;
    set = s.ready;
    s.paused = 0;
  }
  if (set == 0) set = s.timed;
  if (set == 0) {
    if (s.paused != 0) fail(failure::livelock, "everybody spins and nothing changes");
    if (!s.may_rest) fail(failure::deadlock, "everybody waits: a wake-up was lost");
    set = see_rest();
  }
  // Times pass where nothing else can run, the earliest first by default. (That one is over earlier
  // is tried before each step that matters.)
  std::uint8_t who[most_strands];
  const unsigned count = list_from(set, who);
  const bool time_passes = (set & s.timed) != 0;
  for (unsigned i = 1; time_passes && i < count; ++i) {
    for (unsigned j = i; j > 0; --j) {
      if (s.strands[who[j]].until < s.strands[who[j - 1]].until) std::swap(who[j], who[j - 1]);
    }
  }
  const question what = time_passes ? question::preempt : question::next;
  const unsigned chosen = count > 1 ? deciding.choose(what, 2 * s.step, count, who) : 0;
  go_to(who[chosen]);
}

void count_step() noexcept {
  if (++s.step >= most_steps) fail(failure::livelock, "more steps than any schedule needs");
}

void finish_strand() noexcept {
  if (s.current == 0) {
    if (s.items != 0) fail(failure::check, "each item is destroyed once");
    jump(driver);
  }
  count_step();
  make_stores();
  s.ready &= ~bit(s.current);
  s.unfinished &= ~bit(s.current);
  s.strands[0].seen = join(s.strands[0].seen, me().seen);
  wake_those_on(&me(), most_strands);
  if (s.unfinished == 1) s.ready |= 1;
  note_change();
  let_others_run();
}

void begin_strand(void* parker) noexcept {
  strand& self = me();
  *parker_slot = self.parker = parker;
  self.begun = true;
  try {
    self.life != nullptr ? void(self.life(self.argument)) : self.entry(self.argument);
  } catch (...) {
    fail(failure::exception, "an exception left a strand");
  }
  self.begun = false;
}

void strand_main(context::transfer_t from) noexcept {
  s.strands[s.came_from].context = from.fctx;
  run_as_thread(begin_strand);
  finish_strand();
}

void add_strand(unsigned number, void (*entry)(void*), void* argument, clocks seen) noexcept {
  strand& one = s.strands[number];
  one = strand{};
  char* const top = region + (number + 1) * stack_bytes;
  one.context = context::make_fcontext(top, stack_bytes, strand_main);
  one.frame = top;
  one.seen = seen;
  one.seen[number] = 1;
  one.entry = entry;
  one.argument = argument;
  s.ready |= bit(number);
  s.unfinished |= bit(number);
}

}  // namespace

void fail(failure how, const char* claim, const void* at) noexcept {
  if (s.how == failure::none) {
    s.how = how;
    s.claim = claim;
    s.at = at;
  }
  jump(driver);
  __builtin_unreachable();
}

void before_operation(bool matters) noexcept {
  count_step();
  pauses_in_a_row = 0;
  if (++in_a_row % most_in_a_row == 0) pause();
  if (s.wants_pause) {
    s.wants_pause = false;
    make_stores();
    s.paused |= bit(s.current);
    s.spinners |= bit(s.current);
    me().looks_fresh = true;
    deciding.note_pause(s.current);
    return let_others_run(true);
  }
  if (!matters || !me().begun) return;
  const unsigned others = (s.ready & ~s.paused & ~bit(s.current)) | s.timed;
  if (others == 0) return;
  std::uint8_t who[most_strands + 1];
  who[0] = static_cast<std::uint8_t>(s.current);
  const unsigned count = 1 + list_from(others, who + 1);
  const unsigned chosen = deciding.choose(question::preempt, 2 * s.step, count, who);
  if (chosen != 0) go_to(who[chosen]);
}

void pause() noexcept {
  if (in_schedule() && ++pauses_in_a_row == most_pauses_in_a_row) {
    fail(failure::livelock, "it spins, and looks at nothing");
  }
  s.wants_pause = s.running && s.unfinished != 1;
}

/// Who slept until now without a cause may as well not have slept: others can come before its next
/// step all the same.
bool wakes_anyway(const void* address) noexcept {
  count_step();  // a decision of its own
  if (deciding.choose(question::chance, 2 * s.step + 1, 2, nullptr) == 0) return false;
  if (s.tracing) note_event({.what = "is woken without a cause", .at = address});
  return true;
}

bool sleep_on(const void* address, std::int64_t until) noexcept {
  make_stores();
  if (s.tracing) note_event({.what = "sleeps on", .at = address});
  me().word = address;
  me().until = until;
  me().timed_out = false;
  s.ready &= ~bit(s.current);
  if (until != never) s.timed |= bit(s.current);
  count_step();  // who comes next is another decision than who came before
  let_others_run();
  if (s.tracing) {
    note_event({.what = me().timed_out ? "its time is over" : "is woken", .at = address});
  }
  return !me().timed_out;
}

void wake_those_on(const void* address, int count) noexcept {
  for (unsigned i = 0; i < most_strands && count > 0; ++i) {
    if (s.strands[i].word != address || (s.unfinished & bit(i)) == 0) continue;
    s.strands[i].word = nullptr;
    s.timed &= ~bit(i);
    s.ready |= bit(i);
    --count;
  }
}

bool futex_wait(const void* word, std::uint32_t expected, std::int64_t until) noexcept {
  before_operation(true);
  make_stores();
  if (newest_value(word, sizeof(expected)) != expected) return true;
  if (until <= s.now) return false;
  if (wakes_anyway(word)) return true;
  return sleep_on(word, until);
}

void futex_wake(const void* word, int count) noexcept {
  before_operation(true);
  make_stores();
  if (s.tracing) note_event({.what = "wakes", .at = word});
  wake_those_on(word, count);
  note_change();
}

unsigned start_strand(void* (*life)(void*), void* argument) noexcept {
  before_operation(true);
  make_stores();
  if (s.count == most_strands) fail(failure::engine, "too many strands");
  const unsigned number = s.count++;
  add_strand(number, nullptr, argument, me().seen);
  s.strands[number].life = life;
  tick();
  note_change();
  return number;
}

void join_strand(unsigned number) noexcept {
  before_operation(true);
  if (!has_ended(number)) sleep_on(&s.strands[number], never);
  me().seen = join(me().seen, s.strands[number].seen);
}

unsigned strands_alive() noexcept {
  return static_cast<unsigned>(__builtin_popcount(s.unfinished & ~1U));
}

std::int64_t virtual_now() noexcept { return s.now; }

void check(bool holds, const char* claim) noexcept {
  if (!holds && s.running) fail(failure::check, claim);
}

void count_item(int change) noexcept { s.items += change; }

bool run_strands(unsigned count, void (*const* entry)(void*), void* const* argument,
                 rest at_rest) noexcept {
  if (count + 1 > most_strands) fail(failure::engine, "too many strands");
  const clocks seen = me().seen;
  tick();
  s.count = count + 1;
  for (unsigned i = 0; i < count; ++i) add_strand(i + 1, entry[i], argument[i], seen);
  return wait_for_strands(at_rest);
}

bool wait_for_strands(rest at_rest) noexcept {
  if (s.unfinished == 1) return true;
  s.may_rest = at_rest == rest::is_looked_at;
  s.rests = false;
  s.ready &= ~1U;
  count_step();
  let_others_run();
  s.may_rest = false;
  tick();
  return !s.rests;
}

bool has_ended(unsigned strand) noexcept { return (s.unfinished & bit(strand)) == 0; }

moment now() noexcept { return {me().seen, s.current}; }
moment now_and_after() noexcept {
  const moment found = now();
  tick();
  return found;
}

void run_schedule(void (*body)(const void*), const void* of) noexcept {
  ++s.generation;
  s.ready = s.paused = s.spinners = s.timed = s.unfinished = s.rounds = 0;
  s.step = 0;
  s.now = 1'000'000'000;
  s.items = 0;
  s.how = failure::none;
  s.wants_pause = s.may_rest = s.rests = false;
  s.heap_used = 0;
  s.mappings = 0;
  s.count = 1;
  reset_statics();
  begin_memory();
  begin_locations();
  if (s.tracing) begin_trace();
  deciding.begin_schedule();
  s.running = true;
  struct call {
    void (*body)(const void*);
    const void* of;
  } first{body, of};
  const auto entry = [](void* f) { static_cast<call*>(f)->body(static_cast<call*>(f)->of); };
  add_strand(0, entry, &first, clocks{});
  jump(0);
  s.running = false;
  // Threads that still sleep, where a scenario lets them, keep what is theirs.
  if (s.how == failure::none && strands_alive() == 0) {
    s.at = lost_block();
    if (s.at != nullptr) {
      s.how = failure::leak;
      s.claim = "memory that nobody has given back";
    }
  }
  end_locations();
  s.steps_in_all += s.step;
}

}  // namespace sluice::explore

namespace sluice::explore {
namespace {

/// Leaves the strand and the handler at once, for the driver.
void on_crash(int, siginfo_t* about, void*) {
  if (!s.running) std::abort();
  fail(failure::crash, "an access to no memory", about->si_addr);
}

}  // namespace

void catch_crashes() noexcept {
  static char stack[64 * 1024];
  const stack_t own{.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof(stack)};
  ::sigaltstack(&own, nullptr);
  struct sigaction act {};
  act.sa_sigaction = on_crash;
  act.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  ::sigaction(SIGSEGV, &act, nullptr);
  ::sigaction(SIGBUS, &act, nullptr);
}

}  // namespace sluice::explore

/// The virtual clock stands in for steady_clock (see the link arguments).
extern "C" std::chrono::steady_clock::time_point
__wrap__ZNSt6chrono3_V212steady_clock3nowEv() noexcept {
  return std::chrono::steady_clock::time_point(
      std::chrono::nanoseconds(sluice::explore::virtual_now()));
}

extern "C" int __wrap_sched_yield() noexcept {
  sluice::explore::pause();
  return 0;
}

/// Each strand is a thread of its own: std::stop_token compares them.
extern "C" pthread_t __wrap_pthread_self() noexcept { return sluice::explore::s.current + 1; }

/// The C++ library waits for a callback of a token by the system call itself.
extern "C" long __wrap_syscall(long number, const void* word, int operation, std::uint32_t value) {
  if (number != SYS_futex) std::abort();
  if ((operation & FUTEX_CMD_MASK) == FUTEX_WAIT) {
    sluice::explore::futex_wait(word, value, sluice::explore::never);
  } else {
    sluice::explore::futex_wake(word, static_cast<int>(value));
  }
  return 0;
}
