#include "names.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace sluicez {
namespace {

constexpr std::array<std::string_view, 7> usual_suffixes = {".gz", "-gz",  ".z",  "-z",
                                                            "_z",  ".tgz", ".taz"};

bool same_letters(std::string_view a, std::string_view b) {
  const auto same = [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

/// Something must be left in front of the suffix, in the same folder.
bool ends_with(std::string_view name, std::string_view suffix) {
  if (name.size() <= suffix.size() || name[name.size() - suffix.size() - 1] == '/') return false;
  return same_letters(name.substr(name.size() - suffix.size()), suffix);
}

}  // namespace

std::optional<std::string> known_suffix(const std::string& name, const std::string& suffix) {
  if (ends_with(name, suffix)) return name.substr(name.size() - suffix.size());
  for (const std::string_view usual : usual_suffixes) {
    if (ends_with(name, usual)) return name.substr(name.size() - usual.size());
  }
  return std::nullopt;
}

std::optional<std::string> unpacked_name(const std::string& name, const std::string& suffix) {
  const auto found = known_suffix(name, suffix);
  if (!found) return std::nullopt;
  const std::string stem = name.substr(0, name.size() - found->size());
  const bool archive = same_letters(*found, ".tgz") || same_letters(*found, ".taz");
  return archive ? stem + ".tar" : stem;
}

std::string without_folders(const std::string& name) {
  return name.substr(name.find_last_of('/') + 1);
}

std::string in_folder_of(const std::string& beside, const std::string& name) {
  return beside.substr(0, beside.find_last_of('/') + 1) + name;
}

}  // namespace sluicez
