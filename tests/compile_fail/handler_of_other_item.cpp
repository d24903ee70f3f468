// The handler of a get case takes the channel's items, or results of them.
// says: sluice: the handler of on_get takes the item (T) or a sluice::result<T>
#include "sluice/select.hpp"

struct other {};

std::size_t use(const sluice::channel<int>& ch) {
#ifdef SLUICE_BREAK
  return sluice::select(sluice::on_get(ch, [](other) {}));
#else
  return sluice::select(sluice::on_get(ch, [](int) {}));
#endif
}
