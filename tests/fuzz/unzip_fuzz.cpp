// Arbitrary bytes into sluicez's unpacking, compared with zlib's own reading of gzip members.
//
// Each input is unpacked four ways, which must all say what the reference says: the same contents
// up to the damage, the same verdict in the same words.
//   1 `unpack`, as for -d, from a file to a file, and with -f if it is no gzip file
//   2 the inflating stage alone, with the input cut into chunks of any size
//   3 `-t` and 4 `-lvN`, as jobs: also their exit codes, and the sizes that are listed
//
// sluicez reads headers and trailers itself and gives zlib the raw deflate data; the reference
// leaves all of a member to zlib. What they share is zlib's inflate.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "../../tools/sluicez/errors.hpp"
#include "../../tools/sluicez/inflate.hpp"
#include "../../tools/sluicez/job.hpp"
#include "fuzz.hpp"

namespace {

using namespace std::literals;
using bytes = std::vector<unsigned char>;
using byte_view = std::span<const unsigned char>;

constexpr auto cut_short = "unexpected end of file"sv;

// ---- the reference -------------------------------------------------------------------------------

/// What there is to say of an input.
struct verdict {
  /// Empty: nothing is wrong with it.
  std::string why;
  bytes contents;
  /// If nothing is wrong:
  bool garbage_follows = false;
  std::size_t frame_bytes = 0;
  std::uint32_t crc = 0;
};

/// One gzip member, read by zlib: as far as it goes.
class member {
 public:
  explicit member(byte_view from) {
    if (::inflateInit2(&stream_, 15 + 16) != Z_OK) fuzz::fail("no memory for zlib");
    stream_.next_in = const_cast<unsigned char*>(from.data());
    stream_.avail_in = static_cast<uInt>(from.size());
    bytes room(64 * 1024);
    for (int answer = Z_OK; answer == Z_OK;) {
      stream_.next_out = room.data();
      stream_.avail_out = static_cast<uInt>(room.size());
      answer = ::inflate(&stream_, Z_BLOCK);
      if (header_bytes == 0 && (stream_.data_type & 128) != 0) header_bytes = stream_.total_in;
      contents.insert(contents.end(), room.data(), stream_.next_out);
      complete = answer == Z_STREAM_END;
      if (answer == Z_DATA_ERROR) complaint = stream_.msg;
    }
    taken = stream_.total_in;
  }
  member(const member&) = delete;
  member& operator=(const member&) = delete;
  ~member() { ::inflateEnd(&stream_); }

  bool complete = false;
  /// zlib's words, if the data is wrong. Neither: it is cut short.
  std::string_view complaint;
  bytes contents;
  std::size_t header_bytes = 0;
  std::size_t taken = 0;

 private:
  z_stream stream_{};
};

/// What sluicez says where zlib says that.
std::string in_our_words(const member& bad, byte_view from) {
  char text[64];
  if (bad.complaint == "unknown compression method") {
    std::snprintf(text, sizeof text, "unknown method %u -- not supported", from[2]);
    return text;
  }
  if (bad.complaint == "unknown header flags set") {
    if ((from[3] & 0x20) != 0) return "is encrypted -- not supported";
    std::snprintf(text, sizeof text, "has flags 0x%x -- not supported", from[3]);
    return text;
  }
  if (bad.complaint == "header crc mismatch") return "header checksum is wrong";
  // zlib looks at the checksum before it reads the length.
  if (bad.complaint == "incorrect data check") {
    const bool whole = from.size() - bad.taken >= 4;
    return whole ? "invalid compressed data--crc error" : std::string(cut_short);
  }
  if (bad.complaint == "incorrect length check") return "invalid compressed data--length error";
  return "invalid compressed data--format violated";
}

bool is_magic(byte_view from) { return from.size() >= 2 && from[0] == 0x1f && from[1] == 0x8b; }

verdict judge(byte_view all) {
  verdict found;
  byte_view rest = all;
  if (!is_magic(rest)) {
    const bool perhaps = rest.empty() || (rest.size() == 1 && rest[0] == 0x1f);
    found.why = perhaps ? cut_short : "not in gzip format";
    return found;
  }
  while (is_magic(rest)) {
    const member one(rest);
    found.contents.insert(found.contents.end(), one.contents.begin(), one.contents.end());
    if (!one.complete) {
      found.why = one.complaint.empty() ? std::string(cut_short) : in_our_words(one, rest);
      return found;
    }
    found.frame_bytes += one.header_bytes + 8;
    found.crc = static_cast<std::uint32_t>(
        ::crc32_z(::crc32(0, nullptr, 0), one.contents.data(), one.contents.size()));
    rest = rest.subspan(one.taken);
  }
  if (rest.size() == 1 && rest[0] == 0x1f) found.why = cut_short;
  found.garbage_follows = std::ranges::any_of(rest, [](unsigned char byte) { return byte != 0; });
  return found;
}

// ---- what sluicez says ---------------------------------------------------------------------------

[[noreturn]] void differs(const char* way, const std::string& what) {
  fuzz::fail(std::string(way) + ": " + what);
}

void compare(const char* way, const verdict& expected, const std::string& why,
             const bytes& contents) {
  if (why != expected.why) differs(way, "says '" + why + "', not '" + expected.why + "'");
  if (contents.size() != expected.contents.size()) {
    differs(way, "gives " + std::to_string(contents.size()) + " bytes, not " +
                     std::to_string(expected.contents.size()) + " (" + why + ")");
  }
  if (contents != expected.contents) differs(way, "gives other contents");
}

/// A file without a name.
class scratch_file {
 public:
  scratch_file() : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    if (fd_.get() < 0) fuzz::fail("no file in memory");
  }
  [[nodiscard]] int fd() const { return fd_.get(); }
  void rewind() { (void)::lseek(fd(), 0, SEEK_SET); }
  void write(byte_view all) {
    clear();
    if (::pwrite(fd(), all.data(), all.size(), 0) != static_cast<ssize_t>(all.size())) {
      fuzz::fail("no memory for a file");
    }
  }
  void clear() {
    if (::ftruncate(fd(), 0) != 0) fuzz::fail("a file cannot be cut");
    rewind();
  }
  [[nodiscard]] bytes read() const {
    struct stat status {};
    (void)::fstat(fd(), &status);
    bytes all(static_cast<std::size_t>(status.st_size));
    if (::pread(fd(), all.data(), all.size(), 0) != status.st_size) fuzz::fail("a file shrank");
    return all;
  }

