// The bytes are a polynomial over GF(2), and the CRC is its remainder modulo P. Taking x^n modulo
// P instead of x^n itself leaves the remainder as it is. So 16 bytes can be moved n bits ahead, on
// top of the bytes that stand there, by multiplying their halves with two constants: "folding".
// Four lanes of 16 bytes are folded 64 bytes ahead each, over and over; at last into one lane,
// whose remainder zlib computes, together with the bytes that fill no lane.
//
// Bits are reflected: the lowest bit of the first byte is the highest power of x. A product of two
// reflected numbers comes out one bit too low, which the constants make good by a shift.
#include "crc.hpp"

#include <zlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sluicez {
namespace {

std::uint32_t crc32_of_zlib(std::uint32_t crc, const_byte_span bytes) noexcept {
  return static_cast<std::uint32_t>(::crc32_z(crc, bytes.data(), bytes.size()));
}

#if defined(__x86_64__)

constexpr std::uint32_t reflected_polynomial = 0xedb88320;
constexpr std::size_t lane_bytes = 16;
constexpr std::size_t stride = 4 * lane_bytes;
/// Below this, zlib is as good.
constexpr std::size_t worth_it = 256;

/// x^n modulo P, reflected, and shifted as a factor has to be.
constexpr std::uint64_t power_of_x(unsigned n) {
  std::uint32_t power = 0x80000000;  // x^0
  for (; n > 0; --n) power = (power >> 1) ^ ((power & 1) != 0 ? reflected_polynomial : 0);
  return static_cast<std::uint64_t>(power) << 1;
}

/// The factors that move a lane `bytes` ahead: its low half holds the higher powers. The product
/// with a 32-bit constant lands 32 bits from where it belongs.
template <std::size_t Bytes>
struct distance {
  static constexpr auto low = static_cast<long long>(power_of_x(8 * Bytes + 32));
  static constexpr auto high = static_cast<long long>(power_of_x(8 * Bytes - 32));
};

#define SLUICEZ_FOLDING __attribute__((target("pclmul,sse4.1"), always_inline)) inline

SLUICEZ_FOLDING __m128i load(const unsigned char* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

template <std::size_t Bytes>
SLUICEZ_FOLDING __m128i fold(__m128i lane, __m128i onto) {
  const __m128i factors = _mm_set_epi64x(distance<Bytes>::high, distance<Bytes>::low);
  const __m128i low = _mm_clmulepi64_si128(lane, factors, 0x00);
  const __m128i high = _mm_clmulepi64_si128(lane, factors, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), onto);
}

/// At least `stride` bytes.
__attribute__((target("pclmul,sse4.1"))) std::uint32_t crc32_of_folding(
    std::uint32_t crc, const_byte_span bytes) noexcept {
  const unsigned char* at = bytes.data();
  const unsigned char* const end = at + bytes.size();
  __m128i a = _mm_xor_si128(load(at), _mm_cvtsi32_si128(static_cast<int>(~crc)));
  __m128i b = load(at + lane_bytes);
  __m128i c = load(at + 2 * lane_bytes);
  __m128i d = load(at + 3 * lane_bytes);
  for (at += stride; static_cast<std::size_t>(end - at) >= stride; at += stride) {
    a = fold<stride>(a, load(at));
    b = fold<stride>(b, load(at + lane_bytes));
    c = fold<stride>(c, load(at + 2 * lane_bytes));
    d = fold<stride>(d, load(at + 3 * lane_bytes));
  }
  alignas(lane_bytes) unsigned char lane[lane_bytes];
  const __m128i all = fold<lane_bytes>(fold<lane_bytes>(fold<lane_bytes>(a, b), c), d);
  _mm_store_si128(reinterpret_cast<__m128i*>(lane), all);
  // The start value is in the lane already: zlib is to begin with none, which it calls all ones.
  return crc32_of_zlib(crc32_of_zlib(0xffffffff, lane), {at, end});
}

#endif

}  // namespace

std::uint32_t crc32_of(std::uint32_t crc, const_byte_span bytes) noexcept {
#if defined(__x86_64__)
  static const bool folds = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
  if (folds && bytes.size() >= worth_it) return crc32_of_folding(crc, bytes);
#endif
  return crc32_of_zlib(crc, bytes);
}

}  // namespace sluicez
