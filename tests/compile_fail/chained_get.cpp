// Gets do not chain: the second one would run although the first found the end.
// says: no match for
// says: invalid operands
#include "sluice/channel.hpp"

void get_two(const sluice::channel<int>& ch, int& a, int& b) {
#ifdef SLUICE_BREAK
  static_cast<void>(ch >> a >> b);
#else
  static_cast<void>(static_cast<bool>(ch >> a) && static_cast<bool>(ch >> b));
#endif
}
