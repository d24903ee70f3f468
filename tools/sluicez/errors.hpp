// What can go wrong with one file, as exceptions that carry the words for the user.
#pragma once

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace sluicez {

/// The input's contents are no good: not gzip, cut short, damaged. The next file may be fine.
struct bad_data : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A system call on the input failed. The next file may be fine.
struct input_error : std::runtime_error {
  explicit input_error(int code) : std::runtime_error(std::strerror(code)) {}
};

/// The output could not be made. The next file may be fine.
struct create_error : std::runtime_error {
  explicit create_error(int code) : std::runtime_error(std::strerror(code)) {}
};

/// A system call on the output failed. As with gzip, the run ends: the disk is probably full.
struct output_error : std::runtime_error {
  explicit output_error(int failure) : std::runtime_error(std::strerror(failure)), code(failure) {}
  int code;
};

}  // namespace sluicez
