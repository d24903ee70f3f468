#include "inflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <new>
#include <utility>

#include "errors.hpp"

namespace sluicez {
namespace {

constexpr int raw_deflate = -15;

/// zlib's state, used for one member after the other.
class inflater {
 public:
  inflater() {
    if (::inflateInit2(&stream_, raw_deflate) != Z_OK) throw std::bad_alloc();
  }
  inflater(const inflater&) = delete;
  inflater& operator=(const inflater&) = delete;
  ~inflater() { ::inflateEnd(&stream_); }

  /// Inflates up to the end of one deflate stream.
  void inflate_one(chunk_input& in, chunk_output& out) {
    ::inflateReset(&stream_);
    while (!step(in, out)) {
    }
  }

 private:
  /// As far as this chunk of input and this chunk of output go; true at the end of the stream.
  bool step(chunk_input& in, chunk_output& out) {
    // Without input zlib may still have output for which there was no room.
    const byte_span input = in.refill() ? in.rest() : byte_span{};
    const byte_span room = out.room();
    stream_.next_in = input.data();
    stream_.avail_in = static_cast<uInt>(input.size());
    stream_.next_out = room.data();
    stream_.avail_out = static_cast<uInt>(room.size());
    const int answer = ::inflate(&stream_, Z_NO_FLUSH);
    in.skip(input.size() - stream_.avail_in);
    out.filled(room.size() - stream_.avail_out);
    if (answer == Z_MEM_ERROR) throw std::bad_alloc();
    if (answer == Z_DATA_ERROR || answer == Z_NEED_DICT) {
      fail(in, out, "invalid compressed data--format violated");
    }
    if (input.empty() && answer != Z_STREAM_END && stream_.avail_out == room.size()) {
      fail(in, out, "unexpected end of file");
    }
    if (stream_.avail_out == 0) out.send(in.consumed());
    return answer == Z_STREAM_END;
  }

  /// What is good is still written.
  [[noreturn]] static void fail(const chunk_input& in, chunk_output& out, const char* why) {
    out.send(in.consumed());
    throw bad_data(why);
  }

  z_stream stream_{};
};

enum class follower { nothing, member, garbage };

/// What comes after a member: zeros up to the end count as padding.
follower look_behind_member(chunk_input& in) {
  int byte = in.next();
  if (byte == 0) {
    while (byte == 0) byte = in.next();
    return byte < 0 ? follower::nothing : follower::garbage;
  }
  if (byte < 0) return follower::nothing;
  if (byte != magic_first) return follower::garbage;
  byte = in.next();
  if (byte < 0) throw bad_data("unexpected end of file");
  return byte == magic_second ? follower::member : follower::garbage;
}

/// Cut short in its trailer, a member's contents are still written.
trailer read_trailer(const byte_reader& next, const chunk_input& in, chunk_output& out) {
  try {
    return decode_trailer(next);
  } catch (const bad_data&) {
    out.send(in.consumed());
    throw;
  }
}

void copy_all(chunk_input& in, chunk_output& out, const_byte_span first) {
  std::copy(first.begin(), first.end(), out.room().begin());
  out.filled(first.size());
  while (in.refill()) {
    const byte_span room = out.room();
    const std::size_t count = std::min(room.size(), in.rest().size());
    std::copy_n(in.rest().begin(), count, room.begin());
    in.skip(count);
    out.filled(count);
    if (count == room.size()) out.send(in.consumed());
  }
  out.send(in.consumed());
}

enum class beginning { member, copied };

/// Reads the magic bytes; an input without them is copied or refused.
beginning begin(chunk_input& in, chunk_output& out, foreign_input other) {
  unsigned char first[2] = {};
  std::size_t count = 0;
  while (count < sizeof first && in.refill())
    first[count++] = static_cast<unsigned char>(in.next());
  if (count == sizeof first && first[0] == magic_first && first[1] == magic_second) {
    return beginning::member;
  }
  if (other == foreign_input::pass_through) {
    copy_all(in, out, {first, count});
    return beginning::copied;
  }
  const bool cut_short = count == 0 || (count == 1 && first[0] == magic_first);
  throw bad_data(cut_short ? "unexpected end of file" : "not in gzip format");
}

}  // namespace

bool chunk_input::refill() {
  while (left() == 0) {
    if (current_) {
      before_ += current_->size;
      at_ = 0;
      spare_.give(std::move(current_));
    }
    if (!(filled_ >> current_)) return false;
  }
  return true;
}

int chunk_input::next() { return refill() ? current_->bytes[at_++] : -1; }

byte_span chunk_output::room() {
  if (!current_) {
    current_ = spare_.take();
    current_->size = 0;
    current_->member_end.reset();
  }
  return {current_->bytes.get() + current_->size, chunk::most_bytes - current_->size};
}

void chunk_output::send(std::uint64_t consumed, std::optional<trailer> member_end) {
  (void)room();
  current_->consumed = consumed;
  current_->member_end = member_end;
  ready_ << std::move(current_);
}

unpacked inflate_members(chunk_input& in, chunk_output& out, foreign_input other) {
  unpacked sum;
  follower next = follower::nothing;
  if (begin(in, out, other) == beginning::member) {
    inflater inflating;
    const byte_reader byte = [&in] { return in.next(); };
    do {
      const header head = decode_header_after_magic(byte);
      inflating.inflate_one(in, out);
      const trailer end = read_trailer(byte, in, out);
      sum.frame_bytes += head.size + trailer_bytes;
      out.send(in.consumed(), end);
      next = look_behind_member(in);
    } while (next == follower::member);
  }
  sum.garbage_follows = next == follower::garbage;
  sum.in_bytes = in.consumed();
  return sum;
}

}  // namespace sluicez
