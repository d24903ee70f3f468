// The answer of a get converts to bool where one is asked for, and to nothing by itself.
// says: cannot convert
// says: no viable conversion
#include "sluice/channel.hpp"

bool get_one(const sluice::channel<int>& ch, int& item) {
#ifdef SLUICE_BREAK
  const bool there = ch >> item;
#else
  const bool there{ch >> item};
#endif
  return there;
}
