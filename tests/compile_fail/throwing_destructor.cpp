// An item whose destructor may throw; the message names the way out.
// says: must be nothrow destructible
// says: must be nothrow move constructible
#include <memory>

#include "sluice/channel.hpp"

struct item {
  item() = default;
  item(item&&) noexcept {}
  ~item() noexcept(false) {}
};

void use() {
#ifdef SLUICE_BREAK
  const sluice::channel<item> ch;
#else
  const sluice::channel<int> ch;
#endif
  ch.close();
}
