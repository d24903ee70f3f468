#include "files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "names.hpp"

namespace sluicez {
namespace {

/// -1 with errno if it cannot be opened. Never waits for the other end of a fifo.
int open_input(const std::string& path, int flags) {
  return ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
}

}  // namespace

void files::treat_all() {
  if (how_.operands.empty()) treat_stdin();
  for (const std::string& operand : how_.operands) {
    operand == "-" ? treat_stdin() : treat(operand);
  }
}

void files::treat_stdin() {
  input from{.name = "stdin", .fd = STDIN_FILENO, .status = {}, .named = false};
  if (::fstat(from.fd, &from.status) != 0) {
    told_.error(from.name, std::strerror(errno));
  } else if (keeps_off_terminals(STDIN_FILENO, STDOUT_FILENO)) {
    work_.run(from);
  }
}

void files::treat(const std::string& path) {
  input from{.name = path, .fd = -1, .status = {}, .named = true};
  const int links = how_.force || !replaces() ? 0 : O_NOFOLLOW;
  file_descriptor file(open_input(path, links));
  if (file.get() < 0 && errno == ENOENT && how_.unpacks() && !known_suffix(path, how_.suffix)) {
    from.name = path + how_.suffix;
    file = file_descriptor(open_input(from.name, links));
  }
  if (file.get() < 0 && errno == ELOOP && links != 0) {
    told_.error(path, "is a symbolic link -- skipped");
    return;
  }
  from.fd = file.get();
  if (from.fd < 0 || ::fstat(from.fd, &from.status) != 0) {
    told_.error(from.name, std::strerror(errno));
    return;
  }
  if (S_ISDIR(from.status.st_mode)) {
    file = file_descriptor();  // a deep tree must not need a descriptor for each level
    how_.recursive ? treat_folder(path) : told_.warn(path, "is a directory -- ignored");
  } else if (may_replace(from) && (replaces() || keeps_off_terminals(-1, STDOUT_FILENO))) {
    (void)::fcntl(from.fd, F_SETFL, 0);
    work_.run(from);
  }
}

void files::treat_folder(const std::string& path) {
  namespace fs = std::filesystem;
  // All names first: the outputs that arise meanwhile are not for us.
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator it(path, failed), end; !failed && it != end; it.increment(failed)) {
    names.push_back(it->path().string());
  }
  if (failed) told_.error(path, failed.message());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) treat(name);
}

/// Would anything be lost if a new file took the place of this one?
bool files::may_replace(const input& from) {
  if (!replaces()) return true;
  const struct stat& status = from.status;
  const char* reason = nullptr;
  if (!from.regular()) {
    reason = "is not a directory or a regular file -- ignored";
  } else if (how_.force) {
    return true;
  } else if ((status.st_mode & S_ISUID) != 0) {
    reason = "is set-user-ID on execution -- ignored";
  } else if ((status.st_mode & S_ISGID) != 0) {
    reason = "is set-group-ID on execution -- ignored";
  } else if ((status.st_mode & S_ISVTX) != 0) {
    reason = "has the sticky bit set -- ignored";
  } else if (status.st_nlink > 1 && !how_.keep) {
    reason = "has other links -- ignored";
  }
  if (reason != nullptr) told_.warn(from.name, reason);
  return reason == nullptr;
}

/// Nobody wants to type compressed data, nor to see it.
bool files::keeps_off_terminals(int in_fd, int out_fd) {
  if (how_.force) return true;
  const bool reads = how_.unpacks() && ::isatty(in_fd) == 1;
  const bool writes = how_.what == action::compress && ::isatty(out_fd) == 1;
  if (reads) {
    told_.error("stdin", "compressed data not read from a terminal, use -f to force it");
  } else if (writes) {
    told_.error("stdout", "compressed data not written to a terminal, use -f to force it");
  }
  return !reads && !writes;
}

}  // namespace sluicez
