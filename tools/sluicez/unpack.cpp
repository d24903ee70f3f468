// Three stages, each with its own strand, since a deflate stream can only be inflated in order:
//
//   reader thread  -->  inflating fiber  -->  writer, the caller: CRC and writing
//
// The end and errors run down the stages. When the writer fails, or the fiber ends before the
// input, the flow that goes stops what still runs and waits for it.
#include "unpack.hpp"

#include <libdeflate.h>

#include <memory>
#include <utility>

#include "errors.hpp"
#include "inflate.hpp"
#include "reading.hpp"

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
    crc_ = ::libdeflate_crc32(crc_, bytes.data(), bytes.size());
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

}  // namespace

unpacked unpack(source& from, sink& to, foreign_input other, sluice::runtime& workers,
                progress& seen) {
  const auto make = [] { return std::make_unique<chunk>(); };
  pool<chunk> spare_in(chunk_limit, make);
  pool<chunk> spare_out(chunk_limit, make);
  unpacked sum;
  const auto inflate = [&](const auto& filled, const auto& ready) {
    chunk_input in(filled, spare_in);
    chunk_output out(ready, spare_out);
    sum = inflate_members(in, out, other);
  };
  auto contents = workers.run([&] {
    return reading(from, spare_in, reader::thread, read_chunks) |
           sluice::pipeline::process<chunk_ptr>({.capacity = chunk_limit, .name = "inflate"},
                                                inflate);
  });

  checked_writer writer(to);
  for (chunk_ptr& piece : contents) {
    writer.write(*piece);
    seen.advance_to(piece->consumed);
    spare_out.give(std::move(piece));
  }
  sum.out_bytes = to.written();
  sum.crc = writer.last_crc;
  return sum;
}

}  // namespace sluicez
