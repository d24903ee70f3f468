// The line: what one block passes through.
//
//   reader  -->  compressing fibers  -->  writer
//      ^                                      |
//      +------------ spare blocks ------------+
//
// Reader and writer are fibers, which take turns with the others on the CPUs that the user
// allows: a thread more would interrupt a worker for each block. But what may wait for somebody
// else, as at a pipe, is done by a thread: the writer is the caller then.
//
// I1 At most `block_limit` blocks exist, so memory does not grow with the input, and a slow stage
//    slows down those before it.
// I2 The writer always gets the block that it waits for: blocks enter the line in their order, so
//    the first that is not yet written is being compressed or waits for nobody.
// I3 The end and errors run down the line, in the order of the blocks. When the writer fails, the
//    flow that goes stops the stages, a read that waits included, and waits for them.
#include "compress.hpp"

#include <sys/resource.h>
#include <zlib.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <utility>

#include "block.hpp"
#include "errors.hpp"
#include "pool.hpp"
#include "reading.hpp"

namespace sluicez {
namespace {

using block_ptr = pool<block>::pointer;

/// Two for each fiber, so that none waits for the next, and some on the way in and out.
std::size_t block_limit(int fibers) { return 2 * static_cast<std::size_t>(fibers) + 4; }

/// Stage 1: cuts the input into blocks. Needs to see whether another follows.
void read_blocks(source& from, pool<block>& spare, const sluice::channel<block_ptr>& blocks) {
  block_ptr current = spare.take();
  current->read(from);
  while (current->full()) {
    block_ptr next = spare.take();
    next->follow(*current);
    next->read(from);
    if (next->input().empty()) break;
    blocks << std::move(current);
    current = std::move(next);
  }
  current->last = true;
  blocks << std::move(current);
}

/// Stage 3: writes blocks and sums them up.
class block_writer {
 public:
  block_writer(sink& to, std::size_t block_bytes)
      : to_(to),
        block_bytes_(block_bytes),
        append_block_(::crc32_combine_gen(static_cast<z_off_t>(block_bytes))) {}

  void write(const block& piece) {
    to_.write(piece.output());
    const std::size_t size = piece.input().size();
    crc = static_cast<std::uint32_t>(
        size == block_bytes_ ? ::crc32_combine_op(crc, piece.crc, append_block_)
                             : ::crc32_combine(crc, piece.crc, static_cast<z_off_t>(size)));
    in_bytes += size;
  }

  std::uint64_t in_bytes = 0;
  std::uint32_t crc = 0;

 private:
  sink& to_;
  const std::size_t block_bytes_;
  const uLong append_block_;
};

/// `write` as a fiber. Where the user's limit forbids a file to grow, the kernel sends a signal to
/// the thread that writes; the workers take none, so it is the caller who gets it.
void write_on(sluice::runtime& workers, const auto& write) {
  try {
    workers.run(write);
  } catch (const output_error& error) {
    rlimit most{};
    const bool limited = ::getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur != RLIM_INFINITY;
    if (error.code == EFBIG && limited) (void)std::raise(SIGXFSZ);
    throw;
  }
}

}  // namespace

packed compress(source& from, sink& to, const header& head, const options& how,
                sluice::runtime& workers, progress& seen) {
  pool<block> spare(block_limit(how.workers),
                    [&] { return std::make_unique<block>(how.block_bytes); });
  const sluice::fiber_local<std::unique_ptr<deflater>> deflating(
      [&] { return std::make_unique<deflater>(how.level); });
  const auto deflate = [&](block_ptr piece) {
    (*deflating)->compress(*piece);
    return piece;
  };
  const sluice::pipeline::stage_options in_order{
      .workers = how.workers, .capacity = spare.limit(), .name = "compress"};

  block_writer writer(to, how.block_bytes);
  to.write(encode(head, how.level));
  auto compressed = workers.run([&] {
    const reader who = from.may_wait() ? reader::thread : reader::fiber;
    return reading(from, spare, who, read_blocks) | sluice::pipeline::transform(in_order, deflate);
  });
  const auto write_all = [&] {
    for (block_ptr& piece : compressed) {
      writer.write(*piece);
      spare.give(std::move(piece));
      seen.advance_to(writer.in_bytes);
    }
  };
  to.may_wait() ? write_all() : write_on(workers, write_all);
  to.write(encode(trailer{writer.crc, static_cast<std::uint32_t>(writer.in_bytes)}));
  return {writer.in_bytes, to.written()};
}

}  // namespace sluicez
