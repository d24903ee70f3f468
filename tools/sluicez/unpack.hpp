// Unpacking a gzip file of any number of members.
#pragma once

#include <cstdint>
#include <sluice/sluice.hpp>

#include "io.hpp"
#include "progress.hpp"

namespace sluicez {

/// What to do with an input that is no gzip file.
enum class foreign_input { refuse, pass_through };

struct unpacked {
  std::uint64_t in_bytes = 0;
  std::uint64_t out_bytes = 0;
  /// What the members' headers and trailers took up.
  std::uint64_t frame_bytes = 0;
  /// Of the last member.
  std::uint32_t crc = 0;
  /// Something that is neither a member nor padding follows the last member.
  bool garbage_follows = false;
};

/// Reads `from` to its end and writes the contents. Throws bad_data, after the contents before
/// the damage were written, input_error, output_error, std::bad_alloc; nothing of it runs on
/// afterwards.
unpacked unpack(source& from, sink& to, foreign_input other, sluice::runtime& workers,
                progress& seen);

}  // namespace sluicez
