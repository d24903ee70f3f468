#include "fuzz.hpp"
void fuzz::check(std::span<const unsigned char>) {}
void fuzz::repair(std::span<unsigned char>) {}
