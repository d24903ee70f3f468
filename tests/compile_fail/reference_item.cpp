// A channel has items of its own; the message names what to use for a reference.
// says: use a pointer for a reference
#include "sluice/channel.hpp"

void use() {
#ifdef SLUICE_BREAK
  const sluice::channel<int&> ch;
#else
  const sluice::channel<int*> ch;
#endif
  ch.close();
}