 private:
  sluicez::file_descriptor fd_;
};

sluice::runtime& workers() {
  static sluice::runtime only{{.workers = 1}};
  return only;
}

/// 1.
void check_unpack(byte_view all, const verdict& expected, scratch_file& from) {
  static scratch_file to;
  for (const auto other : {sluicez::foreign_input::refuse, sluicez::foreign_input::pass_through}) {
    const bool copies = other == sluicez::foreign_input::pass_through;
    if (copies && is_magic(all)) break;
    from.rewind();
    to.clear();
    sluicez::source in(from.fd());
    sluicez::sink out(to.fd());
    sluicez::progress seen(sluicez::progress::display::hidden, "fuzz", all.size());
    std::string why;
    sluicez::unpacked found;
    try {
      found = sluicez::unpack(in, out, other, workers(), seen);
    } catch (const sluicez::bad_data& error) {
      why = error.what();
    }
    if (copies) {
      verdict copied;
      copied.contents.assign(all.begin(), all.end());
      compare("unpack -f", copied, why, to.read());
      continue;
    }
    compare("unpack", expected, why, to.read());
    if (!why.empty()) continue;
    if (found.garbage_follows != expected.garbage_follows) differs("unpack", "other garbage");
    if (found.out_bytes != expected.contents.size()) differs("unpack", "other out_bytes");
    if (found.frame_bytes != expected.frame_bytes) differs("unpack", "other frame_bytes");
    if (found.crc != expected.crc) differs("unpack", "another crc");
    if (!found.garbage_follows && found.in_bytes != all.size()) differs("unpack", "other in_bytes");
  }
}

/// Where the input is cut, from nowhere but the input itself.
std::size_t next_cut(std::uint64_t& state, std::size_t left) {
  state = state * 6364136223846793005U + 1442695040888963407U;
  const std::size_t most = (state >> 60) % 2 == 0 ? 3 : left;
  return std::min(left, 1 + static_cast<std::size_t>(state >> 33) % most);
}

/// 2.
void check_stage(byte_view all, const verdict& expected) {
  constexpr std::size_t pieces = 8;
  const auto make = [] { return std::make_unique<sluicez::chunk>(); };
  sluicez::pool<sluicez::chunk> spare_in(pieces, make);
  sluicez::pool<sluicez::chunk> spare_out(100, make);
  const sluice::channel<sluicez::chunk_ptr> filled;
  const sluice::channel<sluicez::chunk_ptr> ready;
  const sluice::receiver<sluicez::chunk_ptr> from(filled);
  std::uint64_t state = ::crc32_z(0, all.data(), all.size());
  byte_view rest = all;
  for (std::size_t i = 1; !rest.empty(); ++i) {
    auto piece = spare_in.take();
    piece->size = i == pieces ? rest.size() : next_cut(state, rest.size());
    std::copy_n(rest.begin(), piece->size, piece->bytes.get());
    rest = rest.subspan(piece->size);
    filled << std::move(piece);
  }
  filled.close();

  std::string late;
  try {
    sluicez::chunk_input in(from, spare_in);
    sluicez::chunk_output out(ready, spare_out);
    sluicez::inflate_members(in, out, sluicez::foreign_input::refuse);
  } catch (const sluicez::bad_data& error) {
    late = error.what();
  }
  ready.close();
  std::string why;
  bytes contents;
  std::size_t begin = 0;
  for (auto& piece : ready) {
    if (why.empty()) {
      contents.insert(contents.end(), piece->bytes.get(), piece->bytes.get() + piece->size);
    }
    if (why.empty() && piece->member_end) {
      const std::size_t length = contents.size() - begin;
      const auto crc = static_cast<std::uint32_t>(
          ::crc32_z(::crc32(0, nullptr, 0), contents.data() + begin, length));
      if (static_cast<std::uint32_t>(length) != piece->member_end->length) {
        why = "invalid compressed data--length error";
      }
      if (crc != piece->member_end->crc) why = "invalid compressed data--crc error";
      begin = contents.size();
    }
    spare_out.give(std::move(piece));
  }
  compare("the stage", expected, why.empty() ? late : why, contents);
}

