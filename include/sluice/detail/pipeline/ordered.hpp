// Several workers, results in the order of the items: the window.
//
//   claim     one worker at a time: waits for room in the window, then gets an item and its place
//   attempt   all workers at once: calls the function
//   deliver   stores the result at its place; whoever finds the oldest place filled passes on what
//             is in order, while the others go on
//
// I1 At most `window` places are between claim and delivery: one slow item stops the claims when
//    the window behind it is full, and no item is held twice.
// I2 `next_out_` is moved by the one worker that delivers; the places from it on to those claimed
//    are fewer than the slots, so no two share one.
// I3 An error takes its item's place. It is thrown when all results before it have been passed on,
//    and nothing after it is: as if one worker had done all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "sluice/channel.hpp"
#include "sluice/detail/pipeline/stage.hpp"
#include "sluice/mutex.hpp"
#include "sluice/outcome.hpp"
#include "sluice/semaphore.hpp"
#include "sluice/status.hpp"

namespace sluice::pipeline::detail {

/// All but the function.
template <class In, class Out>
class ordered_work : public any_work {
 public:
  using output = Out;

  ordered_work(const stage_options& how, inlet<In>&& in)
      : out(make_output<Out>(how)),
        in_(std::move(in)),
        room_(static_cast<std::ptrdiff_t>(window_of(how))),
        slots_(window_of(how)) {}
  [[gnu::noinline]] ~ordered_work() override = default;

  std::exception_ptr run(int) final {
    auto next = in_.items().begin();
    while (std::optional<place> mine = claim(next)) {
      done result = mine->error ? done(std::move(mine->error)) : attempt(*next);
      if (!mine->at_end) ++next;
      deliver(mine->number, std::move(result));
    }
    return nullptr;
  }
  void leave() noexcept final { in_.leave(); }
  void end(const std::exception_ptr& error) noexcept final {
    in_.drop();
    out.close(error);
  }

  const channel<Out> out;

 private:
  using done = outcome<std::optional<Out>>;
  struct place {
    std::uint64_t number = 0;
    bool at_end = false;
    std::exception_ptr error = nullptr;  ///< what the input ended with
  };
  /// Belongs to whoever has claimed the place until it is filled, then to the one that delivers.
  struct slot {
    std::optional<done> result;
    bool filled = false;  ///< under lock_
  };

  virtual std::optional<Out> make(In&& item) = 0;

  static std::size_t window_of(const stage_options& how) {
    return static_cast<std::size_t>(how.workers) + how.capacity;
  }

  /// An item for the caller, in `next`. Nothing at the plain end.
  template <class Iterator>
  std::optional<place> claim(Iterator& next) {
    const std::lock_guard guard(turn_);
    if (over_) return std::nullopt;
    room_.acquire();
    try {
      if (next != in_.items().end()) return place{.number = next_in_++};
      over_ = true;
      return std::nullopt;
    } catch (const cancelled&) {
      throw;
    } catch (...) {
      over_ = true;
      return place{.number = next_in_++, .at_end = true, .error = std::current_exception()};
    }
  }

  done attempt(In& item) {
    try {
      return done(std::in_place, make(std::move(item)));
    } catch (...) {
      return done(std::current_exception());
    }
  }

  void deliver(std::uint64_t number, done result) {
    slot& mine = slot_of(number);
    mine.result.emplace(std::move(result));
    std::unique_lock guard(lock_);
    mine.filled = true;
    if (std::exchange(delivering_, true)) return;
    while (slot_of(next_out_).filled) {
      slot& oldest = slot_of(next_out_++);
      oldest.filled = false;
      guard.unlock();
      pass_on(oldest);
      guard.lock();
    }
    delivering_ = false;
  }

  void pass_on(slot& from) {
    std::optional<Out> item = std::move(*from.result).value();  // I3
    from.result.reset();
    if (item) out.put(std::move(*item));
    room_.release();
  }

  slot& slot_of(std::uint64_t number) { return slots_[number % slots_.size()]; }

  inlet<In> in_;
  counting_semaphore<> room_;
  std::vector<slot> slots_;

  mutex turn_;
  // Under turn_.
  bool over_ = false;
  std::uint64_t next_in_ = 0;

  mutex lock_;
  // Under lock_.
  std::uint64_t next_out_ = 0;
  bool delivering_ = false;  ///< stays true after an error
};

/// `Step` makes a std::optional<Out> of an In.
template <class In, class Out, class Step>
class ordered_map final : public ordered_work<In, Out> {
 public:
  ordered_map(const stage_options& how, inlet<In>&& in, Step&& step)
      : ordered_work<In, Out>(how, std::move(in)), step_(std::move(step)) {}

 private:
  std::optional<Out> make(In&& item) override { return step_(std::move(item)); }

  Step step_;
};

}  // namespace sluice::pipeline::detail
