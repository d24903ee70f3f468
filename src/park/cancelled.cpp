// What stops a strand at the head of an operation, in words.
#include "sluice/cancelled.hpp"

#include <stdexcept>

namespace sluice {

cancelled::~cancelled() = default;

const char* cancelled::what() const noexcept {
  return "sluice: the fiber's stop was requested; let `cancelled` pass on to end it";
}

namespace detail {

void throw_cancelled() { throw cancelled(); }

void throw_forked() {
  throw std::logic_error(
      "sluice: this process was forked from one that used the library; only fork and exec works");
}

}  // namespace detail
}  // namespace sluice
