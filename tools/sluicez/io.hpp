// Reading and writing of file descriptors.
//
// A source is read by one thread at a time, and another may stop it: whoever waits for a pipe or
// terminal that stays silent is then released. A sink is written by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace sluicez {

using byte_span = std::span<unsigned char>;
using const_byte_span = std::span<const unsigned char>;

/// Owns a file descriptor, or none (-1).
class file_descriptor {
 public:
  explicit file_descriptor(int fd = -1) noexcept : fd_(fd) {}
  file_descriptor(file_descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  file_descriptor& operator=(file_descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~file_descriptor() { (void)close(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  /// False, with errno, if the system reports what an earlier write could not.
  bool close() noexcept;

 private:
  int fd_;
};

/// Where the input comes from. Does not own the descriptor.
class source {
 public:
  /// Throws input_error.
  explicit source(int fd);

  /// Fills `room`; returns less only at the end of the input. Throws input_error; cancelled, if
  /// stopped.
  std::size_t read(byte_span room);
  /// May a read wait for somebody else, and not just for a disk?
  [[nodiscard]] bool may_wait() const noexcept { return stop_event_.get() >= 0; }
  /// Ends a read that waits, and all later ones that would. Any thread.
  void stop() noexcept;

 private:
  void await_input();

  int fd_;
  /// Becomes readable when stopped; none for regular files, which never make a reader wait long.
  file_descriptor stop_event_;
};

/// Where the output goes. Does not own the descriptor.
class sink {
 public:
  /// -1: counted and dropped.
  explicit sink(int fd) noexcept;

  /// May a write wait for somebody else, and not just for a disk?
  [[nodiscard]] bool may_wait() const noexcept { return may_wait_; }

  /// Throws output_error.
  void write(const_byte_span bytes);
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }

 private:
  int fd_;
  bool may_wait_;
  std::uint64_t written_ = 0;
};

}  // namespace sluicez
