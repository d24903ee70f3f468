// Compressing one input into one gzip member, on several CPUs.
#pragma once

#include <cstdint>
#include <sluice/sluice.hpp>

#include "format.hpp"
#include "io.hpp"
#include "options.hpp"
#include "progress.hpp"

namespace sluicez {

struct packed {
  std::uint64_t in_bytes = 0;
  std::uint64_t out_bytes = 0;
};

/// Reads `from` to its end and writes a member with that header. The bytes written depend on the
/// level and the block size, not on the workers. Throws input_error, output_error, std::bad_alloc;
/// nothing of it runs on afterwards.
packed compress(source& from, sink& to, const header& head, const options& how,
                sluice::runtime& workers, progress& seen);

}  // namespace sluicez
