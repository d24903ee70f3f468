// What happens to those who find the lock of a shared object held.
#include "sluice/detail/base/short_lock.hpp"

#include "sluice/detail/base/progress.hpp"

namespace sluice::detail {

[[gnu::cold]] void object_lock::lock_when_free() noexcept {
  count_lost_race();
  short_lock::lock();
}

}  // namespace sluice::detail
