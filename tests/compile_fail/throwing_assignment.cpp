// `ch >> item` assigns; where that may throw, get() is the way.
// says: needs a nothrow move assignment
#include "sluice/channel.hpp"

struct item {
  item() = default;
  item(item&&) noexcept {}
  item& operator=(item&&) noexcept(false) { return *this; }
};

void use(const sluice::channel<item>& ch) {
#ifdef SLUICE_BREAK
  item one;
  static_cast<void>(ch >> one);
#else
  const item one = ch.get();
  static_cast<void>(one);
#endif
}
