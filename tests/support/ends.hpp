// Ends of channels, for tests of what reaches whom.
#pragma once

#include <exception>
#include <sluice/sluice.hpp>
#include <stdexcept>

namespace test {

inline std::exception_ptr cause(const char* what) {
  return std::make_exception_ptr(std::runtime_error(what));
}

/// A channel that is closed and drained.
template <class T>
sluice::channel<T> ended() {
  sluice::channel<T> ch;
  ch.close();
  return ch;
}

}  // namespace test
