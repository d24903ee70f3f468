// CRC-32 as gzip uses it: zlib's answers, at three times zlib's speed where the processor
// can multiply polynomials.
#pragma once

#include <cstdint>

#include "io.hpp"

namespace sluicez {

/// Continues `crc` (0 at the start) over `bytes`. Any thread.
std::uint32_t crc32_of(std::uint32_t crc, const_byte_span bytes) noexcept;

}  // namespace sluicez
