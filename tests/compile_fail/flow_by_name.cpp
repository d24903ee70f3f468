// A flow owns its stages: whoever composes it gives it away, and the message says how.
// says: std::move(flow) | ...
#include <utility>

#include "sluice/pipeline.hpp"

void use(sluice::pipeline::flow<int>& from) {
#ifdef SLUICE_BREAK
  static_cast<void>(from | sluice::pipeline::collect());
#else
  static_cast<void>(std::move(from) | sluice::pipeline::collect());
#endif
}
