// What a fuzzed program and the two ways to drive it know of each other.
//
// A harness (unzip_fuzz.cpp, channel_fuzz.cpp) defines `check` and `repair`. libFuzzer drives it
// through libfuzzer.cpp; seeded.cpp is a plain program with random inputs, for the usual tests.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

namespace fuzz {

/// Does what the input says, and compares all that can be seen with a model. Fails if it differs.
/// One input at a time; the same input does the same each time.
void check(std::span<const unsigned char> input);

/// After a blind change: makes right again what no blind change can, such as checksums.
void repair(std::span<unsigned char> input);

/// Says what is wrong and aborts, which both drivers take for a find.
[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "fuzz: %s\n", what.c_str());
  std::abort();
}

}  // namespace fuzz
