// File names: what the output is called. Pure functions.
#pragma once

#include <optional>
#include <string>

namespace sluicez {

/// Does the name end as compressed files' do? That ending, as it stands there, else nothing.
std::optional<std::string> known_suffix(const std::string& name, const std::string& suffix);

/// The name without its suffix (.tgz and .taz become .tar); nothing if it has none that is known.
std::optional<std::string> unpacked_name(const std::string& name, const std::string& suffix);

/// The part behind the last slash.
std::string without_folders(const std::string& name);

/// `name` in the folder of the file `beside`.
std::string in_folder_of(const std::string& beside, const std::string& name);

}  // namespace sluicez
