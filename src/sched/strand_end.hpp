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

/// The running strand's; null: it has none. Never inlined. A thread has none after its end, and
/// before it goes it may be given another one, by what is destroyed later.
[[nodiscard]] strand_end* end_of_this_strand() noexcept;
/// The running strand, which has none, does that last. Never inlined.
void keep_until_end(strand_end& last) noexcept;

}  // namespace sluice::detail
