// Mutual exclusion of strands: what std::timed_mutex is to threads, for fibers and threads alike.
#pragma once

#include <chrono>
#include <cstdint>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/base/short_lock.hpp"
#include "sluice/detail/park/wait_list.hpp"
#include "sluice/detail/sync/entry.hpp"
#include "sluice/detail/sync/timed.hpp"
#include "sluice/export.hpp"

namespace sluice {

/// Held by one strand at a time, from `lock` to `unlock`. It belongs to the strand, not to its
/// thread: a fiber may hold it across any wait, and unlock it on another thread.
///
/// Any strand may call anything here; `unlock` only the one that holds it. std::lock_guard,
/// std::unique_lock and std::scoped_lock work. Not recursive. Nobody starves: a strand that waits
/// is overtaken a bounded number of times.
///
/// In a forked child a free mutex can be locked; where `lock` would wait it throws
/// std::logic_error. The mutex may be destroyed as soon as no strand holds it or is in a call that
/// waits for it, also while the strand that had it before is still on its way out of `unlock`.
///
/// How it works stands in src/sync/mutex.cpp.
class SLUICE_API mutex {
 public:
  constexpr mutex() noexcept { detail::watch_unless_constant(); }
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  /// Waits until the mutex is free. A stop does not end the wait: never throws `cancelled`.
  void lock() {
    if (!take_free()) [[unlikely]]
      wait_to_lock();
  }

  /// Does not wait. False: another strand holds it, or others are to have it first.
  [[nodiscard]] bool try_lock() noexcept { return take_free() || try_to_overtake(); }

  /// Waits that long at most; false: it did not get the mutex. Takes a free mutex even if there is
  /// no time left. Throws `cancelled`; std::logic_error in a forked child.
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d) {
    return lock_before(detail::deadline_after(d), "try_lock_for");
  }

  /// Waits until `t` at the latest, otherwise as try_lock_for.
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& t) {
    return detail::wait_until_time(
        t, [this](detail::deadline until) { return lock_before(until, "try_lock_until"); });
  }

  /// Never waits. The longest waiter gets its chance, or the mutex itself.
  void unlock() noexcept {
    if (!leave_uncontended()) [[unlikely]]
      unlock_contended();
  }

 private:
  static constexpr std::uint32_t held = 1;
  static constexpr std::uint32_t contended = 2;

  /// 0 -> held.
  bool take_free() noexcept {
    std::uint32_t seen = 0;
    // order: acquire, pairs with the release in leave_uncontended
    // mutation: never, only slower: the slow way takes it; tests/mutex_test.cpp tries
    const bool taken = word_.compare_exchange_strong(seen, held, detail::memory_order_acquire,
                                                     detail::memory_order_relaxed);
    if (taken) detail::edge_to(&word_);
    return taken;
  }
  /// held -> 0; the last touch. False: it is contended.
  bool leave_uncontended() noexcept {
    detail::edge_from(&word_);  // for those who take it in compiled code; also if it is contended
    const detail::unwatched last_touch;
    std::uint32_t seen = held;
    // order: release, pairs with the acquire of whoever takes it next
    return word_.compare_exchange_strong(seen, 0, detail::memory_order_release,
                                         detail::memory_order_relaxed);
  }

  void wait_to_lock();
  [[nodiscard]] bool try_to_overtake() noexcept;
  [[nodiscard]] bool lock_before(detail::deadline until, const char* operation);
  void unlock_contended() noexcept;

  // Called with lock_ held.
  [[nodiscard]] detail::outcome lock_slowly(detail::deadline until, detail::on_stop stop,
                                            const char* operation);
  [[nodiscard]] bool somebody_waits() const noexcept { return one_is_coming_ || !waiters_.empty(); }
  [[nodiscard]] bool take_or_contend() noexcept;
  [[nodiscard]] bool take_if_free() noexcept;
  void calm_down() noexcept;

  /// Written by all with read-modify-writes; while `contended` is set only under lock_.
  detail::atomic<std::uint32_t> word_{0};
  detail::object_lock lock_;
  // Under lock_.
  bool one_is_coming_ = false;  ///< a waiter was woken and will look
  std::uint8_t overtaken_ = 0;  ///< how often the waiters have been overtaken since one had it
  detail::wait_list waiters_;
};

}  // namespace sluice
