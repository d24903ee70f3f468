// gather of a range returns a vector, which cannot hold references.
// says: let the functions return pointers
#include <vector>

#include "sluice/gather.hpp"

int number = 0;

void use() {
#ifdef SLUICE_BREAK
  const auto one = []() -> int& { return number; };
#else
  const auto one = []() -> int* { return &number; };
#endif
  static_cast<void>(sluice::gather(std::vector(3, one)));
}
