// Tables of fiber-local values. The argument stands in locals.hpp.
#include "sluice/detail/go/locals.hpp"

#include <mutex>
#include <utility>
#include <vector>

#include "sched/strand_end.hpp"
#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/park/parker.hpp"

namespace sluice::detail {
namespace {

/// Places of instances that are gone, for the next ones. Never destroyed: instances with static
/// storage may go late.
struct places {
  std::mutex lock;
  std::vector<std::size_t> free;  ///< room for all that were ever given
  std::size_t given = 0;

  static places& all() {
    static places* const one = new places;
    return *one;
  }
};

}  // namespace

local_key::local_key() {
  static atomic<std::uint64_t> last{0};
  // order: relaxed, only that no number is given twice
  number_ = last.fetch_add(1, memory_order_relaxed) + 1;
  places& all = places::all();
  const std::lock_guard guard(all.lock);
  if (!all.free.empty()) {
    place_ = all.free.back();
    all.free.pop_back();
    return;
  }
  if (all.free.capacity() <= all.given) all.free.reserve(2 * all.given + 1);
  place_ = all.given++;
}

local_key::~local_key() {
  places& all = places::all();
  const std::lock_guard guard(all.lock);
  all.free.push_back(place_);
}

local_node::~local_node() = default;

/// All values of one strand. Made at its first use of any fiber_local.
class strand_locals final : public strand_end {
 public:
  [[nodiscard]] void* find(const local_key& key) const noexcept {
    if (key.place() >= table_.size()) return nullptr;
    const local_node* there = table_[key.place()];
    return there != nullptr && there->number_ == key.number() ? there->value_ : nullptr;
  }

  local_node& keep(const local_key& key, std::unique_ptr<local_node> fresh) {
    if (key.place() >= table_.size()) table_.resize(key.place() + 1);
    fresh->number_ = key.number();
    fresh->place_ = key.place();
    local_node* stale = table_[key.place()];  // of an instance that is gone
    if (stale != nullptr) unlink(*stale);
    fresh->before_ = std::exchange(newest_, fresh.get());
    local_node& kept = *(table_[key.place()] = fresh.release());
    delete stale;
    return kept;
  }

  /// The last made first; what a destructor makes anew comes next.
  void strand_ends() noexcept override {
    while (local_node* one = newest_) {
      newest_ = one->before_;
      if (table_[one->place_] == one) table_[one->place_] = nullptr;
      delete one;
    }
    delete this;
  }

 private:
  void unlink(local_node& one) noexcept {
    local_node** at = &newest_;
    while (*at != &one) at = &(*at)->before_;
    *at = one.before_;
  }

  std::vector<local_node*> table_;
  local_node* newest_ = nullptr;
};

[[gnu::noinline]] void* find_local(const local_key& key) noexcept {
  const strand_end* all = end_of_this_strand();
  return all != nullptr ? static_cast<const strand_locals*>(all)->find(key) : nullptr;
}

[[gnu::noinline]] local_node& keep_local(const local_key& key, std::unique_ptr<local_node> fresh) {
  if (end_of_this_strand() == nullptr) {
    keep_until_end(*std::make_unique<strand_locals>().release());
  }
  return static_cast<strand_locals*>(end_of_this_strand())->keep(key, std::move(fresh));
}

}  // namespace sluice::detail
