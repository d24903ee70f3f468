// What the primitives of this room throw when they are misused.
#include <stdexcept>
#include <string>

#include "sluice/detail/sync/entry.hpp"

namespace sluice::detail {

void throw_misused(const char* operation, const char* what) {
  throw std::logic_error(std::string("sluice: ") + operation + ": " + what);
}

}  // namespace sluice::detail
