// The operands: opening, checking and walking through files and folders.
#pragma once

#include <string>

#include "job.hpp"
#include "options.hpp"
#include "report.hpp"

namespace sluicez {

/// Hands each input that may be handled to the job. Main thread only.
class files {
 public:
  files(const options& how, report& told, job& work) : how_(how), told_(told), work_(work) {}

  /// All operands, or the standard input if there are none. Throws what job::run throws.
  void treat_all();

 private:
  void treat_stdin();
  void treat(const std::string& path);
  void treat_folder(const std::string& path);
  [[nodiscard]] bool may_replace(const input& from);
  [[nodiscard]] bool keeps_off_terminals(int in_fd, int out_fd);
  /// Does the output go to a file of its own beside the input?
  [[nodiscard]] bool replaces() const { return !how_.to_stdout && how_.writes(); }

  const options& how_;
  report& told_;
  job& work_;
};

}  // namespace sluicez
