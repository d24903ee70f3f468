// Many readers or one writer: what std::shared_timed_mutex is to threads, for fibers and threads
// alike.
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

/// Held by one strand exclusively (a writer: `lock`), or by any number shared (readers:
/// `lock_shared`). Neither side starves: readers that come while a writer waits let it go first,
/// and when a writer leaves, all readers that wait then have their turn before the next writer.
///
/// Any strand may call anything here, the unlocks only one that holds it so; a fiber may hold it
/// across any wait. Not recursive, also not for readers. std::lock_guard, std::unique_lock,
/// std::scoped_lock and std::shared_lock work. Stops, forks and destruction: as sluice::mutex.
///
/// How it works stands in src/sync/shared_mutex.cpp.
class SLUICE_API shared_mutex {
 public:
  constexpr shared_mutex() noexcept { detail::watch_unless_constant(); }
  shared_mutex(const shared_mutex&) = delete;
  shared_mutex& operator=(const shared_mutex&) = delete;

  // ---- exclusively -----------------------------------------------------------------------------
  /// Waits until nobody holds it. Never throws `cancelled`.
  void lock() {
    if (!take_free()) [[unlikely]]
      wait_to_lock();
  }

  /// Does not wait.
  [[nodiscard]] bool try_lock() noexcept { return take_free(); }

  /// Waits that long at most; false: it did not get it. Takes what is free even if there is no time
  /// left. Throws `cancelled`; std::logic_error in a forked child.
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& d) {
    return lock_before(detail::deadline_after(d), "try_lock_for");
  }

  /// Waits until `t` at the latest, otherwise as try_lock_for.
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& t) {
    return detail::wait_until_time(
        t, [this](detail::deadline until) { return lock_before(until, "try_lock_until"); });
  }

  /// Never waits.
  void unlock() noexcept {
    if (!leave(written)) [[unlikely]]
      leave_contended(written);
  }

  // ---- shared ----------------------------------------------------------------------------------
  /// Waits until no writer holds it, nor waits for it. Never throws `cancelled`.
  void lock_shared() {
    if (!take_shared()) [[unlikely]]
      wait_to_lock_shared();
  }

  /// Does not wait. False: a writer holds it, or waits for it.
  [[nodiscard]] bool try_lock_shared() noexcept { return take_shared(); }

  /// As try_lock_for.
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_shared_for(const std::chrono::duration<Rep, Period>& d) {
    return lock_shared_before(detail::deadline_after(d), "try_lock_shared_for");
  }

  /// As try_lock_until.
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration>& t) {
    return detail::wait_until_time(t, [this](detail::deadline until) {
      return lock_shared_before(until, "try_lock_shared_until");
    });
  }

  /// Never waits.
  void unlock_shared() noexcept {
    if (!leave(reader)) [[unlikely]]
      leave_contended(reader);
  }

 private:
  static constexpr std::uint64_t written = 1;
  static constexpr std::uint64_t contended = 2;
  static constexpr std::uint64_t reader = 4;

  /// 0 -> written.
  bool take_free() noexcept {
    std::uint64_t seen = 0;
    // order: acquire, pairs with the release in leave
    if (!word_.compare_exchange_strong(seen, written, detail::memory_order_acquire,
                                       detail::memory_order_relaxed)) {
      return false;
    }
    note_taken(written);
    return true;
  }
  /// One reader more, unless a writer holds it or somebody waits.
  bool take_shared() noexcept {
    // order: relaxed, a guess that the compare-and-swap verifies
    std::uint64_t seen = word_.load(detail::memory_order_relaxed);
    while ((seen & (written | contended)) == 0) {
      // order: acquire, pairs with the release in leave
      if (word_.compare_exchange_weak(seen, seen + reader, detail::memory_order_acquire,
                                      detail::memory_order_relaxed)) {
        note_taken(reader);
        return true;
      }
    }
    return false;
  }
  /// Takes `share` off, the last touch. False: it is contended.
  bool leave(std::uint64_t share) noexcept {
    detail::edge_from(share == written ? place_of_writers() : place_of_readers());
    const detail::unwatched last_touch;
    // order: relaxed, a guess that the compare-and-swap verifies
    std::uint64_t seen = word_.load(detail::memory_order_relaxed);
    while ((seen & contended) == 0) {
      // order: release, pairs with the acquire of whoever takes it next
      if (word_.compare_exchange_weak(seen, seen - share, detail::memory_order_release,
                                      detail::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  /// For edges: what readers did happens before the next writer, but not before other readers.
  [[nodiscard]] const void* place_of_writers() const noexcept { return &writers_; }
  [[nodiscard]] const void* place_of_readers() const noexcept { return &readers_; }
  void note_taken(std::uint64_t share) const noexcept {
    detail::edge_to(place_of_writers());
    if (share == written) detail::edge_to(place_of_readers());
  }

  void wait_to_lock();
  void wait_to_lock_shared();
  [[nodiscard]] bool lock_before(detail::deadline until, const char* operation);
  [[nodiscard]] bool lock_shared_before(detail::deadline until, const char* operation);
  [[nodiscard]] detail::outcome wait_for(std::uint64_t share, detail::deadline until,
                                         detail::on_stop stop, const char* operation);
  void leave_contended(std::uint64_t share) noexcept;

  // Called with lock_ held.
  [[nodiscard]] bool take_or_contend(std::uint64_t share) noexcept;
  void settle(detail::job_list& won) noexcept;
  [[nodiscard]] std::uint64_t admit_readers(detail::job_list& won) noexcept;

  /// Written by all with read-modify-writes; while `contended` is set only under lock_.
  detail::claim_word<std::uint64_t> word_{0};
  detail::object_lock lock_;
  // Under lock_.
  bool readers_turn_ = false;  ///< the last to leave was a writer
  detail::wait_list writers_;
  detail::wait_list readers_;
};

}  // namespace sluice
