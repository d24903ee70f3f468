// How a test of channels ends: nobody is left parked (rule I4 of channel/core.hpp), nothing is left
// inside. Called when all strands that use the channel have ended.
#pragma once

#include <doctest/doctest.h>

#include "shapes.hpp"

namespace test {

/// Nobody stands in any line of the channel.
template <class T>
void check_nobody_waits(const sluice::channel<T>& ch) {
  CHECK(getters_waiting(ch) == 0);
  CHECK(putters_waiting(ch) == 0);
  CHECK(joiners_waiting(ch) == 0);
}

/// Nor is anything inside.
template <class T>
void check_at_rest(const sluice::channel<T>& ch) {
  check_nobody_waits(ch);
  CHECK(ch.empty());
}

}  // namespace test
