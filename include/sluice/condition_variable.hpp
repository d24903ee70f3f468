// Waiting until another strand says that something may have changed: what std::condition_variable
// is to threads, for fibers and threads alike.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/short_lock.hpp"
#include "sluice/detail/park/wait_list.hpp"
#include "sluice/detail/sync/entry.hpp"
#include "sluice/detail/sync/timed.hpp"
#include "sluice/export.hpp"
#include "sluice/mutex.hpp"

namespace sluice {

using std::cv_status;

/// Used with a std::unique_lock<sluice::mutex> that is locked, else std::logic_error; all who wait
/// at one time use one mutex. A wait unlocks it, and has locked it again when it returns or throws.
/// Waits may end for no reason (a clock that was set), so use the forms with a predicate.
///
/// Any strand may call anything here. Waits throw `cancelled`, with the mutex locked, and
/// std::logic_error in a forked child. A notification is never lost to a waiter whose time is over
/// or that was stopped: it ends the wait of another. Those who wait are notified in order of
/// arrival. The condition may be destroyed as soon as all who wait have been notified; they need
/// not have returned.
class SLUICE_API condition_variable {
 public:
  constexpr condition_variable() noexcept { detail::watch_unless_constant(); }
  condition_variable(const condition_variable&) = delete;
  condition_variable& operator=(const condition_variable&) = delete;

  /// Ends the wait of the strand that has waited longest, if there is one. Never waits. Call it
  /// with or without the mutex locked, but after the change was made under the mutex.
  void notify_one() noexcept {
    if (somebody_waits()) wake_one();
  }
  /// Ends the waits of all that wait. Otherwise as notify_one.
  void notify_all() noexcept {
    if (somebody_waits()) wake_all();
  }

  /// Waits for a notification.
  void wait(std::unique_lock<mutex>& lock) {
    static_cast<void>(wait_before(lock, detail::no_deadline, "wait of a condition"));
  }

  /// Waits until `predicate()`, which is called with the mutex locked.
  template <class Predicate>
  void wait(std::unique_lock<mutex>& lock, Predicate predicate) {
    check("wait of a condition");
    while (!predicate()) wait(lock);
  }

  /// Waits for a notification, until `t` at the latest.
  template <class Clock, class Duration>
  cv_status wait_until(std::unique_lock<mutex>& lock,
                       const std::chrono::time_point<Clock, Duration>& t) {
    if (wait_before(lock, detail::deadline_at(t), "wait_until of a condition")) {
      return cv_status::no_timeout;
    }
    return detail::has_come(t) ? cv_status::timeout : cv_status::no_timeout;
  }

  /// Waits until `predicate()`, until `t` at the latest. The predicate's last answer.
  template <class Clock, class Duration, class Predicate>
  bool wait_until(std::unique_lock<mutex>& lock, const std::chrono::time_point<Clock, Duration>& t,
                  Predicate predicate) {
    check("wait_until of a condition");
    while (!predicate()) {
      if (wait_until(lock, t) == cv_status::timeout) return predicate();
    }
    return true;
  }

  /// Waits for a notification, that long at most.
  template <class Rep, class Period>
  cv_status wait_for(std::unique_lock<mutex>& lock, const std::chrono::duration<Rep, Period>& d) {
    return wait_until(lock, detail::deadline_after(d));
  }

  /// Waits until `predicate()`, that long at most. The predicate's last answer.
  template <class Rep, class Period, class Predicate>
  bool wait_for(std::unique_lock<mutex>& lock, const std::chrono::duration<Rep, Period>& d,
                Predicate predicate) {
    return wait_until(lock, detail::deadline_after(d), std::move(predicate));
  }

 private:
  static void check(const char* operation) {
    detail::check_strand(detail::operation_kind::may_wait, operation);
  }

  /// A waiter that the notifier must see has locked the mutex before it, and is seen here. One that
  /// has just left, its time being over, still holds lock_ when it says so: then it must be
  /// awaited.
  [[nodiscard]] bool somebody_waits() const noexcept {
    // order: acquire, pairs with the release in note_waited, which comes after lock_ was taken
    return waited_.load(detail::memory_order_acquire) || !lock_.is_free();
  }

  /// False: no time was left.
  bool wait_before(std::unique_lock<mutex>& lock, detail::deadline until, const char* operation);
  void wake_one() noexcept;
  void wake_all() noexcept;
  /// Called with lock_ held, which it lets go for moments.
  [[nodiscard]] detail::wait_node* win_front() noexcept;
  void note_waited() noexcept;

  detail::object_lock lock_;
  /// Is the list not empty? Written under lock_, read by those who notify.
  detail::atomic<bool> waited_{false};
  detail::wait_list waiters_;  ///< under lock_
};

}  // namespace sluice
