// Guards: memory below a stack that faults when it is touched.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::detail {

/// From the best to none at all.
enum class guard_kind : std::uint8_t {
  madvise,   ///< MADV_GUARD_INSTALL (Linux 6.13): splits no mapping
  mprotect,  ///< splits mappings: ends near vm.max_map_count
  none,      ///< counted, and warned of once
};

[[nodiscard]] const char* to_string(guard_kind kind) noexcept;

/// Guards [at, at + size), both multiples of the page size, with the strongest kind that works and
/// is allowed; says which. Any thread.
[[nodiscard]] guard_kind install_guard(std::byte* at, std::size_t size) noexcept;

/// For tests: forbids the kinds before `kind` from now on.
void limit_guards(guard_kind kind) noexcept;

/// The size of a page.
[[nodiscard]] std::size_t page_size() noexcept;

}  // namespace sluice::detail
