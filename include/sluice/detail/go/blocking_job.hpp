// A function on its way to a helper thread and back. Lies on its fiber's stack.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "sluice/detail/park/waiter.hpp"
#include "sluice/export.hpp"
#include "sluice/outcome.hpp"

namespace sluice::detail {

class SLUICE_API blocking_job {
 public:
  blocking_job() = default;
  blocking_job(const blocking_job&) = delete;
  blocking_job& operator=(const blocking_job&) = delete;
  /// Calls the function on this thread and keeps how it ended.
  virtual void run() noexcept = 0;

 protected:
  ~blocking_job() = default;

 private:
  friend class helpers;
  friend void run_on_helper(blocking_job& job);

  blocking_job* next_ = nullptr;  ///< in the queue
  waiter* caller_ = nullptr;
  int error_ = 0;  ///< no thread could be had
};

/// Parks the running fiber until a helper thread has run the job. Throws std::system_error if there
/// is no helper and none can be started; then the job has not run.
SLUICE_API void run_on_helper(blocking_job& job);

template <class F>
class blocking_call final : public blocking_job {
 public:
  using result = std::invoke_result_t<F&&>;

  explicit blocking_call(F&& f) noexcept : f_(f) {}

  void run() noexcept override {
    try {
      if constexpr (std::is_void_v<result>) {
        std::invoke(std::forward<F>(f_));
        end_.emplace();
      } else {
        end_.emplace(std::in_place, std::invoke(std::forward<F>(f_)));
      }
    } catch (...) {
      end_.emplace(std::current_exception());
    }
  }

  result take() { return std::move(*end_).value(); }

 private:
  std::remove_reference_t<F>& f_;
  std::optional<sluice::outcome<result>> end_;
};

}  // namespace sluice::detail
