// A flow owns its stages: it goes into the next one by a move.
// says: use of deleted function
// says: call to implicitly-deleted copy constructor
#include <utility>

#include "sluice/pipeline.hpp"

void use(sluice::pipeline::flow<int>& from) {
#ifdef SLUICE_BREAK
  sluice::pipeline::flow<int> other = from;
#else
  sluice::pipeline::flow<int> other = std::move(from);
#endif
}
