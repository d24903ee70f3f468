// sluice/version.hpp: which release these headers are, and which one the library is.
//
// The macros are what the user compiled against; version() is what was linked. They differ when
// a program runs with another libsluice.so than the one it was built with:
//
//   if (sluice::version() != SLUICE_VERSION_STRING) ...
#pragma once

#include <sluice/export.hpp>
#include <string_view>

#define SLUICE_VERSION_MAJOR 0
#define SLUICE_VERSION_MINOR 1
#define SLUICE_VERSION_PATCH 0

/// One number that grows with every release: major * 10000 + minor * 100 + patch.
#define SLUICE_VERSION \
  (SLUICE_VERSION_MAJOR * 10000 + SLUICE_VERSION_MINOR * 100 + SLUICE_VERSION_PATCH)

/// "major.minor.patch"; the build checks that it agrees with the numbers above.
#define SLUICE_VERSION_STRING "0.1.0"

namespace sluice {

/// The version of the library that was linked, as SLUICE_VERSION_STRING spells it.
/// Never waits, never throws, any strand may call it.
[[nodiscard]] SLUICE_API std::string_view version() noexcept;

}  // namespace sluice
