// What the user is told, and the exit code that follows from it: gzip's 0 (all well), 1 (an
// error), 2 (a warning). Main thread only.
#pragma once

#include <string>

namespace sluicez {

enum class exit_code { fine = 0, error = 1, warning = 2 };

class report {
 public:
  enum class voice { normal, quiet };

  explicit report(voice how) : how_(how) {}

  /// `sluicez: WHAT: why`. An error outweighs all warnings.
  void error(const std::string& what, const std::string& why);
  /// Likewise; silent but counted if quiet.
  void warn(const std::string& what, const std::string& why);
  /// As warn, for what the user has been told already.
  void count_warning();
  /// Said like a warning, but all is well.
  void note(const std::string& what, const std::string& why) const;

  [[nodiscard]] exit_code code() const { return code_; }

 private:
  const voice how_;
  exit_code code_ = exit_code::fine;
};

/// ` 58.7%`: how much smaller `packed` is than `plain`.
std::string saved_percent(double packed, double plain);

}  // namespace sluicez
