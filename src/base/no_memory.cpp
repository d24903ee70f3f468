// Where it is thrown, once for all headers.
#include "sluice/detail/base/no_memory.hpp"

#include <stdexcept>

namespace sluice::detail {

no_memory::~no_memory() = default;

void throw_no_memory(const char* what) { throw no_memory(what); }
void throw_too_long(const char* what) { throw std::length_error(what); }

}  // namespace sluice::detail
