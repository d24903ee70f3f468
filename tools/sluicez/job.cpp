#include "job.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <limits>
#include <thread>

#include "compress.hpp"
#include "errors.hpp"
#include "names.hpp"
#include "output_file.hpp"
#include "unpack.hpp"

namespace sluicez {
namespace {

constexpr double mib = 1024.0 * 1024.0;

/// What a header can hold of a time; 0 if it cannot be told.
std::uint32_t header_time(const input& from) {
  const std::time_t time = from.status.st_mtim.tv_sec;
  const bool fits = time > 0 && time <= std::numeric_limits<std::uint32_t>::max();
  return from.regular() && fits ? static_cast<std::uint32_t>(time) : 0;
}

header make_header(const input& from, const options& how) {
  header head;
  if (!how.wants_names()) return head;
  if (from.named) head.name = without_folders(from.name);
  head.time = header_time(from);
  return head;
}

/// The header of a file, without moving the file's position; nothing if it is not good. Throws
/// input_error.
std::optional<header> peek_header(int fd) {
  std::array<unsigned char, 4096> start{};
  off_t offset = 0;
  std::size_t at = 0;
  std::size_t size = 0;
  const auto next = [&]() -> int {
    if (at == size) {
      ssize_t count = -1;
      do {
        count = ::pread(fd, start.data(), start.size(), offset);
      } while (count < 0 && errno == EINTR);
      if (count < 0) throw input_error(errno);
      if (count == 0) return -1;
      offset += count;
      size = static_cast<std::size_t>(count);
      at = 0;
    }
    return start[at++];
  };
  if (next() != magic_first || next() != magic_second) return std::nullopt;
  try {
    return decode_header_after_magic(next);
  } catch (const bad_data&) {
    return std::nullopt;  // unpacking will say it
  }
}

bool is_file_name(const std::string& name) { return !name.empty() && name != "." && name != ".."; }

bool answer_is_yes() {
  const int first = std::getchar();
  for (int rest = first; rest != '\n' && rest != EOF;) rest = std::getchar();
  return first == 'y' || first == 'Y';
}

}  // namespace

job::job(const options& how, report& told)
    : how_(how),
      told_(told),
      listed_(how.verbose ? listing::columns::all : listing::columns::few,
              how.quiet ? listing::heading::hidden : listing::heading::shown) {}

sluice::runtime& job::workers() {
  if (!workers_) {
    workers_.emplace(sluice::runtime_options{.workers = how_.workers});
    how_.workers = static_cast<int>(workers_->stats().workers);
  }
  return *workers_;
}

void job::run(const input& from) {
  try {
    if (how_.what == action::list) {
      list(from);
    } else if (how_.what == action::test) {
      run_to(from, -1);
    } else if (how_.to_stdout || !from.named) {
      out_name_ = "stdout";
      run_to(from, STDOUT_FILENO);
    } else {
      run_to_file(from);
    }
  } catch (const bad_data& why) {
    told_.error(from.name, why.what());
  } catch (const input_error& why) {
    told_.error(from.name, why.what());
  }
}

void job::run_to(const input& from, int out_fd) {
  how_.unpacks() ? unpack_to(from, out_fd) : pack_to(from, out_fd);
}

void job::run_to_file(const input& from) {
  const auto path = output_name(from);
  if (!path || !make_way(*path)) return;
  out_name_ = *path;
  try {
    output_file out(*path);
    struct stat attributes = from.status;
    if (how_.unpacks() && how_.wants_names()) {
      const auto head = peek_header(from.fd);
      if (head && head->time != 0) attributes.st_mtim = {static_cast<time_t>(head->time), 0};
    }
    run_to(from, out.fd());
    out.finish(attributes);
  } catch (const create_error& why) {
    told_.error(*path, why.what());
    return;
  }
  if (!how_.keep && ::unlink(from.name.c_str()) != 0) {
    told_.warn(from.name, std::strerror(errno));
  }
}

void job::pack_to(const input& from, int out_fd) {
  sluice::runtime& fibers = workers();
  source in(from.fd);
  sink out(out_fd);
  const header head = make_header(from, how_);
  progress seen(display(), from.name, from.size());
  const packed sum = compress(in, out, head, how_, fibers, seen);
  seen.erase();
  if (from.named && from.size() != 0 && sum.in_bytes != from.size()) {
    told_.note(from.name, "file size changed while zipping");
  }
  const std::size_t frame = encode(head, how_.level).size() + trailer_bytes;
  summarize(from, seen, sum.out_bytes - frame, sum.in_bytes);
}

void job::unpack_to(const input& from, int out_fd) {
  source in(from.fd);
  sink out(out_fd);
  progress seen(display(), from.name, from.size());
  const bool may_copy = how_.force && how_.to_stdout && how_.what == action::decompress;
  const unpacked sum = unpack(
      in, out, may_copy ? foreign_input::pass_through : foreign_input::refuse, workers(), seen);
  seen.erase();
  if (sum.garbage_follows) {
    told_.warn(from.name, "decompression OK, trailing garbage ignored");
  }
  summarize(from, seen, sum.in_bytes - sum.frame_bytes, sum.out_bytes);
}

void job::list(const input& from) {
  source in(from.fd);
  sink nowhere(-1);
  progress seen(display(), from.name, from.size());
  const bool stored = from.regular() && how_.names == naming::on;
  const auto head = stored ? peek_header(from.fd) : std::nullopt;
  const unpacked found = unpack(in, nowhere, foreign_input::refuse, workers(), seen);
  seen.erase();
  if (found.garbage_follows) {
    told_.warn(from.name, "decompression OK, trailing garbage ignored");
  }
  std::string name = "stdout";
  if (from.named) name = unpacked_name(from.name, how_.suffix).value_or(from.name);
  std::time_t time = from.regular() ? from.status.st_mtim.tv_sec : 0;
  if (head && is_file_name(without_folders(head->name))) {
    name = in_folder_of(from.name, without_folders(head->name));
  }
  if (head && head->time != 0) time = static_cast<std::time_t>(head->time);
  listed_.add(name, time, from.regular() ? from.size() : found.in_bytes, found);
}

void job::finish() {
  if (how_.what != action::list) return;
  out_name_ = "stdout";
  listed_.finish();
  if (std::fflush(stdout) != 0) throw output_error(errno);
}

/// Nothing, and the user was told, if the name of the input does not lead to one.
std::optional<std::string> job::output_name(const input& from) {
  const bool say = how_.verbose || !how_.recursive;
  if (!how_.unpacks()) {
    const auto suffix = known_suffix(from.name, how_.suffix);
    if (!suffix || how_.force) return from.name + how_.suffix;
    if (say) told_.note(from.name, "already has " + *suffix + " suffix -- unchanged");
    return std::nullopt;
  }
  auto name = unpacked_name(from.name, how_.suffix);
  if (!name && say) told_.warn(from.name, "unknown suffix -- ignored");
  if (name && how_.wants_names()) {
    const auto head = peek_header(from.fd);
    const std::string stored = head ? without_folders(head->name) : "";
    if (is_file_name(stored)) name = in_folder_of(from.name, stored);
  }
  return name;
}

/// May a file of that name be made? Asks where there is somebody to ask.
bool job::make_way(const std::string& path) {
  struct stat there {};
  if (::lstat(path.c_str(), &there) != 0) return true;
  bool agreed = how_.force;
  if (!agreed && ::isatty(STDIN_FILENO) == 1) {
    std::fprintf(stderr, "sluicez: %s already exists; do you wish to overwrite (y or n)? ",
                 path.c_str());
    std::fflush(stderr);
    agreed = answer_is_yes();
    if (!agreed) std::fputs("\tnot overwritten\n", stderr);
    if (!agreed) told_.count_warning();
  } else if (!agreed) {
    told_.warn(path, "already exists -- not overwritten");
  }
  if (agreed && ::unlink(path.c_str()) != 0) {
    told_.error(path, std::strerror(errno));
    return false;
  }
  return agreed;
}

progress::display job::display() const {
  const bool to_terminal = how_.to_stdout && how_.writes() && ::isatty(STDOUT_FILENO) == 1;
  const bool shown = !how_.quiet && !to_terminal && ::isatty(STDERR_FILENO) == 1;
  return shown ? progress::display::shown : progress::display::hidden;
}

void job::summarize(const input& from, const progress& seen, std::uint64_t packed,
                    std::uint64_t plain) const {
  if (!how_.verbose) return;
  std::string end = how_.keep ? "created " + out_name_ : "replaced with " + out_name_;
  if (how_.to_stdout || !from.named) end = "written to stdout";
  const std::string percent =
      saved_percent(static_cast<double>(packed), static_cast<double>(plain));
  const std::string words = how_.what == action::test ? " OK" : percent + " -- " + end;
  const double rate = static_cast<double>(plain) / mib / std::max(seen.seconds(), 1e-6);
  std::fprintf(stderr, "%s:\t%s, %.1f MiB/s\n", from.name.c_str(), words.c_str(), rate);
}

}  // namespace sluicez
