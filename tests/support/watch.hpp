// What every test program has: a seed, a watchdog, and a word for what is being tried.
//
// The watchdog ends a program in which nothing has gone on for a while: it says what was being
// tried, dumps every runtime that was shown to it, and aborts. A hang is a failure that explains
// itself, not a timeout. Defined in main.cpp; any strand may call anything here.
#pragma once

#include <cstdint>
#include <functional>
#include <ostream>
#include <random>
#include <string>
#include <string_view>

namespace test {

/// The program's seed: SLUICE_SEED, else a fresh one. Printed at the start.
[[nodiscard]] std::uint64_t seed() noexcept;

/// Numbers that differ from place to place and repeat with the seed.
using random = std::mt19937_64;
[[nodiscard]] inline random random_for(std::string_view place, std::uint64_t strand = 0) {
  const std::uint64_t mixed = seed() + 0x9e3779b97f4a7c15 * (strand + 1);
  return random(mixed ^ std::hash<std::string_view>()(place));
}

/// Tells the watchdog that something goes on.
void progress() noexcept;

/// Adds to what the report of a failed check or of the watchdog says, while it lives. The checks
/// of other strands are reported with it too, which doctest's own INFO cannot do.
class situation {
 public:
  explicit situation(std::string text);
  situation(const situation&) = delete;
  situation& operator=(const situation&) = delete;
  ~situation();
};

/// What the watchdog calls before it aborts, while it lives.
class dumper {
 public:
  explicit dumper(std::function<void(std::ostream&)> dump);
  dumper(const dumper&) = delete;
  dumper& operator=(const dumper&) = delete;
  ~dumper();

 private:
  std::function<void(std::ostream&)>* dump_;
};

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool under_asan = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool under_asan = true;
#else
inline constexpr bool under_asan = false;
#endif
#else
inline constexpr bool under_asan = false;
#endif

#if defined(__SANITIZE_THREAD__)
inline constexpr bool under_tsan = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool under_tsan = true;
#else
inline constexpr bool under_tsan = false;
#endif
#else
inline constexpr bool under_tsan = false;
#endif

/// 1, or how much slower a sanitizer makes this program.
inline constexpr int slowness = under_asan || under_tsan ? 4 : 1;

}  // namespace test
