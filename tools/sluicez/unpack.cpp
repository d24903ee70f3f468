// Three stages, each with its own strand, since a deflate stream can only be inflated in order:
//
//   reader thread  --filled-->  inflating fiber  --ready-->  writer, the caller: CRC and writing
//
// Each stage closes its output when it ends. A reader's error is the cause of the close; the
// fiber's error comes through its task; the writer's error makes ~line close everything.
#include "unpack.hpp"

#include <exception>
#include <thread>
#include <utility>

#include "crc.hpp"
#include "errors.hpp"
#include "inflate.hpp"
#include "signals.hpp"

namespace sluicez {
namespace {

/// On each side: one being filled, one being emptied, and two between.
constexpr std::size_t chunk_limit = 4;

void read_chunks(source& from, pool<chunk>& spare, const sluice::channel<chunk_ptr>& filled) {
  for (;;) {
    chunk_ptr next = spare.take();
    next->size = from.read({next->bytes.get(), chunk::most_bytes});
    if (next->size == 0) return;
    filled << std::move(next);
  }
}

/// Writes chunks and compares each member with its trailer.
class checked_writer {
 public:
  explicit checked_writer(sink& to) : to_(to) {}

  void write(const chunk& piece) {
    const const_byte_span bytes{piece.bytes.get(), piece.size};
    to_.write(bytes);
    crc_ = crc32_of(crc_, bytes);
    length_ += static_cast<std::uint32_t>(bytes.size());
    if (piece.member_end) end_member(*piece.member_end);
  }

  std::uint32_t last_crc = 0;

 private:
  void end_member(const trailer& expected) {
    last_crc = std::exchange(crc_, 0);
    const std::uint32_t length = std::exchange(length_, 0);
    if (last_crc != expected.crc) throw bad_data("invalid compressed data--crc error");
    if (length != expected.length) throw bad_data("invalid compressed data--length error");
  }

  sink& to_;
  std::uint32_t crc_ = 0;
  std::uint32_t length_ = 0;
};

/// The strands and channels of one run. The destructor ends what still runs.
class line {
 public:
  line(source& from, foreign_input other, sluice::runtime& workers) : from_(from) {
    inflating_ = workers.go(sluice::fiber_options{.name = "inflate"},
                            [this, other] { return inflate(other); });
    try {
      reading_ = start_thread([this] { read_to_the_end(); });
    } catch (...) {
      stop();
      throw;
    }
  }
  line(const line&) = delete;
  line& operator=(const line&) = delete;
  ~line() { stop(); }

  void write_all(checked_writer& writer, progress& seen) {
    for (chunk_ptr& piece : ready_) {
      writer.write(*piece);
      seen.advance_to(piece->consumed);
      spare_out_.give(std::move(piece));
    }
  }
  /// Once all is written: what the fiber found, or its error.
  unpacked result() {
    joined_ = true;
    return inflating_.join();
  }

 private:
  void read_to_the_end() {
    try {
      sluice::close_after(filled_, [this] { read_chunks(from_, spare_in_, filled_); });
    } catch (...) {
      // It has become the cause of the close.
    }
  }

  unpacked inflate(foreign_input other) {
    const sluice::close_on_exit guard{ready_};
    chunk_input in(filled_, spare_in_);
    chunk_output out(ready_, spare_out_);
    return inflate_members(in, out, other);
  }

  void stop() {
    from_.stop();
    spare_in_.close();
    spare_out_.close();
    filled_.close();
    ready_.close();
    if (reading_.joinable()) reading_.join();
    try {
      if (!joined_) (void)inflating_.join();
    } catch (...) {
      // The writer's error, which is on its way, came first.
    }
  }

  static pool<chunk>::pointer make_chunk() { return std::make_unique<chunk>(); }

  source& from_;
  pool<chunk> spare_in_{chunk_limit, make_chunk};
  pool<chunk> spare_out_{chunk_limit, make_chunk};
  sluice::channel<chunk_ptr> filled_{chunk_limit, {.name = "filled"}};
  sluice::channel<chunk_ptr> ready_{chunk_limit, {.name = "ready"}};
  sluice::task<unpacked> inflating_;
  bool joined_ = false;
  std::jthread reading_;
};

}  // namespace

unpacked unpack(source& from, sink& to, foreign_input other, sluice::runtime& workers,
                progress& seen) {
  line running(from, other, workers);
  checked_writer writer(to);
  running.write_all(writer, seen);
  unpacked sum = running.result();
  sum.out_bytes = to.written();
  sum.crc = writer.last_crc;
  return sum;
}

}  // namespace sluicez
