#include "io.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <sluice/cancelled.hpp>

#include "errors.hpp"

namespace sluicez {

bool file_descriptor::close() noexcept {
  const int fd = std::exchange(fd_, -1);
  return fd < 0 || ::close(fd) == 0 || errno == EINTR;
}

source::source(int fd) : fd_(fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw input_error(errno);
  if (S_ISREG(status.st_mode)) {
    (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);  // the kernel is to read ahead
    return;
  }
  stop_event_ = file_descriptor(::eventfd(0, EFD_CLOEXEC));
  if (stop_event_.get() < 0) throw input_error(errno);
}

std::size_t source::read(byte_span room) {
  std::size_t filled = 0;
  while (filled < room.size()) {
    await_input();
    const ssize_t count = ::read(fd_, room.data() + filled, room.size() - filled);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) throw input_error(errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

/// Waits until there is something to read, or the end.
void source::await_input() {
  if (!may_wait()) return;
  pollfd watched[] = {{fd_, POLLIN, 0}, {stop_event_.get(), POLLIN, 0}};
  while (::poll(watched, 2, -1) < 0) {
    if (errno != EINTR) throw input_error(errno);
  }
  if (watched[1].revents != 0) throw sluice::cancelled();
}

void source::stop() noexcept {
  if (may_wait()) (void)::eventfd_write(stop_event_.get(), 1);
}

namespace {

/// A file, or /dev/null and its like.
bool always_takes(int fd) noexcept {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return false;
  constexpr unsigned memory_devices = 1;
  return S_ISREG(status.st_mode) ||
         (S_ISCHR(status.st_mode) && ::major(status.st_rdev) == memory_devices);
}

}  // namespace

sink::sink(int fd) noexcept : fd_(fd), may_wait_(fd >= 0 && !always_takes(fd)) {}

void sink::write(const_byte_span bytes) {
  written_ += bytes.size();
  while (fd_ >= 0 && !bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      pollfd watched{fd_, POLLOUT, 0};
      (void)::poll(&watched, 1, -1);
      continue;
    }
    if (count < 0) throw output_error(errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

}  // namespace sluicez
