// An item whose move may throw is refused by each constructor: bounded.
// says: must be nothrow move constructible
#include <memory>

#include "sluice/channel.hpp"

struct item {
  item() = default;
  item(item&&) noexcept(false) {}
  item& operator=(item&&) noexcept { return *this; }
};

void use() {
#ifdef SLUICE_BREAK
  const sluice::channel<item> ch(3);
#else
  const sluice::channel<std::unique_ptr<item> > ch;
#endif
  ch.close();
}
