// What a program whose requests fail finds wrong.
#pragma once

#include <atomic>
#include <string>

namespace test {

/// Set by a program that finds something wrong; doctest's checks would ask for memory.
inline std::atomic<const char*> wrong{nullptr};
inline void demand(bool so, const char* what) noexcept {
  if (!so) wrong = what;
}
inline std::string what_is_wrong() {
  const char* const what = wrong;
  return what != nullptr ? what : "nothing";
}

}  // namespace test
