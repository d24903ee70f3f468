// A stage of a pipeline: its fibers, and what it leaves behind when it ends.
//
// A stage belongs to the flow that it feeds, and through it to the stage, or the sink, that reads
// this flow; so the last one owns all those before it. A stage is a work with fibers to do it:
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
//
// The stage itself is compiled (src/pipeline/stage.cpp); the works alone are templates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "sluice/channel.hpp"
#include "sluice/export.hpp"
#include "sluice/handles.hpp"
#include "sluice/status.hpp"

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

/// What the fibers of a stage do, and how it ends: as the head says.
class SLUICE_API any_work {
 public:
  any_work() = default;
  any_work(const any_work&) = delete;
  any_work& operator=(const any_work&) = delete;
  virtual ~any_work();
  virtual std::exception_ptr run(int strand) = 0;
  virtual void leave() noexcept = 0;
  virtual void end(const std::exception_ptr& error) noexcept = 0;
};

class stage;

/// A share in a stage that was started, as the one after it holds it; or in none. When the last
/// one goes, the stage and those before it are stopped, and the end of their fibers waited for.
class SLUICE_API stage_handle {
 public:
  stage_handle() noexcept = default;
  explicit stage_handle(std::shared_ptr<stage> of) noexcept;
  stage_handle(const stage_handle& other) noexcept;
  stage_handle(stage_handle&& other) noexcept : stage_(std::move(other.stage_)) {}
  stage_handle& operator=(stage_handle other) noexcept;
  ~stage_handle();

  /// The reader of one output takes no more; called once for each, at most. Never waits. Not for
  /// the handle of no stage.
  void leave() const noexcept;
  explicit operator bool() const noexcept { return stage_ != nullptr; }

 private:
  std::shared_ptr<stage> stage_;
};

/// Starts a stage whose outputs so many readers can leave. Throws as go does: then no fiber of it
/// is left.
[[nodiscard]] SLUICE_API stage_handle start_stage(const stage_options& how, int fibers,
                                                  std::size_t outputs,
                                                  std::unique_ptr<any_work> work);

/// What a stage reads: the items, and the stage that makes them (none: somebody else does).
template <class T>
class inlet {
 public:
  inlet(receiver<T> items, stage_handle from) noexcept
      : from_(std::move(from)), items_(std::move(items)) {}

  [[nodiscard]] const receiver<T>& items() const noexcept { return *items_; }
  void leave() const noexcept {
    if (from_) from_.leave();
  }
  /// Takes no more of the items, and keeps the stage.
  void drop() noexcept { items_.reset(); }

 private:
  stage_handle from_;
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

/// The output of a stage.
template <class T>
[[nodiscard, gnu::noinline]] channel<T> make_output(const stage_options& how) {
  return channel<T>(how.capacity, {.name = how.name});
}

/// The options as they will be used. `kind` is what the user called.
[[nodiscard]] SLUICE_API stage_options checked(stage_options how, const char* kind);
[[nodiscard]] SLUICE_API stage_options checked_single(stage_options how, const char* kind);

}  // namespace detail
}  // namespace sluice::pipeline
