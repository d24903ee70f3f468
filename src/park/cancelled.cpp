// What stops a strand at the head of an operation, in words.
#include "sluice/cancelled.hpp"

#include <stdexcept>
#include <string>

namespace sluice {

cancelled::~cancelled() = default;

const char* cancelled::what() const noexcept {
  return "sluice: the fiber's stop was requested; let `cancelled` pass on to end it";
}

namespace detail {

void throw_forked(const char* operation) {
  throw std::logic_error(std::string("sluice: ") + operation +
                         " in a process that was forked from one which used the library; "
                         "there only exec and _exit work");
}

}  // namespace detail
}  // namespace sluice
