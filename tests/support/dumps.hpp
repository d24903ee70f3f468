// What a dump says, line by line.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/runtime.hpp"

namespace test {

inline std::string dump_of(const sluice::runtime& rt) {
  std::ostringstream text;
  rt.dump(text);
  return text.str();
}

inline std::vector<std::string> lines_of(const sluice::runtime& rt, std::string_view begin) {
  std::istringstream in(dump_of(rt));
  std::vector<std::string> found;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(begin)) found.push_back(line);
  }
  return found;
}

/// The line of the channel that bears the name; empty: there is none, or more than one.
inline std::string channel_line(const sluice::runtime& rt, std::string_view name) {
  const auto found = lines_of(rt, "  channel \"" + std::string(name) + '"');
  return found.size() == 1 ? found.front() : std::string();
}

/// The line of the fiber that bears the name.
inline std::string fiber_line(const sluice::runtime& rt, std::string_view name) {
  for (const std::string& line : lines_of(rt, "  fiber ")) {
    if (line.find('"' + std::string(name) + "\": ") != line.npos) return line;
  }
  return {};
}

inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

/// The number that stands before `word` in the line.
inline std::uint64_t number_before(const std::string& line, std::string_view word) {
  const auto at = line.find(' ' + std::string(word));
  REQUIRE(at != line.npos);
  const auto from = line.find_last_not_of("0123456789", at - 1) + 1;
  return std::stoull(line.substr(from, at - from));
}

}  // namespace test
