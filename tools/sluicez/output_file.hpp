// The output beside an input file: nobody ever sees half of it under its name after the run.
//
// I1 It is made anew (O_EXCL): what is removed after a failure is always our own file.
// I2 While it is incomplete it is registered with the signal handler; an incomplete one is removed
//    by the destructor or by the handler.
#pragma once

#include <sys/stat.h>

#include <string>

#include "io.hpp"

namespace sluicez {

class output_file {
 public:
  /// Makes the file, for nobody but the user. Throws create_error, also if it exists.
  explicit output_file(std::string path);
  output_file(const output_file&) = delete;
  output_file& operator=(const output_file&) = delete;
  /// Removes the file unless it was finished.
  ~output_file();

  [[nodiscard]] int fd() const { return file_.get(); }
  /// Gives it the mode, owner and times of `like`, then closes and keeps it. Throws output_error.
  void finish(const struct stat& like);

 private:
  void copy_attributes(const struct stat& like) const noexcept;

  const std::string path_;
  file_descriptor file_;
  bool finished_ = false;
};

}  // namespace sluicez
