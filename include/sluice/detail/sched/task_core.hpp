// What the scheduler knows of a task: how to run it, who waits for its end, whether it must stop.
//
// The state is a set of bits, each set once and never cleared:
//
//   done      T1 the function has returned or thrown: its result may be read
//   released  T2 the scheduler has touched the task for the last time
//   detached  T3 no handle is left: nobody can join
//   waited    J1 somebody has linked himself into the list of joiners
//   stop      K1 the stop was requested
//   noted     N1 somebody wants to hear of the end before it can be joined (task_extras.hpp)
//
// I1 whoever sets the second of `released` and `detached` deletes the task.
// I2 a joiner that finds `done` under the lock does not wait; the finisher that finds `waited`
//    at T1 empties the list under the same lock. So no joiner is left behind.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <stop_token>
#include <string>
#include <string_view>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/clock.hpp"
#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/base/short_lock.hpp"
#include "sluice/detail/park/wait_list.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

class fiber;
class scheduler;
struct task_extras;

/// What a worker can run next: a task that has no stack yet, or a fiber that is ready to go on.
struct runnable {
  enum class sort : std::uint8_t { task, fiber };
  explicit runnable(sort s) noexcept : what(s) {}
  /// The next in whatever list holds it; it is in one at most.
  runnable* link = nullptr;
  const sort what;
};

using error_handler = std::function<void(std::string_view, std::exception_ptr)>;

/// An error that nobody can join, and who is to hear of it.
struct SLUICE_API orphan_error {
  std::exception_ptr error;
  std::shared_ptr<const error_handler> on_unhandled;
  std::uint64_t id = 0;
  std::string name;

  /// Calls the handler, which may wait. The default one ends the process.
  void report() noexcept;
};

/// Hears of the end of tasks.
class SLUICE_API end_listener {
 public:
  /// Called by the task's fiber as the last it does: the task is done, and deleted if it is
  /// detached. The listener may be gone after it.
  virtual void task_ended() noexcept = 0;

 protected:
  ~end_listener() = default;
};

class SLUICE_API task_core : public runnable, public waited_for {
 public:
  /// `name` may be null.
  explicit task_core(std::unique_ptr<const std::string> name) noexcept
      : runnable(sort::task), more_(name != nullptr ? as_name(name.release()) : 0) {}
  task_core(const task_core&) = delete;
  task_core& operator=(const task_core&) = delete;
  virtual ~task_core() {
    // order: relaxed, nobody else has the task any more
    if (failed_ || more_.load(memory_order_relaxed) != 0) [[unlikely]]
      drop_rest();
  }

  /// From the running worker's store of freed tasks, where there is one. Throw std::bad_alloc.
  static void* operator new(std::size_t size);
  static void operator delete(void* room, std::size_t size) noexcept;
  static void* operator new(std::size_t size, std::align_val_t alignment) {
    return ::operator new(size, alignment);
  }
  static void operator delete(void* room, std::size_t, std::align_val_t alignment) noexcept {
    ::operator delete(room, alignment);
  }

  // ---- the handle's side: whoever calls holds it ----------------------------------------------
  [[nodiscard]] bool done() const noexcept {
    // order: acquire, pairs T1: the result is there
    const bool over = (state_.load(memory_order_acquire) & done_bit) != 0;
    if (over) edge_to(&state_);
    return over;
  }
  /// Waits for the end: `completed`, `timed_out` or `cancelled`.
  [[nodiscard]] outcome wait_until_done(deadline until, on_stop stop) noexcept;
  /// True if this call made the request and the task was not done.
  bool request_stop() noexcept;
  /// As request_stop, but for those who watch stop_token(): nobody's code is called.
  bool mark_stopped() noexcept;
  /// The error that escaped the function, which then counts as joined; null: none.
  [[nodiscard]] std::exception_ptr take_error() noexcept {
    return failed_ ? std::move(error_) : nullptr;
  }
  /// Made at the first call. Throws std::bad_alloc. The caller holds the task, or runs it.
  [[nodiscard]] task_extras& extras();
  /// N1. From now on extras().at_end is called at the end; false: the task is done.
  [[nodiscard]] bool note_end() noexcept;
  /// T3. The handle goes; an error that nobody has joined is reported.
  void drop() noexcept;

