// The one place where the library names its atomics and its shared plain data.
//
// Every lock-free file is written on these aliases, so that a test build can swap in instrumented
// kinds (each operation a scheduling point, each plain access checked against happens-before)
// without touching the code under test.
#pragma once

#include <atomic>

namespace sluice::detail {

template <class T>
using atomic = std::atomic<T>;

using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

}  // namespace sluice::detail
