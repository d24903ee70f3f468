// The owners: a table of fixed size, so that a number says where its owner is.
#include "sluice/detail/base/owner.hpp"

#include <array>
#include <mutex>

namespace sluice::detail {
namespace {

constexpr std::size_t most_owners = 512;

constinit owner no_owner;
constinit std::array<owner, most_owners> owners;
constinit std::mutex given_lock;
/// Under the lock. Which numbers are given.
constinit std::array<bool, most_owners> given{};

}  // namespace

thread_local constinit owner* owner_of_thread = &no_owner;

owner& owner_with(std::uint32_t number) noexcept { return owners[number - first_owner]; }

[[gnu::noinline]] ownership::ownership() noexcept {
  const std::lock_guard guard(given_lock);
  for (std::size_t i = 0; i < most_owners; ++i) {
    if (given[i]) continue;
    given[i] = true;
    owners[i].number = static_cast<std::uint32_t>(i) + first_owner;
    owner_of_thread = &owners[i];
    return;
  }
}

[[gnu::noinline]] ownership::~ownership() {
  owner& mine = *owner_of_thread;
  if (&mine == &no_owner) return;
  const std::lock_guard guard(given_lock);
  given[mine.number - first_owner] = false;
  owner_of_thread = &no_owner;
}

}  // namespace sluice::detail