  // ---- the scheduler's side -------------------------------------------------------------------
  /// Runs the function on the current stack; keeps what it returns or throws.
  virtual void invoke() noexcept = 0;
  /// The function is over: if nobody can join any more, its error is reported by its own fiber.
  void report_if_detached() noexcept {
    if (failed_) [[unlikely]]
      report_own_if_detached();
  }
  /// Its fiber ends in a forked child: prints an error, and ends the process.
  [[noreturn]] void end_forked_child() noexcept;
  /// T1, T2. The function is over: wakes the joiners. The task may be gone afterwards.
  void finish() noexcept {
    // order: relaxed, only whether anything is there to be done; finish_slowly looks again
    std::uint32_t before = state_.load(memory_order_relaxed);
    if ((before & ~detached_bit) == 0 && !failed_) [[likely]] {
      edge_from(&state_);
      // order: T1 and T2 acq_rel, gives the result away; nobody waits, so this is the last touch.
      // Pairs T3. Relaxed on failure: finish_slowly looks again
      if (state_.compare_exchange_strong(before, before | done_bit | released_bit,
                                         memory_order_acq_rel, memory_order_relaxed)) {
        if (before != 0) delete_detached();
        return;
      }
    }
    finish_slowly();
  }
  /// Follows the stop of its fiber, which calls this. Throws std::bad_alloc.
  [[nodiscard]] std::stop_token stop_token();
  [[nodiscard]] bool stop_requested() const noexcept {
    // order: seq_cst, after P5 in the one order with K1, which comes after the raise that P5 sees
    return (state_.load(memory_order_seq_cst) & stop_bit) != 0;
  }

  /// For whoever joins it: its number and name.
  void describe(std::ostream& out) const override;

  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  /// The given name, or nothing.
  [[nodiscard]] std::string_view name() const noexcept {
    // order: acquire, pairs with extras(), which may have the name
    const std::uintptr_t more = more_.load(memory_order_acquire);
    return more != 0 ? name_in(more) : std::string_view();
  }

 protected:
  /// Did an error escape?
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  /// Was it `cancelled` that escaped?
  [[nodiscard]] bool ended_by_stop() const noexcept { return stopped_; }
  /// The error goes to somebody else; joiners get it too, but on_unhandled does not.
  [[nodiscard]] orphan_error give_error_away() noexcept;
  /// Keeps the exception that is being handled.
  void fail(bool by_stop) noexcept {
    ::new (static_cast<void*>(&error_)) std::exception_ptr(std::current_exception());
    failed_ = true;
    stopped_ = by_stop;
  }

  // For derived classes, where they take no room. Written by the fiber.
  /// Was the function called, and is it gone?
  bool called_ : 1 = false;
  /// Is there a value?
  bool full_ : 1 = false;
  /// Does a value fit where an error would lie? A function that has one has not the other.
  template <class T>
  static constexpr bool fits_beside_error = sizeof(T) <= sizeof(std::exception_ptr) &&
                                            alignof(T) <= alignof(std::exception_ptr);
  [[nodiscard]] void* place_of_value() noexcept { return &error_; }

 private:
  friend class scheduler;
  friend class worker;
  friend class fiber;
  friend void spawn(scheduler* where, task_core& task, std::size_t stack_size);

  static constexpr std::uint32_t done_bit = 1;
  static constexpr std::uint32_t released_bit = 2;
  static constexpr std::uint32_t detached_bit = 4;
  static constexpr std::uint32_t waited_bit = 8;
  static constexpr std::uint32_t stop_bit = 16;
  static constexpr std::uint32_t noted_bit = 32;

  void wake_joiners() noexcept;
  void end_notes() noexcept;
  /// What stop_token() has given tokens of, if it was called.
  [[nodiscard]] std::stop_source watched_stop() const noexcept;
  void keep_handler() noexcept;
  /// What has failed, or has a name or extras, ends.
  void drop_rest() noexcept;
  /// The same, where somebody waits, or stops it, or an error is kept.
  void finish_slowly() noexcept;
  void delete_detached() noexcept;
  void report_own_if_detached() noexcept;
  void report_unjoined() noexcept;
  void report(const error_handler& handler) noexcept;
  void print_error() const noexcept;

