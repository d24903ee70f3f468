// true is no capacity.
// says: no matching function
// says: no matching constructor
#include "sluice/channel.hpp"

void use() {
#ifdef SLUICE_BREAK
  const sluice::channel<int> ch{true};
#else
  const sluice::channel<int> ch{1};
#endif
  ch.close();
}
