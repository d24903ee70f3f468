// Both flows of a tee get each item, so items are copied.
// says: tee: both sides get each item
#include <memory>

#include "sluice/pipeline.hpp"

#ifdef SLUICE_BREAK
using item = std::unique_ptr<int>;
#else
using item = std::shared_ptr<int>;
#endif

void use(const sluice::channel<item>& ch) {
  [[maybe_unused]] auto both = ch | sluice::pipeline::tee();
}
