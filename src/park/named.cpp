// The list of things that have a name. The argument stands in named.hpp.
#include "park/named.hpp"

#include <mutex>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>

#include "sluice/detail/park/attention.hpp"

namespace sluice::detail {

class named_list {
 public:
  void add(named& one) noexcept {
    const std::lock_guard guard(lock_);
    link(one, nullptr);
  }
  void remove(named& one) noexcept {
    const std::lock_guard guard(lock_);
    unlink(one);
  }

  void write(std::ostream& out) {
    mark here;
    add_first(here);
    try {
      for (std::string lines; !(lines = next_lines(here)).empty();) out << lines;
    } catch (...) {
      remove(here);
      throw;
    }
    remove(here);
  }

 private:
  /// Where a look has come to. Stands in the list, but for other looks it is not there.
  struct mark final : named {
    void write_line(std::ostream&) const override {}
  };
  /// Lines that are written under one hold of the lock.
  static constexpr int lines_at_once = 32;

  /// The next lines after the mark, which moves on; none: there are no more.
  std::string next_lines(mark& here) {
    std::ostringstream lines;
    const std::lock_guard guard(lock_);
    for (int i = 0; i < lines_at_once || lines.view().empty(); ++i) {
      named* const one = here.next_;
      if (one == nullptr) break;
      unlink(here);
      link(here, one);
      one->write_line(lines);
    }
    return std::move(lines).str();
  }

  void add_first(named& one) noexcept {
    const std::lock_guard guard(lock_);
    one.next_ = first_;
    (first_ != nullptr ? first_->previous_ : last_) = &one;
    first_ = &one;
  }
  /// Behind `before`; null: at the end.
  void link(named& one, named* before) noexcept {
    if (before == nullptr) before = last_;
    one.previous_ = before;
    one.next_ = std::exchange(before != nullptr ? before->next_ : first_, &one);
    (one.next_ != nullptr ? one.next_->previous_ : last_) = &one;
  }
  void unlink(named& one) noexcept {
    (one.previous_ != nullptr ? one.previous_->next_ : first_) = one.next_;
    (one.next_ != nullptr ? one.next_->previous_ : last_) = one.previous_;
    one.next_ = one.previous_ = nullptr;
  }

  std::mutex lock_;
  named* first_ = nullptr;
  named* last_ = nullptr;
};

namespace {

constinit named_list all;

}  // namespace

void named::list() noexcept {
  if (!in_forked_child()) all.add(*this);
}

void named::unlist() noexcept {
  if (!in_forked_child()) all.remove(*this);
}

void write_named(std::ostream& out) {
  if (!in_forked_child()) all.write(out);
}

}  // namespace sluice::detail
