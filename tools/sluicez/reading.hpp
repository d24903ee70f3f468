// The stage that begins a line: it reads, and reading may wait in the kernel.
#pragma once

#include <sluice/sluice.hpp>
#include <stop_token>
#include <utility>

#include "io.hpp"
#include "pool.hpp"

namespace sluicez {

/// Who reads: the stage's fiber, whose worker stands still if it waits, or a thread of its own.
enum class reader { fiber, thread };

/// `read(from, spare, out)` reads the source to its end into buffers of the pool. A stop of the
/// stage ends its waits.
template <class T, class F>
auto reading(source& from, pool<T>& spare, reader who, F read) {
  return sluice::pipeline::produce<typename pool<T>::pointer>(
      {.capacity = spare.limit(), .name = "read"},
      [&from, &spare, who, read = std::move(read)](const auto& out) {
        if (who == reader::fiber) return read(from, spare, out);
        const std::stop_token stop = sluice::this_fiber::stop_token();
        const std::stop_callback at_stop(stop, [&] { from.stop(); });
        sluice::blocking([&] { sluice::with_stop(stop, [&] { read(from, spare, out); }); });
      });
}

}  // namespace sluicez
