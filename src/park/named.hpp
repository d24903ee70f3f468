// The things of the process that have a name, for dumps.
//
// A thing lists itself once it is complete and takes itself off before its end begins; both under
// the lock, and so does the look. So whatever a look finds is whole and stays so meanwhile. A look
// at many lets the lock go now and then: it leaves a mark in the list, which keeps its place.
//
// Any thread may call anything. Nothing here is done in a forked child, where another thread may
// have held the lock.
#pragma once

#include <iosfwd>

namespace sluice::detail {

class named {
 public:
  named(const named&) = delete;
  named& operator=(const named&) = delete;

  /// One line about it. Any thread; never waits.
  virtual void write_line(std::ostream& out) const = 0;

  void list() noexcept;
  void unlist() noexcept;

 protected:
  named() noexcept = default;
  ~named() = default;

 private:
  friend class named_list;

  named* next_ = nullptr;
  named* previous_ = nullptr;
};

/// The lines of all that are listed, in the order in which they came; those that come or go
/// meanwhile may be missed. Throws what the stream throws, std::bad_alloc.
void write_named(std::ostream& out);

}  // namespace sluice::detail
