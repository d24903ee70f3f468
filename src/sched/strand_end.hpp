// What a strand does last: the values of its fiber_locals go.
#pragma once

namespace sluice::detail {

/// Kept for a strand by the room above, which alone knows what it is.
class strand_end {
 public:
  /// Called by the strand itself, once; the object deletes itself, and is in its place until then,
  /// for what runs meanwhile. A fiber is shielded then, and
  /// joiners have not heard of its end.
  virtual void strand_ends() noexcept = 0;

 protected:
  ~strand_end() = default;
};

/// The running strand's place for it; null: it has none. Never inlined.
[[nodiscard]] strand_end*& end_of_this_strand() noexcept;

}  // namespace sluice::detail
