#include "block.hpp"

#include <libdeflate.h>

#include <cstring>
#include <new>
#include <stdexcept>

namespace sluicez {
namespace {

/// How far deflate can refer back.
constexpr std::size_t window_limit = 32 * 1024;
/// Beyond zlib's bound: the empty stored block that leads to a byte boundary.
constexpr std::size_t flush_bytes = 16;
constexpr int raw_deflate = -15;
constexpr int usual_memory = 8;

std::size_t output_limit(std::size_t in_bytes) { return ::compressBound(in_bytes) + flush_bytes; }

}  // namespace

block::block(std::size_t most_bytes)
    : most_bytes_(most_bytes),
      input_(std::make_unique_for_overwrite<unsigned char[]>(window_limit + most_bytes)),
      output_(std::make_unique_for_overwrite<unsigned char[]>(output_limit(most_bytes))) {}

unsigned char* block::middle() const noexcept { return input_.get() + window_limit; }

const_byte_span block::window() const noexcept { return {middle() - window_bytes_, window_bytes_}; }

const_byte_span block::input() const noexcept { return {middle(), in_bytes_}; }

byte_span block::output_room() noexcept { return {output_.get(), output_limit(most_bytes_)}; }

void block::follow(const block& before) noexcept {
  last = false;
  window_bytes_ = window_limit;  // blocks are never smaller, and only the last is not full
  std::memcpy(middle() - window_bytes_, before.middle() + before.in_bytes_ - window_bytes_,
              window_bytes_);
}

void block::read(source& from) { in_bytes_ = from.read({middle(), most_bytes_}); }

deflater::deflater(int level) {
  if (::deflateInit2(&stream_, level, Z_DEFLATED, raw_deflate, usual_memory, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    throw std::bad_alloc();
  }
}

void deflater::compress(block& piece) {
  const auto window = piece.window();
  const auto input = piece.input();
  const auto room = piece.output_room();
  ::deflateReset(&stream_);
  if (!window.empty()) {
    ::deflateSetDictionary(&stream_, window.data(), static_cast<uInt>(window.size()));
  }
  stream_.next_in = const_cast<unsigned char*>(input.data());
  stream_.avail_in = static_cast<uInt>(input.size());
  stream_.next_out = room.data();
  stream_.avail_out = static_cast<uInt>(room.size());
  const int answer = ::deflate(&stream_, piece.last ? Z_FINISH : Z_SYNC_FLUSH);
  if (answer != (piece.last ? Z_STREAM_END : Z_OK) || stream_.avail_out == 0) {
    throw std::logic_error("deflate needs more room than its bound");
  }
  piece.out_bytes = room.size() - stream_.avail_out;
  piece.crc = ::libdeflate_crc32(0, input.data(), input.size());
}

}  // namespace sluicez
