// What a wait throws when the stop of its fiber was requested.
#pragma once

#include <exception>

#include "sluice/export.hpp"

namespace sluice {

/// The stop of the running fiber was requested: thrown by its waits before they take effect.
/// Not a channel_error, so that `catch (const channel_error&)` cannot swallow it.
class SLUICE_API cancelled : public std::exception {
 public:
  ~cancelled() override;
  /// That the stop of the fiber was requested. Literal text.
  [[nodiscard]] const char* what() const noexcept override;
};

namespace detail {
/// Inlined where a wait ends: unwinding costs by the frame.
[[noreturn, gnu::always_inline]] inline void throw_cancelled() { throw cancelled(); }
[[noreturn]] SLUICE_API void throw_forked(const char* operation);
}  // namespace detail

}  // namespace sluice
