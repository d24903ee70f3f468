// What a dump says of channels. The argument stands in record.hpp.
#include "channel/record.hpp"

#include <ostream>

namespace sluice::detail {

const std::string& channel_core::name() const noexcept {
  static const std::string none;
  return record_ != nullptr ? record_->name() : none;
}

void channel_core::list_record() noexcept { record_->list(); }

void channel_core::note_fill() noexcept { record_->note_fill(size()); }

/// A strand has linked itself. The lock is held.
void channel_core::note_wait(const wait_list& s) noexcept {
  if (&s == &getters_) record_->count_get_wait();
  if (&s != &putters_) return;
  record_->count_put_wait();
  record_->note_fill(capacity());  // it was full, or the putter would not wait
}

void channel_core::describe(std::ostream& out) const {
  if (record_ != nullptr) {
    out << '"' << name() << '"';
  } else {
    out << "a channel";
  }
  switch (kind_) {
    case channel_kind::bounded:
      out << " (" << size() << " of " << capacity() << ')';
      break;
    case channel_kind::unbounded:
      out << " (" << size() << ')';
      break;
    case channel_kind::rendezvous:
      out << " (rendezvous)";
      break;
  }
}

void channel_record::write_line(std::ostream& out) const {
  const std::uint64_t discarded = read(discarded_);  // first, so that it is among those that left
  const bool meets = of_.kind() == channel_kind::rendezvous;
  const claimed items = meets ? claimed{read(meetings_), read(meetings_)} : of_.total();
  out << "  channel ";
  of_.describe(out);
  out << ": " << items.put << " put, " << items.got - discarded << " got, waited "
      << read(put_waits_) << " times to put and " << read(get_waits_) << " times to get";
  // order: relaxed, a number for people
  if (!meets) out << ", at most " << peak_.load(memory_order_relaxed) << " inside";
  if (of_.closed()) out << ", closed";
  out << '\n';
}

}  // namespace sluice::detail
