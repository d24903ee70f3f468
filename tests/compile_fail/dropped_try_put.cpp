// The answer of a try_put must be looked at: the item may still be the caller's.
// says: nodiscard
#include "sluice/channel.hpp"

void use(const sluice::channel<int>& ch) {
#ifdef SLUICE_BREAK
  ch.try_put(1);
#else
  static_cast<void>(ch.try_put(1));
#endif
}
