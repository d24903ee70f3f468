// Lets the n-th call of the system fail, in a sluicez of its own (see meson.build), whoever makes it:
// sluicez, libsluice or the C++ library.
//
//   SLUICEZ_FAULT="write 3 28"     the third write fails with the error of that number
//   SLUICEZ_FAULT="read 2 short"   from the second one on, each read gives less than was asked for
//   SLUICEZ_FAULT_SEEN=PATH        is made when that happens
//
// "finish" is the close of what was open for writing. A close that fails has closed, as on Linux.
// What libsluice and the C++ library read and write for themselves is "glance": the limits of a cgroup,
// and the pipe through which the kernel is asked whether a page has a guard.
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

enum class verdict { well, cut_short, failed };

/// The fault that the environment asks for.
class fault {
 public:
  fault() {
    const char* text = std::getenv("SLUICEZ_FAULT");
    char how[16] = "";
    if (text == nullptr || std::sscanf(text, "%15s %ld %15s", call_, &at_, how) != 3) return;
    short_ = std::strcmp(how, "short") == 0;
    code_ = std::atoi(how);
  }

  /// What becomes of this call? Sets errno.
  verdict strikes(const char* call) noexcept {
    if (std::strcmp(call, call_) != 0) return verdict::well;
    const long now = ++seen_;
    if (short_ ? now < at_ : now != at_) return verdict::well;
    if (now == at_) leave_a_mark();
    errno = code_;
    return short_ ? verdict::cut_short : verdict::failed;
  }

 private:
  static void leave_a_mark() noexcept {
    const char* path = std::getenv("SLUICEZ_FAULT_SEEN");
    if (path == nullptr) return;
    const long file = ::syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY, 0600);
    if (file >= 0) ::syscall(SYS_close, file);
  }

  char call_[16] = "";
  long at_ = 0;
  int code_ = 0;
  bool short_ = false;
  std::atomic<long> seen_{0};
};

/// Made at the first call, which may come before main.
fault& planted() {
  static fault only;
  return only;
}

bool fails(const char* call) noexcept { return planted().strikes(call) == verdict::failed; }

/// How much of `size` bytes a call is given, -1: it fails.
ssize_t allowance(const char* call, size_t size) noexcept {
  switch (planted().strikes(call)) {
    case verdict::failed:
      return -1;
    case verdict::cut_short:
      return static_cast<ssize_t>(std::min(size, std::max<size_t>(size / 3, 1)));
    case verdict::well:
      break;
  }
  return static_cast<ssize_t>(size);
}

/// Is it standard input or output, or was it opened by name? The last place is for all others.
bool by_name[1024] = {true, true};
bool& is_file(int fd) noexcept { return by_name[fd >= 0 && fd < 1023 ? fd : 1023]; }

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  std::va_list rest;
  va_start(rest, flags);
  const auto mode = va_arg(rest, mode_t);
  va_end(rest);
  if (fails("open")) return -1;
  const int fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
  if (fd >= 0) is_file(fd) = true;
  return fd;
}

int close(int fd) {
  const bool writes = (::syscall(SYS_fcntl, fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
  const bool lies = fails(writes && is_file(fd) ? "finish" : "close");
  const int why = errno;
  is_file(fd) = false;
  const int answer = static_cast<int>(::syscall(SYS_close, fd));
  if (!lies) return answer;
  errno = why;
  return -1;
}

ssize_t read(int fd, void* room, size_t size) {
  const ssize_t most = allowance(is_file(fd) ? "read" : "glance", size);
  return most < 0 ? -1 : ::syscall(SYS_read, fd, room, most);
}

ssize_t pread(int fd, void* room, size_t size, off_t at) {
  const ssize_t most = allowance("pread", size);
  return most < 0 ? -1 : ::syscall(SYS_pread64, fd, room, most, at);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  const ssize_t most = allowance(is_file(fd) ? "write" : "glance", size);
  return most < 0 ? -1 : ::syscall(SYS_write, fd, bytes, most);
}

int fstat(int fd, struct stat* status) noexcept {
  return fails("fstat") ? -1 : static_cast<int>(::syscall(SYS_fstat, fd, status));
}

int lstat(const char* path, struct stat* status) noexcept {
  if (fails("lstat")) return -1;
  return static_cast<int>(::syscall(SYS_newfstatat, AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW));
}

int unlink(const char* path) noexcept {
  return fails("unlink") ? -1 : static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int fchown(int fd, uid_t owner, gid_t group) noexcept {
  return fails("fchown") ? -1 : static_cast<int>(::syscall(SYS_fchown, fd, owner, group));
}

int fchmod(int fd, mode_t mode) noexcept {
  return fails("fchmod") ? -1 : static_cast<int>(::syscall(SYS_fchmod, fd, mode));
}

int futimens(int fd, const timespec times[2]) noexcept {
  if (fails("futimens")) return -1;
  return static_cast<int>(::syscall(SYS_utimensat, fd, nullptr, times, 0));
}

int poll(pollfd* ends, nfds_t count, int limit_ms) {
  if (fails("poll")) return -1;
  const timespec limit{limit_ms / 1000, limit_ms % 1000 * 1'000'000L};
  return static_cast<int>(
      ::syscall(SYS_ppoll, ends, count, limit_ms < 0 ? nullptr : &limit, nullptr, 0));
}

int eventfd(unsigned count, int flags) noexcept {
  return fails("eventfd") ? -1 : static_cast<int>(::syscall(SYS_eventfd2, count, flags));
}

int fcntl(int fd, int command, ...) {
  std::va_list rest;
  va_start(rest, command);
  const long argument = va_arg(rest, long);
  va_end(rest);
  return fails("fcntl") ? -1 : static_cast<int>(::syscall(SYS_fcntl, fd, command, argument));
}

int pthread_create(pthread_t* thread, const pthread_attr_t* how, void* (*body)(void*),
                   void* argument) noexcept {
  static auto* const real =
      reinterpret_cast<decltype(pthread_create)*>(::dlsym(RTLD_NEXT, "pthread_create"));
  if (fails("thread")) return errno;
  return real(thread, how, body, argument);
}

}  // extern "C"