/// What is written to one of stdio's streams meanwhile.
class caught {
 public:
  explicit caught(std::FILE*& stream)
      : stream_(stream), before_(std::exchange(stream, ::open_memstream(&text_, &size_))) {}
  caught(const caught&) = delete;
  caught& operator=(const caught&) = delete;
  ~caught() {
    (void)end();
    std::free(text_);
  }
  std::string_view end() {
    if (before_ != nullptr) {
      (void)std::fclose(stream_);
      stream_ = std::exchange(before_, nullptr);
    }
    return {text_, size_};
  }

 private:
  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::FILE*& stream_;
  std::FILE* before_;
};

/// 3 and 4.
class quiet_job {
 public:
  explicit quiet_job(const char* way, const sluicez::options& how) : way_(way), how_(how) {}

  void check(byte_view all, const verdict& expected, const scratch_file& from) {
    told_.emplace(sluicez::report::voice::normal);
    if (!job_) job_.emplace(how_, *told_);
    sluicez::input in{.name = "fuzz.gz", .fd = from.fd()};
    (void)::fstat(in.fd, &in.status);
    (void)::lseek(in.fd, 0, SEEK_SET);
    in.named = true;
    caught errors(stderr);
    caught output(stdout);
    job_->run(in);
    const std::string said(errors.end());
    const std::string table(output.end());

    std::string words;
    if (!expected.why.empty()) words = "sluicez: fuzz.gz: " + expected.why + "\n";
    if (expected.why.empty() && expected.garbage_follows) {
      words = "sluicez: fuzz.gz: decompression OK, trailing garbage ignored\n";
    }
    if (said != words) differs(way_, "says '" + said + "', not '" + words + "'");
    const int code = !expected.why.empty() ? 1 : expected.garbage_follows ? 2 : 0;
    if (static_cast<int>(told_->code()) != code) differs(way_, "ends with another code");
    const bool lists = how_.what == sluicez::action::list && expected.why.empty();
    lists ? check_row(all, expected, table) : check_silence(table);
  }

 private:
  void check_silence(const std::string& table) const {
    if (!table.empty()) differs(way_, "prints '" + table + "'");
  }
  void check_row(byte_view all, const verdict& expected, const std::string& table) const {
    std::uint32_t crc = 0;
    std::uint64_t packed = 0;
    std::uint64_t plain = 0;
    const int found =
        std::sscanf(table.c_str(), "defla %8" SCNx32 " %*s %*s %*s %" SCNu64 " %" SCNu64, &crc,
                    &packed, &plain);
    if (found != 3 || crc != expected.crc || packed != all.size() ||
        plain != expected.contents.size()) {
      differs(way_, "lists '" + table + "'");
    }
  }

  const char* const way_;
  const sluicez::options how_;
  /// Made anew for each input, in the same place.
  std::optional<sluicez::report> told_;
  std::optional<sluicez::job> job_;
};

sluicez::options test_options() {
  sluicez::options how;
  how.what = sluicez::action::test;
  how.workers = 1;
  return how;
}

sluicez::options list_options() {
  sluicez::options how;
  how.what = sluicez::action::list;
  how.workers = 1;
  how.quiet = true;  // no heading
  how.verbose = true;
  how.names = sluicez::naming::on;
  return how;
}

}  // namespace

// ---- the harness ---------------------------------------------------------------------------------

void fuzz::check(std::span<const unsigned char> input) {
  static scratch_file from;
  static quiet_job tests("-t", test_options());
  static quiet_job lists("-lvN", list_options());
  const verdict expected = judge(input);
  from.write(input);
  check_stage(input, expected);
  check_unpack(input, expected, from);
  tests.check(input, expected, from);
  lists.check(input, expected, from);
}

/// The checksums and lengths of members, also those of headers.
void fuzz::repair(std::span<unsigned char> input) {
  const auto store = [](std::span<unsigned char> to, std::size_t number) {
    for (unsigned char& byte : to) {
      byte = static_cast<unsigned char>(number);
      number >>= 8;
    }
  };
  constexpr int most = 8;
  for (int tries = 0; tries < most && is_magic(input); ++tries) {
    const member one(input);
    if (one.complete) {
      input = input.subspan(one.taken);
    } else if (one.complaint == "incorrect data check") {
      store(input.subspan(one.taken - 4, 4),
            ::crc32_z(::crc32(0, nullptr, 0), one.contents.data(), one.contents.size()));
    } else if (one.complaint == "incorrect length check") {
      store(input.subspan(one.taken - 4, 4), one.contents.size());
    } else if (one.complaint == "header crc mismatch") {
      store(input.subspan(one.taken - 2, 2), ::crc32_z(0, input.data(), one.taken - 2));
    } else {
      return;
    }
  }
}
