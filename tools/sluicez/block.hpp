// A block: a piece of the input on its way through the line, and deflating it.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "io.hpp"

namespace sluicez {

/// Belongs to one strand at a time: the reader fills in the input, a compressing fiber the output.
class block {
 public:
  explicit block(std::size_t most_bytes);

  /// Begins anew as the next one: the end of `before` is the window that deflate may refer to.
  void follow(const block& before) noexcept;
  /// Fills the block; it stays short or empty only at the end of the input.
  void read(source& from);

  [[nodiscard]] bool full() const noexcept { return in_bytes_ == most_bytes_; }
  [[nodiscard]] const_byte_span window() const noexcept;
  [[nodiscard]] const_byte_span input() const noexcept;
  [[nodiscard]] const_byte_span output() const noexcept { return {output_.get(), out_bytes}; }
  [[nodiscard]] byte_span output_room() noexcept;

  bool last = false;
  std::size_t out_bytes = 0;
  /// Of the input.
  std::uint32_t crc = 0;

 private:
  /// The window's bytes end, and the input's begin, here.
  [[nodiscard]] unsigned char* middle() const noexcept;

  const std::size_t most_bytes_;
  std::size_t window_bytes_ = 0;
  std::size_t in_bytes_ = 0;
  std::unique_ptr<unsigned char[]> input_;
  std::unique_ptr<unsigned char[]> output_;
};

/// zlib's state, a quarter of a megabyte: one for each compressing fiber, used again and again.
class deflater {
 public:
  /// Throws std::bad_alloc.
  explicit deflater(int level);
  deflater(const deflater&) = delete;
  deflater& operator=(const deflater&) = delete;
  ~deflater() { ::deflateEnd(&stream_); }

  /// Turns the input into output that can be appended to the output of the block before: raw
  /// deflate data up to a byte boundary, or up to the end of the stream if it is the last.
  void compress(block& piece);

 private:
  z_stream stream_{};
};

}  // namespace sluicez
