// sluice/export.hpp: marks what the library exports.
//
// The library is compiled with -fvisibility=hidden, so only what bears SLUICE_API leaves
// libsluice.so. On ELF the same mark serves the library, its users and the static archive alike:
// nothing has to be defined to link statically. Mark functions and classes that are defined in
// src/ and named by a public header, and every exception class (so that a type thrown in one
// shared object is caught in another). Templates and inline functions need no mark.
#pragma once

#if defined(__GNUC__)
#define SLUICE_API __attribute__((visibility("default")))
#else
#define SLUICE_API
#endif
