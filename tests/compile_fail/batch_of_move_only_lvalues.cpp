// A batch moves from an rvalue container alone.
// says: no matching
#include <memory>
#include <vector>

#include "sluice/channel.hpp"

void use(const sluice::channel<std::unique_ptr<int>>& ch, std::vector<std::unique_ptr<int>>& all) {
#ifdef SLUICE_BREAK
  ch.put_batch(all);
#else
  ch.put_batch(std::move(all));
#endif
}
