// A channel of constants could not give its items away.
// says: non-const objects
#include "sluice/channel.hpp"

void use() {
#ifdef SLUICE_BREAK
  const sluice::channel<const int> ch;
#else
  const sluice::channel<int> ch;
#endif
  ch.close();
}
