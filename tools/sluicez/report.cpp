#include "report.hpp"

#include <cstdio>

namespace sluicez {
namespace {

void say(const std::string& what, const std::string& why) {
  std::fprintf(stderr, "sluicez: %s: %s\n", what.c_str(), why.c_str());
}

}  // namespace

void report::error(const std::string& what, const std::string& why) {
  say(what, why);
  code_ = exit_code::error;
}

void report::warn(const std::string& what, const std::string& why) {
  if (how_ != voice::quiet) say(what, why);
  count_warning();
}

void report::count_warning() {
  if (code_ == exit_code::fine) code_ = exit_code::warning;
}

void report::note(const std::string& what, const std::string& why) const {
  if (how_ != voice::quiet) say(what, why);
}

std::string saved_percent(double packed, double plain) {
  char text[32];
  std::snprintf(text, sizeof text, "%5.1f%%", plain > 0 ? 100.0 * (plain - packed) / plain : 0.0);
  return text;
}

}  // namespace sluicez
