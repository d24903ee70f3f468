// A stage has results. A function without any belongs into for_each.
// says: transform: the function returns nothing
#include "sluice/pipeline.hpp"

void look(int item);

void use(const sluice::channel<int>& ch) {
#ifdef SLUICE_BREAK
  auto results = ch | sluice::pipeline::transform(look);
#else
  ch | sluice::pipeline::for_each(look);
#endif
}
