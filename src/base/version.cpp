// version.cpp: the version of the compiled library.
//
// Defined here and not in the header, so that the answer is the library's and not the caller's.
// The build checks version.hpp against the project's version in meson.build; the assertion below
// checks the string in it against its numbers.
#include <sluice/version.hpp>

#define SLUICE_QUOTE(x) #x
#define SLUICE_DOTTED(major, minor, patch) \
  SLUICE_QUOTE(major) "." SLUICE_QUOTE(minor) "." SLUICE_QUOTE(patch)

namespace sluice {

static_assert(std::string_view{SLUICE_VERSION_STRING} ==
                  SLUICE_DOTTED(SLUICE_VERSION_MAJOR, SLUICE_VERSION_MINOR, SLUICE_VERSION_PATCH),
              "version.hpp: SLUICE_VERSION_STRING disagrees with the numbers above it");

std::string_view version() noexcept { return SLUICE_VERSION_STRING; }

}  // namespace sluice
