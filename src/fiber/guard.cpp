// How guards are made, and how it is found out what the kernel can do.
#include "fiber/guard.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "sluice/detail/base/atomic.hpp"

namespace sluice::detail {
namespace {

constexpr int advice_guard_install = 102;

/// Written by limit_guards and by those who find a kind missing; only ever grows.
constinit atomic<guard_kind> strongest{guard_kind::madvise};

void forbid_before(guard_kind kind) noexcept {
  // order: relaxed, a hint: whoever still sees the stronger kind finds out for himself
  guard_kind seen = strongest.load(memory_order_relaxed);
  // order: relaxed, as above
  while (seen < kind &&
         !strongest.compare_exchange_weak(seen, kind, memory_order_relaxed, memory_order_relaxed)) {
  }
}

/// Would a touch of that byte fault? The kernel reads it for us and answers EFAULT.
bool faults(const std::byte* at) noexcept {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return true;  // cannot be told; the advice was accepted
  const bool fault = ::write(ends[1], at, 1) == -1 && errno == EFAULT;
  ::close(ends[0]);
  ::close(ends[1]);
  return fault;
}

/// Some emulators accept advice that they do not know: the first guard is tried out.
bool advice_is_heeded(const std::byte* guarded) noexcept {
  static const bool heeded = faults(guarded);
  return heeded;
}

bool install(guard_kind kind, std::byte* at, std::size_t size) noexcept {
  switch (kind) {
    case guard_kind::madvise:
      errno = 0;
      return ::madvise(at, size, advice_guard_install) == 0 && advice_is_heeded(at);
    case guard_kind::mprotect:
      return ::mprotect(at, size, PROT_NONE) == 0;
    case guard_kind::none:
      break;
  }
  return true;
}

}  // namespace

const char* to_string(guard_kind kind) noexcept {
  switch (kind) {
    case guard_kind::madvise:
      return "madvise";
    case guard_kind::mprotect:
      return "mprotect";
    case guard_kind::none:
      break;
  }
  return "none";
}

guard_kind install_guard(std::byte* at, std::size_t size) noexcept {
  const int kept = errno;
  // order: relaxed, see forbid_before
  guard_kind kind = strongest.load(memory_order_relaxed);
  while (!install(kind, at, size)) {
    const bool missing = kind == guard_kind::madvise && errno != ENOMEM && errno != EAGAIN;
    kind = static_cast<guard_kind>(static_cast<int>(kind) + 1);
    if (missing) forbid_before(kind);  // this kernel has none; a lack of memory may pass
  }
  errno = kept;
  return kind;
}

void limit_guards(guard_kind kind) noexcept { forbid_before(kind); }

std::size_t page_size() noexcept {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace sluice::detail
