// A guard without a name would close here and now.
// says: nodiscard
// says: temporary of type 'sluice::close_on_exit<
#include "sluice/channel.hpp"
#include "sluice/close.hpp"

void use(const sluice::channel<int>& ch) {
#ifdef SLUICE_BREAK
  sluice::close_on_exit{ch};
#else
  const sluice::close_on_exit done{ch};
#endif
}
