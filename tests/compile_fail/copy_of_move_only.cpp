// A move-only item is put by moving it; an lvalue is not silently moved from.
// says: cannot bind
// says: no matching member function
#include <memory>

#include "sluice/channel.hpp"

void use(const sluice::channel<std::unique_ptr<int>>& ch, std::unique_ptr<int>& item) {
#ifdef SLUICE_BREAK
  ch.put(item);
#else
  ch.put(std::move(item));
#endif
}
