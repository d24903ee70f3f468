// How the library says that there is no memory: a std::bad_alloc with the call and what to do.
#pragma once

#include <new>

#include "sluice/export.hpp"

namespace sluice::detail {

/// Keeps a pointer only: where memory has run out nothing can be put together.
class SLUICE_API no_memory : public std::bad_alloc {
 public:
  explicit no_memory(const char* what) noexcept : what_(what) {}
  no_memory(const no_memory&) noexcept = default;
  no_memory& operator=(const no_memory&) noexcept = default;
  ~no_memory() override;
  [[nodiscard]] const char* what() const noexcept override { return what_; }

 private:
  const char* what_;
};

/// Throws no_memory. The text is a literal.
[[noreturn]] SLUICE_API void throw_no_memory(const char* what);

/// Throws std::length_error: what cannot even be represented.
[[noreturn]] SLUICE_API void throw_too_long(const char* what);

}  // namespace sluice::detail
