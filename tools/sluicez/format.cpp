#include "format.hpp"

#include <zlib.h>

#include <cstdio>

#include "errors.hpp"

namespace sluicez {
namespace {

constexpr unsigned char method_deflate = 8;
constexpr unsigned char system_unix = 3;
constexpr unsigned char effort_best = 2;
constexpr unsigned char effort_fast = 4;

enum flag : unsigned {
  header_crc_flag = 0x02,
  extra_flag = 0x04,
  name_flag = 0x08,
  comment_flag = 0x10,
  encrypted_flag = 0x20,
  reserved_flags = 0xc0,
};

void append_number(std::vector<unsigned char>& to, std::uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) {
    to.push_back(static_cast<unsigned char>(number >> shift));
  }
}

/// Reads fields and keeps the checksum and the length of what it read.
class field_reader {
 public:
  explicit field_reader(const byte_reader& next) : next_(next) {}

  unsigned byte() {
    const int value = next_();
    if (value < 0) throw bad_data("unexpected end of file");
    const auto as_byte = static_cast<unsigned char>(value);
    crc = ::crc32(crc, &as_byte, 1);
    ++size;
    return as_byte;
  }
  std::uint32_t number(int bytes) {
    std::uint32_t sum = 0;
    for (int i = 0; i < bytes; ++i) sum |= static_cast<std::uint32_t>(byte()) << (8 * i);
    return sum;
  }
  std::string text() {
    std::string all;
    while (const unsigned letter = byte()) all.push_back(static_cast<char>(letter));
    return all;
  }

  uLong crc = ::crc32(0, nullptr, 0);
  std::size_t size = 0;

 private:
  const byte_reader& next_;
};

void check_method(unsigned method, unsigned flags) {
  char words[64];
  if (method != method_deflate) {
    std::snprintf(words, sizeof words, "unknown method %u -- not supported", method);
    throw bad_data(words);
  }
  if ((flags & encrypted_flag) != 0) throw bad_data("is encrypted -- not supported");
  if ((flags & reserved_flags) != 0) {
    std::snprintf(words, sizeof words, "has flags 0x%x -- not supported", flags);
    throw bad_data(words);
  }
}

}  // namespace

std::vector<unsigned char> encode(const header& from, int level) {
  const bool named = !from.name.empty();
  std::vector<unsigned char> all{
      magic_first, magic_second, method_deflate,
      named ? static_cast<unsigned char>(name_flag) : static_cast<unsigned char>(0)};
  append_number(all, from.time);
  all.push_back(level == 9 ? effort_best : level == 1 ? effort_fast : 0);
  all.push_back(system_unix);
  if (named) {
    all.insert(all.end(), from.name.begin(), from.name.end());
    all.push_back(0);
  }
  return all;
}

std::vector<unsigned char> encode(const trailer& from) {
  std::vector<unsigned char> all;
  append_number(all, from.crc);
  append_number(all, from.length);
  return all;
}

header decode_header_after_magic(const byte_reader& next) {
  field_reader fields(next);
  const unsigned char magic[] = {magic_first, magic_second};
  fields.crc = ::crc32(fields.crc, magic, sizeof magic);
  fields.size = sizeof magic;
  header read;
  const unsigned method = fields.byte();
  const unsigned flags = fields.byte();
  check_method(method, flags);
  read.time = fields.number(4);
  fields.number(2);  // effort and system
  if ((flags & extra_flag) != 0) {
    for (std::uint32_t left = fields.number(2); left > 0; --left) fields.byte();
  }
  if ((flags & name_flag) != 0) read.name = fields.text();
  if ((flags & comment_flag) != 0) fields.text();
  if ((flags & header_crc_flag) != 0) {
    const auto computed = static_cast<std::uint32_t>(fields.crc & 0xffff);
    if (fields.number(2) != computed) throw bad_data("header checksum is wrong");
  }
  read.size = fields.size;
  return read;
}

trailer decode_trailer(const byte_reader& next) {
  field_reader fields(next);
  trailer read;
  read.crc = fields.number(4);
  read.length = fields.number(4);
  return read;
}

}  // namespace sluicez
