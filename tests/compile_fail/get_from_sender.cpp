// A sender has no getting half.
// says: get
#include "sluice/handles.hpp"

int use(const sluice::sender<int>& tx, const sluice::receiver<int>& rx) {
  tx.put(1);
#ifdef SLUICE_BREAK
  return tx.get();
#else
  return rx.get();
#endif
}
