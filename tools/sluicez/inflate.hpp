// Inflating a stream of chunks: the middle stage of unpacking.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <sluice/sluice.hpp>

#include "format.hpp"
#include "pool.hpp"
#include "unpack.hpp"

namespace sluicez {

/// A piece of compressed input, or of contents. Belongs to one strand at a time.
struct chunk {
  static constexpr std::size_t most_bytes = 128 * 1024;

  std::unique_ptr<unsigned char[]> bytes =
      std::make_unique_for_overwrite<unsigned char[]>(most_bytes);
  std::size_t size = 0;
  /// Contents only: how much of the input led to here, and the trailer if a member ends here.
  std::uint64_t consumed = 0;
  std::optional<trailer> member_end;
};
using chunk_ptr = pool<chunk>::pointer;

/// The compressed bytes, across chunks.
class chunk_input {
 public:
  chunk_input(const sluice::receiver<chunk_ptr>& filled, pool<chunk>& spare)
      : filled_(filled), spare_(spare) {}

  /// Waits for more when there is nothing left; false at the end. Throws what ended the reader.
  bool refill();
  /// The next byte, or -1 at the end.
  int next();
  [[nodiscard]] byte_span rest() const { return {current_->bytes.get() + at_, left()}; }
  void skip(std::size_t count) { at_ += count; }
  [[nodiscard]] std::uint64_t consumed() const { return before_ + at_; }

 private:
  [[nodiscard]] std::size_t left() const { return current_ ? current_->size - at_ : 0; }

  const sluice::receiver<chunk_ptr>& filled_;
  pool<chunk>& spare_;
  chunk_ptr current_;
  std::size_t at_ = 0;
  std::uint64_t before_ = 0;
};

/// The contents, cut into chunks.
class chunk_output {
 public:
  chunk_output(const sluice::channel<chunk_ptr>& ready, pool<chunk>& spare)
      : ready_(ready), spare_(spare) {}

  /// Never empty.
  byte_span room();
  void filled(std::size_t count) { current_->size += count; }
  /// Sends what there is, with the end of a member if one is given.
  void send(std::uint64_t consumed, std::optional<trailer> member_end = {});

 private:
  const sluice::channel<chunk_ptr>& ready_;
  pool<chunk>& spare_;
  chunk_ptr current_;
};

/// Inflates all members. Returns the sizes of the input and its frames; checks no CRC. Throws
/// bad_data, and what ended the reader or writer.
unpacked inflate_members(chunk_input& in, chunk_output& out, foreign_input other);

}  // namespace sluicez
