// What users are promised of happens-before, told to ThreadSanitizer by hand. In every usual build
// all of it is empty.
//
// To ThreadSanitizer all that one worker does is ordered, and with it all that its fibers do. The
// precise mode (meson option precise_races, tools/lanes tsan-precise) is to see races between them.
// In it
//
// - the compiled library is not instrumented: its run queues, locks and wake-ups order nothing;
// - each task is a strand of its own, and a switch orders nothing (fiber/context.hpp);
// - the atomics of the headers order what they are declared to order, and no more (claim_word);
// - whatever the compiled library promises is an edge_from before the step that others see, and an
//   edge_to behind the step that sees it, with the same place.
//
// A place is an address that belongs to the promise alone: what anybody has told of it counts for
// whoever asks.
#pragma once

#include <cstddef>

#include "sluice/detail/base/atomic.hpp"

#if defined(SLUICE_PRECISE_RACES)

extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
void AnnotateIgnoreSyncBegin(const char* file, int line);
void AnnotateIgnoreSyncEnd(const char* file, int line);
void __tsan_acquire(void* place);
void __tsan_release(void* place);
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_java_alloc(unsigned long at, unsigned long size);
void __tsan_java_free(unsigned long at, unsigned long size);
}

namespace sluice::detail {

inline constexpr bool precise_races = true;

inline void edge_from(const volatile void* place) noexcept {
  __tsan_release(const_cast<void*>(place));
}
inline void edge_to(const volatile void* place) noexcept {
  __tsan_acquire(const_cast<void*>(place));
}

/// A strand of which ThreadSanitizer knows nothing, not even that its maker came before it.
[[nodiscard]] inline void* new_strand() noexcept {
  AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
  void* const fresh = __tsan_create_fiber(0);
  AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
  return fresh;
}
/// What runs here is that strand from now on; this orders nothing.
inline void become_strand(void* strand) noexcept { __tsan_switch_to_fiber(strand, 1); }

/// Whoever uses that memory next has nothing to do with those who did: forgets their accesses. The
/// only door to that is the one for heaps of Java, of which it need not be told.
inline void forget_accesses(const void* bottom, std::size_t size) noexcept {
  const auto at = reinterpret_cast<unsigned long>(bottom);
  __tsan_java_alloc(at, size);
  __tsan_java_free(at, size);
}

/// What a strand does while this lives is done by a strand of its own. That one knows what the
/// strand has done so far, or nothing; and the strand learns nothing of it.
class errand {
 public:
  enum class knows : bool { all, nothing };

  explicit errand(knows what = knows::all) noexcept
      : own_(__tsan_get_current_fiber()),
        other_(what == knows::all ? __tsan_create_fiber(0) : new_strand()) {
    become_strand(other_);
  }
  errand(const errand&) = delete;
  errand& operator=(const errand&) = delete;
  ~errand() {
    become_strand(own_);
    __tsan_destroy_fiber(other_);
    // Its frames were on this stack, below this object, where the strand's own will be again.
    forget_accesses(reinterpret_cast<const std::byte*>(this) - frames, frames);
  }

 private:
  static constexpr std::size_t frames = 32 * 1024;
  void* const own_;
  void* const other_;
};

/// While this lives nobody looks at the accesses of the running strand: under a lock of the
/// compiled library, which orders nothing, functions of the headers share data too; and an unlock,
/// whose edge comes before its last touch, is followed by whoever takes the mutex in compiled code
/// and ends it.
class unwatched {
 public:
  unwatched() noexcept {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  unwatched(const unwatched&) = delete;
  unwatched& operator=(const unwatched&) = delete;
  ~unwatched() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
};

/// An atomic whose claims only put strands in a row: who claims later need not know what those
/// before him did. The operations are none the weaker for the processor: ThreadSanitizer does each
/// read-modify-write with a full barrier.
template <class T>
class claim_word : public atomic<T> {
 public:
  using atomic<T>::atomic;

  bool compare_exchange_strong(T& expected, T desired, std::memory_order,
                               std::memory_order) noexcept {
    // order: relaxed, see above
    // mutation: never|won, the explorer has the orders as they are declared, not this class
    return atomic<T>::compare_exchange_strong(expected, desired, memory_order_relaxed,
                                              memory_order_relaxed);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order,
                             std::memory_order) noexcept {
    // order: relaxed, see above
    // mutation: never|won, as above
    return atomic<T>::compare_exchange_weak(expected, desired, memory_order_relaxed,
                                            memory_order_relaxed);
  }
  void store(T value, std::memory_order) noexcept {
    // order: relaxed, see above
    atomic<T>::exchange(value, memory_order_relaxed);
  }
};

}  // namespace sluice::detail

#else

namespace sluice::detail {

inline constexpr bool precise_races = false;

/// What the running strand has done so far happens before what follows an edge_to of this place.
inline void edge_from(const volatile void*) noexcept {}
inline void edge_to(const volatile void*) noexcept {}
inline void forget_accesses(const void*, std::size_t) noexcept {}

struct errand {
  enum class knows : bool { all, nothing };
  explicit errand(knows = knows::all) noexcept {}
};

struct unwatched {
  unwatched() noexcept {}  // NOLINT(modernize-use-equals-default): else it would seem unused
};

template <class T>
using claim_word = atomic<T>;

}  // namespace sluice::detail

#endif
