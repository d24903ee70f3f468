// What a strand obeys besides its own stop, and what makes it obey none for a while.
//
// Each with_stop of a strand is an obeyed_stop on its stack, linked to the one around it. The
// token's callback, on whatever thread requests the stop:
//
//   K2 raise attention, set `requested` (seq_cst), then end the strand's wait if it parks (P4)
//
// A fiber is looked at by the context that announces it (P1, P5) as for a stop of its own. A
// thread shows its wait under a lock and looks at `requested` afterwards; the callback sets it,
// then looks for a wait under the same lock. So no stop is missed.
//
// I1 the callback is registered only while its obeyed_stop is linked: the end of that waits for a
//    callback that runs. A callback does not wait, so this takes a moment only.
// I2 only the strand itself changes its chain and its count of shields. Others read the chain of a
//    fiber while they hold it.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>

#include "sluice/detail/base/atomic.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

class obeyed_stop;
class parker;

/// One for each strand.
struct stop_scopes {
  obeyed_stop* innermost = nullptr;
  /// While it is not 0 no stop is thrown.
  std::uint32_t shields = 0;

  /// Was one of the stops requested that the strand obeys besides its own?
  [[nodiscard]] bool requested() const noexcept;
  /// The strand has found that it must stop: what came before those requests happens before.
  void note_stop() const noexcept;
  /// A token that follows `own` and all of those. Throws std::bad_alloc.
  [[nodiscard]] std::stop_token token(std::stop_token own) const;
};

/// While it lives the running strand obeys the token too. On the strand's stack.
class SLUICE_API obeyed_stop {
 public:
  explicit obeyed_stop(std::stop_token token) noexcept;
  obeyed_stop(const obeyed_stop&) = delete;
  obeyed_stop& operator=(const obeyed_stop&) = delete;
  ~obeyed_stop();

 private:
  friend struct stop_scopes;

  struct on_request {
    obeyed_stop* self;
    void operator()() const noexcept { self->note_request(); }
  };
  struct merged;
  struct delete_merged {
    void operator()(merged* some) const noexcept;
  };

  void note_request() noexcept;
  [[nodiscard]] std::stop_token merge(std::stop_token outside);

  parker& strand_;
  obeyed_stop* const outer_;
  const std::stop_token token_;
  /// K2. Written by the callback, once; read by the strand and by whoever holds it.
  atomic<bool> requested_{false};
  /// For those who ask for a token: made at the first question.
  std::unique_ptr<merged, delete_merged> merged_;
  /// Left alone in a forked child: its end would wait for threads that are not there.
  union {
    std::stop_callback<on_request> callback_;
  };
};

/// While it lives no stop is thrown on the running strand. On its stack.
class SLUICE_API shielded_here {
 public:
  shielded_here() noexcept;
  shielded_here(const shielded_here&) = delete;
  shielded_here& operator=(const shielded_here&) = delete;
  ~shielded_here();

 private:
  stop_scopes& scopes_;
};

}  // namespace sluice::detail
