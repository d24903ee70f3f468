// The command line: gzip's options and habits.
#pragma once

#include <string>

#include "options.hpp"

namespace sluicez {

/// Throws usage_error. The environment variable GZIP is not read.
options parse_command_line(int argc, char** argv);

std::string help_text();
std::string version_text();

}  // namespace sluicez
