// One input, from an open descriptor to a finished output.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <sluice/sluice.hpp>
#include <string>

#include "io.hpp"
#include "listing.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "report.hpp"

namespace sluicez {

/// An open input.
struct input {
  /// As the user gave it; "stdin" for the standard input.
  std::string name;
  int fd = -1;
  struct stat status {};
  /// Is it a file that may be replaced, or the standard input?
  bool named = false;

  [[nodiscard]] bool regular() const { return S_ISREG(status.st_mode); }
  /// In bytes; 0 if it is not known beforehand.
  [[nodiscard]] std::uint64_t size() const {
    return regular() ? static_cast<std::uint64_t>(status.st_size) : 0;
  }
};

/// Does what the command line asks for with one input after the other. Main thread only.
class job {
 public:
  job(const options& how, report& told);

  /// Compresses, unpacks, tests or lists it, and reports what happened. Throws output_error and
  /// std::bad_alloc, which end the run; `at_work_on` then says what was being written.
  void run(const input& from);
  /// Prints the last of a listing. Throws output_error.
  void finish();

  [[nodiscard]] const std::string& at_work_on() const { return out_name_; }

 private:
  void run_to(const input& from, int out_fd);
  void run_to_file(const input& from);
  void list(const input& from);
  void pack_to(const input& from, int out_fd);
  void unpack_to(const input& from, int out_fd);

  [[nodiscard]] std::optional<std::string> output_name(const input& from);
  [[nodiscard]] bool make_way(const std::string& path);
  [[nodiscard]] progress::display display() const;
  void summarize(const input& from, const progress& seen, std::uint64_t packed,
                 std::uint64_t plain) const;
  sluice::runtime& workers();

  options how_;
  report& told_;
  listing listed_;
  std::string out_name_ = "stdout";
  std::optional<sluice::runtime> workers_;
};

}  // namespace sluicez
