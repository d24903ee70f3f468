// An iterator of a channel holds an item and cannot be copied.
// says: deleted
#include "sluice/channel.hpp"

void use(const sluice::channel<int>& ch) {
  auto first = ch.begin();
#ifdef SLUICE_BREAK
  auto second = first;
#else
  auto second = std::move(first);
#endif
  static_cast<void>(second);
}
