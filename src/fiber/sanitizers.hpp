// Which sanitizers this build runs under, and the doors to them. Without one, all of it is empty.
//
// Valgrind is no matter of the build: its requests are a few instructions that do nothing outside
// it. They are left out where its header is not installed.
//
// In ThreadSanitizer's precise mode (sluice/detail/base/edges.hpp) this library is not
// instrumented, but tells it of its fibers all the same.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define SLUICE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLUICE_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define SLUICE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLUICE_TSAN 1
#endif
#endif

#if defined(SLUICE_PRECISE_RACES)
#define SLUICE_PRECISE 1
#define SLUICE_TSAN 1
#else
#define SLUICE_PRECISE 0
#endif

#ifndef SLUICE_ASAN
#define SLUICE_ASAN 0
#endif
#ifndef SLUICE_TSAN
#define SLUICE_TSAN 0
#endif

#if SLUICE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#if SLUICE_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#define SLUICE_VALGRIND 1
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef SLUICE_VALGRIND
#define SLUICE_VALGRIND 0
#endif
