// What a thread needs to be the owner of locks that lean to it (home_lock.hpp): a number, and a
// word in which it says where it is inside, both where they can be reached without a call.
#pragma once

#include <cstdint>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

struct alignas(cache_line) owner {
  /// From first_owner on; 0: of all those who cannot be owners.
  std::uint32_t number = 0;
  /// Of which it is inside. Written by the thread; read by guests.
  atomic<const void*> inside{nullptr};
};
inline constexpr std::uint32_t first_owner = 3;

/// Read by functions that are never inlined, before anything may switch: nowhere else may an
/// address of this thread stay in a register.
[[gnu::tls_model("initial-exec")]] SLUICE_API extern thread_local constinit owner* owner_of_thread;

/// That of the running thread.
[[nodiscard]] [[gnu::always_inline]] inline owner& this_owner() noexcept {
  return *owner_of_thread;
}

/// Whose number that is, or was: it lives as long as the program.
[[nodiscard]] owner& owner_with(std::uint32_t number) noexcept;

/// While it lives its thread can be an owner, unless there are too many already. Of one that has
/// ended another may have the number, and what was at home with it is so with the other.
class ownership {
 public:
  ownership() noexcept;
  ownership(const ownership&) = delete;
  ownership& operator=(const ownership&) = delete;
  ~ownership();
};

}  // namespace sluice::detail
