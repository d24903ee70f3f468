// A receiver has no putting half.
// says: put
#include "sluice/handles.hpp"

void use(const sluice::sender<int>& tx, const sluice::receiver<int>& rx) {
  rx.close();
#ifdef SLUICE_BREAK
  rx.put(1);
#else
  tx.put(1);
#endif
}
