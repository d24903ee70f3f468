// The line: what one block passes through.
//
//   reader  --work-->  compressing fibers  --done-->  ordered writer
//      ^                                                    |
//      +--------------------- spare blocks -----------------+
//
// The reader is a thread, because reading may wait in the kernel; the writer is the caller's.
//
// I1 At most `block_limit` blocks exist, so memory does not grow with the input, and a slow stage
//    slows down those before it.
// I2 The writer always gets the block that it waits for: blocks enter `work` in their order, so
//    the lowest number that is not yet written is being compressed or waits for nobody.
// I3 The end cascades: the reader closes `work`, and the last compressing fiber's handle `done`.
//    An error cascades likewise, as the cause of the close, and surfaces in the writer. When the
//    writer fails, or ends, ~line closes everything and waits for all.
#include "compress.hpp"

#include <zlib.h>

#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "block.hpp"
#include "pool.hpp"
#include "signals.hpp"

namespace sluicez {
namespace {

using block_ptr = pool<block>::pointer;

/// Two for each fiber, so that none waits for the next, and some on the way in and out.
std::size_t block_limit(int fibers) { return 2 * static_cast<std::size_t>(fibers) + 4; }

/// Stage 1: cuts the input into blocks. Needs to see whether another follows.
void read_blocks(source& from, pool<block>& spare, const sluice::channel<block_ptr>& work) {
  block_ptr current = spare.take();
  current->read(from);
  while (current->full()) {
    block_ptr next = spare.take();
    next->follow(*current);
    next->read(from);
    if (next->input().empty()) break;
    work << std::move(current);
    current = std::move(next);
  }
  current->last = true;
  work << std::move(current);
}

/// Stage 2, several fibers: deflates blocks in any order.
void compress_blocks(int level, sluice::channel<block_ptr> work, sluice::sender<block_ptr> done) {
  try {
    std::optional<deflater> deflating;  // 256 KiB, which a short input needs only once
    for (block_ptr& piece : work) {
      if (!deflating) deflating.emplace(level);
      deflating->compress(*piece);
      done << std::move(piece);
    }
  } catch (...) {
    done.close(std::current_exception());
  }
}

/// Stage 3: puts blocks back into their order.
class ordered_writer {
 public:
  ordered_writer(sink& to, std::size_t limit, std::size_t block_bytes)
      : to_(to),
        early_(limit),
        block_bytes_(block_bytes),
        append_block_(::crc32_combine_gen(static_cast<z_off_t>(block_bytes))) {}

  /// Writes all blocks until `done` ends; returns them to `spare`.
  void write_all(const sluice::receiver<block_ptr>& done, pool<block>& spare, progress& seen) {
    for (block_ptr& piece : done) {
      place(piece->number) = std::move(piece);
      while (place(next_) != nullptr) {
        block_ptr turn = std::move(place(next_));
        ++next_;
        write(*turn);
        spare.give(std::move(turn));
        seen.advance_to(in_bytes);
      }
    }
  }

  std::uint64_t in_bytes = 0;
  std::uint32_t crc = 0;

 private:
  /// Where block `number` waits for its turn: no two that exist at once share a place.
  block_ptr& place(std::uint64_t number) { return early_[number % early_.size()]; }

  void write(const block& piece) {
    to_.write(piece.output());
    const std::size_t size = piece.input().size();
    crc = static_cast<std::uint32_t>(
        size == block_bytes_ ? ::crc32_combine_op(crc, piece.crc, append_block_)
                             : ::crc32_combine(crc, piece.crc, static_cast<z_off_t>(size)));
    in_bytes += size;
  }

  sink& to_;
  std::vector<block_ptr> early_;
  std::uint64_t next_ = 0;
  const std::size_t block_bytes_;
  const uLong append_block_;
};

/// The strands and channels of one run. The destructor ends what still runs.
class line {
 public:
  line(source& from, const options& how, sluice::runtime& workers)
      : from_(from),
        limit_(block_limit(how.workers)),
        spare_(limit_, [&how] { return std::make_unique<block>(how.block_bytes); }),
        work_(limit_, {.name = "work"}) {
    auto [done, blocks] = sluice::make_channel<block_ptr>(limit_, {.name = "done"});
    done_.emplace(std::move(blocks));
    try {
      for (int i = 0; i < how.workers; ++i) {
        compressing_.push_back(workers.go(sluice::fiber_options{.name = "compress"},
                                          compress_blocks, how.level, work_, done));
      }
      reading_ = start_thread([this] { read_to_the_end(); });
    } catch (...) {
      stop();
      throw;
    }
  }
  line(const line&) = delete;
  line& operator=(const line&) = delete;
  ~line() { stop(); }

  void write_all(ordered_writer& writer, progress& seen) { writer.write_all(*done_, spare_, seen); }
  [[nodiscard]] std::size_t limit() const { return limit_; }

 private:
  void read_to_the_end() {
    try {
      sluice::close_after(work_, [this] { read_blocks(from_, spare_, work_); });
    } catch (...) {
      // It has become the cause of the close.
    }
  }

  void stop() {
    from_.stop();
    spare_.close();
    work_.close();
    done_->close();
    for (auto& fiber : compressing_) fiber.join();
    if (reading_.joinable()) reading_.join();
  }

  source& from_;
  const std::size_t limit_;
  pool<block> spare_;
  sluice::channel<block_ptr> work_;
  std::optional<sluice::receiver<block_ptr>> done_;
  std::vector<sluice::task<void>> compressing_;
  std::jthread reading_;
};

}  // namespace

packed compress(source& from, sink& to, const header& head, const options& how,
                sluice::runtime& workers, progress& seen) {
  line running(from, how, workers);
  ordered_writer writer(to, running.limit(), how.block_bytes);
  to.write(encode(head, how.level));
  running.write_all(writer, seen);
  to.write(encode(trailer{writer.crc, static_cast<std::uint32_t>(writer.in_bytes)}));
  return {writer.in_bytes, to.written()};
}

}  // namespace sluicez
