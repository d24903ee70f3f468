// A get case needs a handle that gets.
// says: sluice: on_get takes a channel or a receiver
#include "sluice/handles.hpp"
#include "sluice/select.hpp"

std::size_t use(const sluice::sender<int>& tx, const sluice::receiver<int>& rx) {
#ifdef SLUICE_BREAK
  return sluice::select(sluice::on_get(tx, [](int) {}));
#else
  return sluice::select(sluice::on_put(tx, 1), sluice::on_get(rx, [](int) {}));
#endif
}
