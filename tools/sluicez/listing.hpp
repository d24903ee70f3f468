// The table that `-l` prints.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>

#include "unpack.hpp"

namespace sluicez {

class listing {
 public:
  enum class columns { few, all };
  enum class heading { shown, hidden };

  listing(columns which, heading head) : which_(which), heading_(head) {}

  /// Prints a row; `packed_bytes` is the size of the file, `name` that of its contents.
  void add(const std::string& name, std::time_t time, std::uint64_t packed_bytes,
           const unpacked& found);
  /// Prints the sums if there was more than one row; a table without a heading has none.
  void finish() const;

 private:
  void print_sizes(std::uint64_t packed_bytes, std::uint64_t plain_bytes, std::uint64_t frame_bytes,
                   const std::string& name) const;

  const columns which_;
  const heading heading_;
  int rows_ = 0;
  std::uint64_t packed_ = 0;
  std::uint64_t plain_ = 0;
};

}  // namespace sluicez
