// The gzip file format (RFC 1952): what stands before and after the deflated data of a member.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sluicez {

constexpr unsigned char magic_first = 0x1f;
constexpr unsigned char magic_second = 0x8b;
constexpr std::size_t trailer_bytes = 8;

struct header {
  /// Without folders; empty: none is stored.
  std::string name;
  /// Seconds since 1970; 0: none is stored.
  std::uint32_t time = 0;
  /// How many bytes it took up, as read.
  std::size_t size = 0;
};

struct trailer {
  std::uint32_t crc = 0;
  /// The length of the data, modulo 2^32.
  std::uint32_t length = 0;
};

std::vector<unsigned char> encode(const header& from, int level);
std::vector<unsigned char> encode(const trailer& from);

/// Gives the next byte of the input, or -1 at its end.
using byte_reader = std::function<int()>;

/// Reads what follows the two magic bytes. Throws bad_data.
header decode_header_after_magic(const byte_reader& next);
/// Throws bad_data at the end of the input.
trailer decode_trailer(const byte_reader& next);

}  // namespace sluicez
