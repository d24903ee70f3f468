// A stage of a pipeline: its fibers, and what it leaves behind when it ends.
//
// A stage belongs to the flow that it feeds, and through it to the stage, or the sink, that reads
// this flow; so the last one owns all those before it. A stage is a `Work` with fibers to do it:
//
//   std::exception_ptr run(int strand)   what one fiber does. Returns at the end of the input, with
//                                        its cause or null; throws when the stage has failed
//   void leave()                         tells the stages before it that it takes no more
//   void end(const std::exception_ptr&)  gives the inputs back and closes the outputs
//
// I1 An error stops the stage's fibers and all stages before it at once, but its output is closed
//    only when the last of its fibers has left `run`: who sees the end of a stage, or its error,
//    knows that none of its functions runs any more.
// I2 ~stage waits for its fibers. The members die in the order fibers, functions, stages before.
// I3 Nothing escapes a fiber: the first error is kept here and becomes the cause of the close.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "sluice/channel.hpp"
#include "sluice/handles.hpp"
#include "sluice/mutex.hpp"
#include "sluice/scope.hpp"
#include "sluice/status.hpp"
#include "sluice/task.hpp"

namespace sluice::pipeline {

/// In which order a stage of several workers passes its results on.
enum class ordering : std::uint8_t {
  kept,  ///< that of the items they were made from
  free,  ///< that in which they are ready
};

/// What a stage may have of workers. Composing starts them all, so a number that can only be a
/// mistake, such as one of bytes, is refused before the first.
inline constexpr int most_stage_workers = 100'000;

/// How a stage does its work. All but transform, filter and for_each have one worker, and take no
/// other number (std::invalid_argument).
struct stage_options {
  /// Fibers that call the stage's function, at the same time: 1 to most_stage_workers.
  int workers = 1;
  /// Only matters if there are several workers.
  ordering order = ordering::kept;
  /// Results that may wait for the next stage, at least 1. Few if they are large; several let both
  /// stages work for a while before they must switch.
  std::size_t capacity = 16;
  /// Of the fibers and the channel, for dumps; nothing: that of the stage's kind.
  std::string name = {};
  /// Bytes of stack for each worker, at least; 0: as the runtime says.
  std::size_t stack_size = 0;
};

namespace detail {

/// A stage as the one after it knows it.
class any_stage {
 public:
  any_stage() = default;
  any_stage(const any_stage&) = delete;
  any_stage& operator=(const any_stage&) = delete;
  /// Stops the stage and those before it, and waits for the end of their fibers.
  virtual ~any_stage() = default;
  /// The reader of one output takes no more; called once for each, at most. Never waits.
  virtual void leave() noexcept = 0;
};

/// What a stage reads: the items, and the stage that makes them (null: somebody else does).
template <class T>
class inlet {
 public:
  inlet(receiver<T> items, std::shared_ptr<any_stage> from) noexcept
      : from_(std::move(from)), items_(std::move(items)) {}

  [[nodiscard]] const receiver<T>& items() const noexcept { return *items_; }
  void leave() const noexcept {
    if (from_ != nullptr) from_->leave();
  }
  /// Takes no more of the items, and keeps the stage.
  void drop() noexcept { items_.reset(); }

 private:
  std::shared_ptr<any_stage> from_;
  std::optional<receiver<T>> items_;
};

/// Calls `f(item)` for each item until the end, whose cause it returns. Passes on `cancelled` and
/// what f throws.
template <class T, class F>
std::exception_ptr for_items(const receiver<T>& items, F&& f) {
  auto next = items.begin();
  for (;; ++next) {
    try {
      if (next == items.end()) return nullptr;
    } catch (const cancelled&) {
      throw;
    } catch (...) {
      return std::current_exception();
    }
    f(*next);
  }
}

template <class Work>
class stage final : public any_stage {
 public:
  /// `outputs`: how many readers can leave.
  template <class... Args>
  explicit stage(std::size_t outputs, Args&&... args)
      : wanted_(outputs), work_(std::forward<Args>(args)...) {}

  /// Starts the fibers; called once. Throws as go does: then destroy the stage.
  void start(const stage_options& how, int fibers) {
    running_ = fibers;
    if (fibers == 0) work_.end(nullptr);
    for (int i = 0; i < fibers; ++i) {
      crew_.go(fiber_options{.name = how.name, .stack_size = how.stack_size},
               [this, i]() noexcept { run(i); });
    }
  }

  void leave() noexcept override {
    {
      const std::lock_guard guard(lock_);
      if (--wanted_ != 0) return;
    }
    stop();
  }

  [[nodiscard]] Work& work() noexcept { return work_; }

 private:
  void run(int strand) noexcept {
    std::exception_ptr error;
    try {
      note(work_.run(strand));
    } catch (...) {
      note(std::current_exception());
      stop();
    }
    {
      const std::lock_guard guard(lock_);
      if (--running_ != 0) return;
      error = error_;
    }
    work_.end(error);  // I1
  }

  /// The first error counts.
  void note(std::exception_ptr error) noexcept {
    if (error == nullptr) return;
    const std::lock_guard guard(lock_);
    if (error_ == nullptr) error_ = std::move(error);
  }

  void stop() noexcept {
    {
      const std::lock_guard guard(lock_);
      if (std::exchange(stopped_, true)) return;
    }
    crew_.request_stop();
    work_.leave();
  }

  mutex lock_;
  // Under the lock.
  std::size_t wanted_;
  int running_ = 0;
  bool stopped_ = false;
  std::exception_ptr error_;

  Work work_;
  scope crew_;  // the last member: I2
};

/// The output of a stage.
template <class T>
[[nodiscard]] channel<T> make_output(const stage_options& how) {
  return channel<T>(how.capacity, {.name = how.name});
}

/// The options as they will be used. `kind` is what the user called.
[[nodiscard]] inline stage_options checked(stage_options how, const char* kind) {
  if (how.workers < 1 || how.workers > most_stage_workers) {
    throw std::invalid_argument(std::string("sluice: ") + kind + ": a stage of " +
                                std::to_string(how.workers) + " workers; say 1 to " +
                                std::to_string(most_stage_workers));
  }
  if (how.capacity == 0) {
    throw std::invalid_argument(std::string("sluice: ") + kind +
                                ": a stage's capacity is 1 result or more");
  }
  if (how.name.empty()) how.name = kind;
  return how;
}
[[nodiscard]] inline stage_options checked_single(stage_options how, const char* kind) {
  if (how.workers != 1) {
    throw std::invalid_argument(std::string("sluice: ") + kind +
                                ": this stage has one worker, always");
  }
  return checked(std::move(how), kind);
}

}  // namespace detail
}  // namespace sluice::pipeline
