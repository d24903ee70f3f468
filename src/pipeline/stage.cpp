// What all stages have in common; the argument stands in stage.hpp.
#include "sluice/detail/pipeline/stage.hpp"

#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "sluice/mutex.hpp"
#include "sluice/scope.hpp"
#include "sluice/task.hpp"

namespace sluice::pipeline::detail {

any_work::~any_work() = default;

class stage {
 public:
  /// `outputs`: how many readers can leave.
  stage(std::size_t outputs, std::unique_ptr<any_work> work)
      : wanted_(outputs), work_(std::move(work)) {}

  /// Starts the fibers; called once. Throws as go does: then destroy the stage.
  void start(const stage_options& how, int fibers) {
    running_ = fibers;
    if (fibers == 0) work_->end(nullptr);
    for (int i = 0; i < fibers; ++i) {
      crew_.go(fiber_options{.name = how.name, .stack_size = how.stack_size},
               [this, i]() noexcept { run(i); });
    }
  }

  void leave() noexcept {
    {
      const std::lock_guard guard(lock_);
      if (--wanted_ != 0) return;
    }
    stop();
  }

 private:
  void run(int strand) noexcept {
    std::exception_ptr error;
    try {
      note(work_->run(strand));
    } catch (...) {
      note(std::current_exception());
      stop();
    }
    {
      const std::lock_guard guard(lock_);
      if (--running_ != 0) return;
      error = error_;
    }
    work_->end(error);  // I1
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
    work_->leave();
  }

  mutex lock_;
  // Under the lock.
  std::size_t wanted_;
  int running_ = 0;
  bool stopped_ = false;
  std::exception_ptr error_;

  const std::unique_ptr<any_work> work_;
  scope crew_;  // the last member: I2
};

stage_handle::stage_handle(std::shared_ptr<stage> of) noexcept : stage_(std::move(of)) {}
stage_handle::stage_handle(const stage_handle& other) noexcept = default;
stage_handle& stage_handle::operator=(stage_handle other) noexcept {
  stage_.swap(other.stage_);
  return *this;
}
stage_handle::~stage_handle() = default;
void stage_handle::leave() const noexcept { stage_->leave(); }

stage_handle start_stage(const stage_options& how, int fibers, std::size_t outputs,
                         std::unique_ptr<any_work> work) {
  auto fresh = std::make_shared<stage>(outputs, std::move(work));
  fresh->start(how, fibers);
  return stage_handle(std::move(fresh));
}

stage_options checked(stage_options how, const char* kind) {
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

stage_options checked_single(stage_options how, const char* kind) {
  if (how.workers != 1) {
    throw std::invalid_argument(std::string("sluice: ") + kind +
                                ": this stage has one worker, always");
  }
  return checked(std::move(how), kind);
}

}  // namespace sluice::pipeline::detail
