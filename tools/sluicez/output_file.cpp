#include "output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "errors.hpp"
#include "signals.hpp"

namespace sluicez {

output_file::output_file(std::string path) : path_(std::move(path)) {
  const signals_blocked guard;
  file_ = file_descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file_.get() < 0) throw create_error(errno);
  set_partial_output(path_);
}

output_file::~output_file() {
  if (finished_) return;
  const signals_blocked guard;
  (void)::unlink(path_.c_str());
  set_partial_output("");
}

void output_file::finish(const struct stat& like) {
  copy_attributes(like);
  if (!file_.close()) throw output_error(errno);
  const signals_blocked guard;
  set_partial_output("");
  finished_ = true;
}

/// As well as we may: only root can give files away. A group that cannot be kept gets no rights.
void output_file::copy_attributes(const struct stat& like) const noexcept {
  mode_t mode = like.st_mode & 0777;
  if (::fchown(fd(), like.st_uid, like.st_gid) != 0 &&
      ::fchown(fd(), static_cast<uid_t>(-1), like.st_gid) != 0) {
    mode &= ~static_cast<mode_t>(S_IRWXG);
  }
  (void)::fchmod(fd(), mode);
  const timespec times[] = {like.st_atim, like.st_mtim};
  (void)::futimens(fd(), times);
}

}  // namespace sluicez
