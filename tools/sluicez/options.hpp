// What the command line asks for. cli.cpp fills it in; nobody changes it afterwards.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluicez {

enum class action { compress, decompress, test, list, show_help, show_version };

/// Whether a gzip header's name and time are stored or restored.
enum class naming { as_usual, off, on };

struct options {
  action what = action::compress;
  int level = 6;
  /// Compressing fibers, and the threads that run them; 0: one for each CPU.
  int workers = 0;
  std::size_t block_bytes = 128 * 1024;
  bool to_stdout = false;
  bool keep = false;
  bool force = false;
  bool recursive = false;
  bool quiet = false;
  bool verbose = false;
  naming names = naming::as_usual;
  std::string suffix = ".gz";
  /// Files and folders; "-" is the standard input.
  std::vector<std::string> operands;

  /// The compressed data is the input?
  [[nodiscard]] bool unpacks() const { return what != action::compress; }
  /// Is there an output that outlives the run?
  [[nodiscard]] bool writes() const { return what != action::test && what != action::list; }
  /// gzip's habit: compressing stores the name and time, unpacking leaves them alone.
  [[nodiscard]] bool wants_names() const {
    return names == naming::as_usual ? !unpacks() : names == naming::on;
  }
};

/// The command line makes no sense; `what()` says why.
struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace sluicez
