// deflate_baseline: what compressing a file costs one thread, from memory to memory.
//
// The raw limit beside sluicez: the same blocks of 128 KiB, each primed with the 32 KiB before it
// and flushed to a byte boundary, its CRC-32 computed and combined; no reading, no writing, no
// other thread. bench/sluicez_speed runs it.
//
// usage: deflate_baseline [-LEVEL] FILE
// prints: SECONDS INPUT_BYTES OUTPUT_BYTES CRC

#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t block_bytes = 128 * 1024;
constexpr std::size_t window_bytes = 32 * 1024;

using bytes = std::span<unsigned char>;

std::vector<unsigned char> read_all(const char* path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) throw std::runtime_error(std::string("cannot open ") + path);
  std::vector<unsigned char> all(static_cast<std::size_t>(in.tellg()));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(all.data()), static_cast<std::streamsize>(all.size()));
  if (!in) throw std::runtime_error(std::string("cannot read ") + path);
  return all;
}

/// Compresses one block into `out`; returns how many bytes that took.
std::size_t deflate_block(z_stream& stream, bytes window, bytes block, bytes out, int flush) {
  deflateReset(&stream);
  if (!window.empty()) {
    deflateSetDictionary(&stream, window.data(), static_cast<uInt>(window.size()));
  }
  stream.next_in = block.data();
  stream.avail_in = static_cast<uInt>(block.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const int answer = deflate(&stream, flush);
  if (answer != (flush == Z_FINISH ? Z_STREAM_END : Z_OK) || stream.avail_in != 0) {
    throw std::runtime_error("deflate failed");
  }
  return out.size() - stream.avail_out;
}

struct outcome {
  std::size_t out_bytes = 0;
  uLong crc = 0;
};

outcome compress(z_stream& stream, bytes all, bytes out) {
  outcome sum;
  sum.crc = crc32(0, nullptr, 0);
  const uLong combine = crc32_combine_gen(static_cast<z_off_t>(block_bytes));
  for (std::size_t at = 0; at < all.size(); at += block_bytes) {
    const std::size_t size = std::min(block_bytes, all.size() - at);
    const std::size_t before = std::min(window_bytes, at);
    const bool last = at + size == all.size();
    sum.out_bytes += deflate_block(stream, all.subspan(at - before, before), all.subspan(at, size),
                                   out, last ? Z_FINISH : Z_SYNC_FLUSH);
    const uLong crc = crc32(0, all.data() + at, static_cast<uInt>(size));
    sum.crc = size == block_bytes ? crc32_combine_op(sum.crc, crc, combine)
                                  : crc32_combine(sum.crc, crc, static_cast<z_off_t>(size));
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const bool levelled = argc == 3 && std::string_view(argv[1]).starts_with('-');
  if (argc != 2 && !levelled) {
    std::fprintf(stderr, "usage: deflate_baseline [-LEVEL] FILE\n");
    return 2;
  }
  try {
    const int level = levelled ? std::atoi(argv[1] + 1) : 6;
    std::vector<unsigned char> all = read_all(argv[argc - 1]);
    z_stream stream{};
    if (deflateInit2(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::runtime_error("no such level, or no memory");
    }
    std::vector<unsigned char> out(deflateBound(&stream, block_bytes) + 16);
    const auto begin = std::chrono::steady_clock::now();
    const outcome sum = compress(stream, all, out);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    deflateEnd(&stream);
    std::printf("%.4f %zu %zu %08lx\n", taken.count(), all.size(), sum.out_bytes, sum.crc);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "deflate_baseline: %s\n", error.what());
    return 1;
  }
}
