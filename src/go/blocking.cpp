// The helper threads of blocking.
//
// A job goes to the helper that became idle last, so that those not needed stay idle and end; else
// to a new helper; else, at the bound, into a queue. A helper that has done its job takes the next
// of the queue before it becomes idle.
//
// I1 a job is in the queue only while a helper lives that will look there, or under the lock. An
//    idle one will not: while there is one the queue is empty.
// I2 all below lock_ but for the jobs themselves. It is held for a few instructions: the kernel is
//    called only to wake or start a thread, after the unlock.
#include "sluice/blocking.hpp"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>

#include "sched/census.hpp"
#include "sched/own_thread.hpp"
#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/park/parker.hpp"

namespace sluice::detail {

class helpers {
 public:
  /// Never destroyed: idle helpers may sleep until the process ends.
  static helpers& all() {
    static helpers* const one = new helpers;
    return *one;
  }

  /// The job will be run and its caller unparked. Throws std::system_error; then neither.
  void take(blocking_job& job) {
    std::unique_lock guard(lock_);
    // mutation: without, a thread more, up to the most; then no helper wakes for the job, as in
    // tests/blocking_test.cpp
    if (idle_ != nullptr) return hand_over(job);
    if (count_ == most_blocking_helpers) return push(job);
    ++count_;
    guard.unlock();
    const int error = start(job);
    if (error != 0) give_up(job, error);
  }

 private:
  /// How long a helper waits for the next job before it ends.
  static constexpr std::chrono::seconds patience{3};

  /// On the helper's own stack.
  struct idle_helper {
    std::condition_variable wake;
    blocking_job* job = nullptr;
    idle_helper* below = nullptr;
  };

  static int start(blocking_job& job) noexcept {
    const signals_held_back guard;
    pthread_attr_t detached;
    ::pthread_attr_init(&detached);
    ::pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    const int error = ::pthread_create(&thread, &detached, &life, &job);
    ::pthread_attr_destroy(&detached);
    return error;
  }

  static void* life(void* first) noexcept {
    ::pthread_setname_np(::pthread_self(), "sluice-blocking");
    for (auto* job = static_cast<blocking_job*>(first); job != nullptr; job = all().next()) {
      run(*job);
      finish(*job);
    }
    return nullptr;
  }

  static void run(blocking_job& job) noexcept {
    edge_to(&job);
    job.run();
    edge_from(&job);
  }

  static void finish(blocking_job& job) noexcept {
    waiter& caller = *job.caller_;
    // Nobody else ends this wait: it has no deadline and obeys no stop.
    // mutation: won, so the claim decides nothing, and nobody asks how that wait ended but a check
    // in builds with assertions, as in tests/blocking_test.cpp
    if (caller.try_claim(outcome::completed)) caller.strand().unpark();  // the job may be gone
  }

  /// The next job of the calling helper; null: none came, and it counts no more.
  blocking_job* next() noexcept {
    std::unique_lock guard(lock_);
    if (blocking_job* job = pop()) return job;
    idle_helper self;
    self.below = idle_;
    idle_ = &self;
    census::all().begin_rest();
    const auto until = clock::now() + patience;
    while (self.job == nullptr) {
      if (self.wake.wait_until(guard, until) == std::cv_status::no_timeout) continue;
      if (self.job != nullptr) break;
      idle_helper** at = &idle_;
      while (*at != &self) at = &(*at)->below;
      *at = self.below;
      census::all().end_rest();
      --count_;
      break;
    }
    return self.job;
  }

  /// No thread for this job: another helper will do it, or there is none at all. One may have
  /// become idle since we looked.
  void give_up(blocking_job& job, int error) {
    blocking_job* lost = nullptr;
    {
      const std::lock_guard guard(lock_);
      --count_;
      if (idle_ != nullptr) return hand_over(job);
      if (count_ > 0) return push(job);
      lost = first_;  // jobs of others who counted on this helper (I1)
      first_ = last_ = nullptr;
    }
    while (lost != nullptr) {
      blocking_job& one = *lost;
      lost = one.next_;
      one.error_ = error;
      finish(one);
    }
    fail(error);
  }

  /// To the helper that became idle last. The lock is held.
  void hand_over(blocking_job& job) noexcept {
    idle_helper* one = idle_;
    idle_ = one->below;
    census::all().end_rest();
    one->job = &job;
    one->wake.notify_one();  // under the lock: the helper, and this with it, could end
  }

  void push(blocking_job& job) noexcept {
    (last_ != nullptr ? last_->next_ : first_) = &job;
    last_ = &job;
  }
  blocking_job* pop() noexcept {
    blocking_job* job = first_;
    if (job == nullptr) return nullptr;
    first_ = job->next_;
    if (first_ == nullptr) last_ = nullptr;
    return job;
  }

  [[noreturn]] static void fail(int error) {
    throw std::system_error(error, std::generic_category(), "sluice: no thread for blocking");
  }
  friend void run_on_helper(blocking_job& job);

  std::mutex lock_;
  int count_ = 0;
  idle_helper* idle_ = nullptr;
  blocking_job* first_ = nullptr;
  blocking_job* last_ = nullptr;
};

void run_on_helper(blocking_job& job) {
  waiter self(parker::current(), {"blocking"}, on_stop::keep_waiting);
  job.caller_ = &self;
  edge_from(&job);
  helpers::all().take(job);
  static_cast<void>(park(self));
  edge_to(&job);
  if (job.error_ != 0) helpers::fail(job.error_);
}

}  // namespace sluice::detail
