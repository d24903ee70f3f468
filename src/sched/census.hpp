// Everyone asleep: is there still anybody in the process who could wake a fiber?
//
// A thread is at rest if it does nothing that others can notice until a thread that is not at rest
// makes it go on:
//   - a worker on its runtime's list of sleepers, while no timer is armed and nothing lies in the
//     inbox (idle.hpp);
//   - a ticker whose word says `asleep`, and the one that asks;
//   - a helper of `blocking` without a job, and the thread that reads signals, while no task
//     watches for one;
//   - a plain thread in `run` while its task is not done.
// All at rest at one moment: nothing will ever happen again. The ticker of a runtime asks, when its
// workers have rested for a tick. It goes round twice, the threads of the process counted between:
//
//   first round    for each thread: how often it was made to go on; is it at rest?
//   count          as many threads in the process as were found at rest?
//   second round   the same answers?
//
// Let M be the moment when the second round begins. A thread that was at rest in the first round
// and has not been made to go on when the second looks was at rest at M. Those found at rest exist
// until M, so if the kernel counts no more, there was nobody else. So all were at rest at M. For
// this
//   - whoever makes a thread go on counts that before the thread can act, and only a thread that is
//     not at rest does: one in the middle of it at M is itself found so;
//   - a thread is counted here only from its first rest on, by itself, until it goes on to its end;
//     before and after that it makes the kernel's number the larger one, and the answer is no;
//   - the rounds look under the locks, or with acquire, at what each thread released as it went to
//     rest; so the second round sees all that anybody did before: timers, inboxes, ends of tasks.
// Runtimes and callers of `run` do not change during a look: it holds the lock under which they
// come and go. Whoever comes last asks again: the worker that lists itself as the last one, and the
// thread that enters, wake the ticker (note_rest) after they can be seen (seq_cst), and the ticker
// looks after it can be seen to be asleep.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string_view>

#include "sluice/detail/base/atomic.hpp"

namespace sluice::detail {

class scheduler;
class task_core;

using deadlock_handler = std::function<void(std::string_view)>;

/// A plain thread that waits in `run`, as long as this lives on its stack. Nothing but the end of
/// the task may end its wait. On a fiber: nothing.
class run_caller {
 public:
  run_caller(scheduler& home, const task_core& task) noexcept;
  run_caller(const run_caller&) = delete;
  run_caller& operator=(const run_caller&) = delete;
  ~run_caller();

 private:
  friend class census;
  scheduler& home_;
  const task_core& task_;
  run_caller* next_ = nullptr;
  bool listed_ = false;
};

class census {
 public:
  static census& all() noexcept;

  /// Before the runtime's first thread starts, and before its threads end.
  void add(scheduler& one) noexcept;
  void remove(scheduler& one) noexcept;

  /// A thread of the library that belongs to no runtime begins to rest; called by itself.
  void begin_rest() noexcept {
    // order: release, what it has done is seen by whoever finds it at rest
    // mutation: relaxed, what it brought went by W4 and W5: to a worker that was awake, or to one
    // that it took off the list under the lock of all_listed
    resting_.fetch_add(1, memory_order_release);
  }
  /// It goes on; called before it can act, by whoever makes it.
  void end_rest() noexcept {
    // order: seq_cst, before the count below: whoever has read that count finds it at rest no more
    // mutation: acq_rel, the count below hands it on
    resting_.fetch_sub(1, memory_order_seq_cst);
    // order: seq_cst, before it can act
    // mutation: acq_rel, the caller's own rest hands it on, before the second round
    stirred_.fetch_add(1, memory_order_seq_cst);
  }
  /// A task watches for a signal; until the stop that comes of it was requested.
  void add_watch() noexcept {
    // order: seq_cst, as in end_rest
    // mutation: acq_rel, the caller's own rest hands it on, before the second round
    watches_.fetch_add(1, memory_order_seq_cst);
    // order: seq_cst, before a handler is installed
    // mutation: acq_rel, as above
    stirred_.fetch_add(1, memory_order_seq_cst);
  }
  void drop_watch() noexcept {
    // order: release, what the signal's thread has done is seen by whoever finds none
    // mutation: relaxed, as in begin_rest
    watches_.fetch_sub(1, memory_order_release);
  }

  [[nodiscard]] bool anybody_in_run() const noexcept {
    // order: seq_cst, after the caller's own RMW, in the one order with run_caller
    return callers_count_.load(memory_order_seq_cst) > 0;
  }

  enum class finding : std::uint8_t {
    awake,   ///< somebody will act, and his runtime's ticker will look after that
    unsure,  ///< perhaps later: what may change unseen speaks against it
    spoke,   ///< everyone was asleep; that was reported, and somebody may act now
  };
  /// Called by the ticker of `asking` once it is seen to be asleep.
  [[nodiscard]] finding look(scheduler& asking) noexcept;

 private:
  friend class run_caller;

  struct round {
    finding found = finding::spoke;
    std::uint64_t threads = 0;  ///< that are at rest
    std::uint64_t stirred = 0;  ///< how often they were made to go on
    std::uint64_t started = 0;  ///< how often a worker found something to run
  };
  struct report;
  [[nodiscard]] round go_round(const scheduler& asking) const noexcept;
  /// Throws std::bad_alloc.
  [[nodiscard]] report write_report() const;

  std::mutex lock_;
  scheduler* schedulers_ = nullptr;
  run_caller* callers_ = nullptr;
  std::uint64_t changes_ = 0;  ///< of the two lists
  bool speaking_ = false;
  /// What was reported last: nothing has run since if both are the same.
  std::uint64_t said_started_ = 0;
  std::uint64_t said_changes_ = 0;

  /// How many are in the list. Written under the lock.
  atomic<std::uint32_t> callers_count_{0};
  /// Written by helpers and those who give them jobs, and by the signals' registry.
  atomic<std::uint32_t> resting_{0};
  atomic<std::uint32_t> watches_{0};
  atomic<std::uint64_t> stirred_{0};
};

}  // namespace sluice::detail
