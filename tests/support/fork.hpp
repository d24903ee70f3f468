// Cases that fork a child beside running threads, when the child goes on as more than an exec.
//
// AddressSanitizer's allocator, unlike the C library's, does not make itself consistent for a fork:
// its locks stay locked in the child if another thread held them. A child then hangs as soon as it
// allocates, or looks for leaks at its exit, whatever the library does. Such cases are left out
// there, and show as skipped.
#pragma once

#include <doctest/doctest.h>

#include "watch.hpp"

namespace test {

[[nodiscard]] inline doctest::skip unless_forks_hang() { return doctest::skip(under_asan); }

}  // namespace test