  /// Where it comes from: its runtime, and where the call that spawned it returned to.
  struct origin {
    scheduler* home = nullptr;
    const void* spawned_by = nullptr;
  };

  // What stands in more_: 0, or a name, or extras, which then have the name.
  static constexpr std::uintptr_t name_bit = 1;
  [[nodiscard]] static std::uintptr_t as_name(const std::string* name) noexcept {
    return reinterpret_cast<std::uintptr_t>(name) | name_bit;
  }
  /// Null: nobody has made them.
  [[nodiscard]] static task_extras* extras_in(std::uintptr_t more) noexcept {
    return (more & name_bit) == 0 ? reinterpret_cast<task_extras*>(more) : nullptr;
  }
  /// Of a word that is not 0.
  [[nodiscard]] static std::string_view name_in(std::uintptr_t more) noexcept;

  // A million tasks that have not begun are a million times this: what needs little room comes
  // first, next to the last byte of the base, and what is needed in turn shares its place.

  /// The error is `cancelled`, or somebody has it: on_unhandled does not hear of it.
  bool stopped_ : 1 = false;
  /// Has an error escaped? Then it lies in error_.
  bool failed_ : 1 = false;
  /// Is it on_unhandled_ that lies there?
  bool keeps_handler_ : 1 = false;
  short_lock lock_;
  /// The size class of its stack; set when it is spawned.
  std::uint8_t stack_class_ = 0;
  /// See the head of the file.
  atomic<std::uint32_t> state_{0};
  wait_ring joiners_;
  union {
    /// If failed_; null again when somebody has taken it. Otherwise a small value may lie here.
    std::exception_ptr error_;
  };
  union {
    /// Set when it is spawned; read by its fiber, and by whoever pins the owner of the stack.
    origin from_{};
    /// Who hears of an error that nobody joins; from the end of such a function on, when no stack
    /// belongs to the task any more. May outlive the runtime.
    std::shared_ptr<const error_handler> on_unhandled_;
  };
  /// The fiber that runs it; written once, by its worker, before the function begins.
  atomic<fiber*> fiber_{nullptr};
  std::uint64_t id_ = 0;
  /// The name; or the extras, written once, by whoever needs them first; read by whoever stops the
  /// task, or asks for its name.
  atomic<std::uintptr_t> more_;
};

/// The default runtime. Throws what starting it throws.
[[nodiscard]] SLUICE_API scheduler& default_scheduler();
/// Hands the task to the workers of `where`; null: of the runtime of the running fiber, else of the
/// default one, which starts at first use. All between the user's code and this call is inlined,
/// so that dumps can say where the task was spawned. Throws std::logic_error in a forked child,
/// std::length_error, std::bad_alloc, what starting the default runtime throws; then the task was
/// not touched.
SLUICE_API void spawn(scheduler* where, task_core& task, std::size_t stack_size);
/// `who` hears of the end of the running fiber's task. Called once in a task, by its fiber.
SLUICE_API void listen_for_end(end_listener& who) noexcept;
/// Is it `who` that hears of the end of what runs here?
[[nodiscard]] SLUICE_API bool heard_by(const end_listener& who) noexcept;
/// The task of the running fiber; nullptr on a plain thread.
[[nodiscard]] SLUICE_API task_core* running_task() noexcept;
/// Was a stop requested that the running strand obeys?
[[nodiscard]] SLUICE_API bool stop_requested_here() noexcept;
/// A token that follows the stops that the running strand obeys. Throws std::bad_alloc.
[[nodiscard]] SLUICE_API std::stop_token stop_token_here();
/// Does the running fiber belong to that runtime?
[[nodiscard]] SLUICE_API bool runs_on(const scheduler& where) noexcept;
/// Gives others their turn: the fiber's worker, or the thread's core.
SLUICE_API void yield_strand() noexcept;

}  // namespace sluice::detail
