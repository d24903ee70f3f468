// The choice among several cases. The steps and the argument stand in detail/select/core.hpp.
#include "sluice/select.hpp"

#include <algorithm>
#include <bit>
#include <ostream>
#include <stdexcept>
#include <utility>

#include "select/random.hpp"
#include "sluice/detail/park/check.hpp"
#include "sluice/detail/park/parker.hpp"
#include "sluice/detail/select/core.hpp"

namespace sluice::detail {

// ---- one case -----------------------------------------------------------------------------------

channel_case::answer channel_case::try_now() {
  const claim found = attempt();
  if (found == claim::none) return answer::not_ready;
  ended_ = found == claim::closed;
  const bool leaves = ended_ && node_.leaves_at_end && core_->cause() == nullptr;
  return leaves ? answer::out_of_play : answer::ready;
}

inline void channel_case::enlist(shared_waiter& owner) noexcept {
  node_.owner = &owner;
  core_->enlist(side_, node_);
}

inline bool channel_case::withdraw(outcome how) noexcept {
  if (!core_->withdraw_case(side_, node_)) return false;
  ended_ = how == outcome::closed;
  return true;
}

void channel_case::describe(std::ostream& out) const {
  out << (side_ == side::put ? "put of " : "get of ");
  core_->describe(out);
}

// ---- the steps ----------------------------------------------------------------------------------

namespace {

/// Each order is as likely as any other.
inline void shuffle(const case_table& table) noexcept {
  if (table.in_play == 2) return std::swap(table.channels[1], table.channels[draw_seed() >> 63]);
  random_numbers any;
  for (std::size_t left = table.in_play; left > 1; --left) {
    std::swap(table.channels[left - 1], table.channels[any.below(left)]);
  }
}

/// Step 1: the case that was done. Moves those that go out of play behind the others. A select that
/// waits leaves out what it will look at under the lock (step 3) anyway.
channel_case* try_all(case_table& table, bool waits) {
  const auto first = table.channels;
  const std::size_t count = table.in_play;
  random_numbers any;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (table.order == trial_order::random) std::swap(first[i], first[i + any.below(count - i)]);
    const channel_case::answer found =
        waits && first[i]->seems_alone() ? channel_case::answer::not_ready : first[i]->try_now();
    if (found == channel_case::answer::not_ready) std::swap(first[kept++], first[i]);
    if (found == channel_case::answer::ready) {
      if (kept != i) std::rotate(first + kept, first + i, first + count);
      table.in_play = count - (i - kept);
      return first[kept];
    }
  }
  table.in_play = kept;
  return nullptr;
}

/// Step 2: was there a moment at which none could be done? If none could at a first look, and each
/// is found unchanged at a second one, the moment between the two rounds was such (I5).
bool none_was_ready(const case_table& table) noexcept {
  channel_case* const* const first = table.channels;
  channel_case* const* const last = first + table.in_play;
  return std::all_of(first, last, [](channel_case* one) { return one->note_unready(); }) &&
         std::all_of(first, last, [](const channel_case* one) { return one->has_been_unready(); });
}

struct nearest_timeout {
  timeout_case* which = nullptr;
  deadline until = no_deadline;
};

/// Several cases without a buffer: to enlist with all of them costs more than a turn for those who
/// are about to come to them, and each who comes in that turn is one wait less.
bool many_meet(const case_table& table) {
  constexpr std::size_t many = 4;
  if (table.in_play < many) return false;
  const auto meet = std::count_if(table.channels, table.channels + table.in_play,
                                  [](const channel_case* one) { return one->meets(); });
  return static_cast<std::size_t>(meet) >= many;
}

nearest_timeout find_nearest(const case_table& table, deadline now) {
  nearest_timeout found;
  for (std::size_t i = 0; i < table.timeout_count; ++i) {
    const deadline due = table.timeouts[i]->due(now);
    if (found.which == nullptr || due < found.until) found = {table.timeouts[i], due};
  }
  return found;
}

/// For dumps. The table does not change while its select waits.
class waited_cases final : public waited_for {
 public:
  explicit waited_cases(const case_table& table) noexcept : table_(table) {}

  void describe(std::ostream& out) const override {
    for (std::size_t i = 0; i < table_.in_play; ++i) {
      if (i == most_described) {
        out << " and " << table_.in_play - i << " more";
        return;
      }
      out << (i == 0 ? "" : ", ");
      table_.channels[i]->describe(out);
    }
  }

 private:
  static constexpr std::size_t most_described = 8;
  const case_table& table_;
};

struct ending {
  outcome how;
  channel_case* chosen = nullptr;
};

/// Steps 3, 4 and 5.
[[gnu::always_inline]] inline ending wait_for_one(const case_table& table,
                                                  deadline until) noexcept {
  const waited_cases cases(table);
  channel_case* const* const first = table.channels;
  channel_case* const* const last = first + table.in_play;
  const wait_site site{"select", first == last ? nullptr : &cases};
  shared_waiter self(parker::current(), site, static_cast<std::uint32_t>(table.in_play));
  channel_case* const* enlisted = first;
  while (enlisted != last && self.result() <= outcome::reserved) (*enlisted++)->enlist(self);
  ending end{park(self, until)};
  for (channel_case* const* one = first; one != enlisted; ++one) {
    if ((*one)->withdraw(end.how)) end.chosen = *one;
  }
  return end;
}

[[gnu::noinline]] any_case* choose_after_look(const case_table& table) {
  shuffle(table);
  const ending end = wait_for_one(table, no_deadline);
  if (end.how == outcome::cancelled) throw_cancelled();
  return end.chosen;
}

/// Steps 1 to 5 as often as it takes.
[[gnu::noinline]] any_case* choose_slowly(case_table& table) {
  const bool waits = table.otherwise == nullptr;
  any_case* if_none = table.otherwise;  // or a timeout, once its time is over
  bool turn_offered = false;
  deadline began{};  // when the time of each timeout began, if there are any
  for (bool looked = table.looked;; looked = false) {
    if (!looked) {
      if (channel_case* ready = try_all(table, waits)) return ready;
    }
    if (table.has_channels && table.in_play == 0) return nullptr;
    nearest_timeout limit;
    if (if_none == nullptr && table.timeout_count != 0) {
      const deadline now = clock::now();
      if (began == deadline{}) began = now;
      limit = find_nearest(table, began);
      if (limit.until <= now && limit.which->is_over()) if_none = limit.which;
    }
    if (if_none != nullptr) {
      if (none_was_ready(table)) return if_none;
      continue;
    }
    if (!turn_offered && many_meet(table)) {
      turn_offered = true;
      parker::current().offer_turn();
      // A stop may have come meanwhile, before those who put.
      check_strand(operation_kind::may_wait, "select");
      continue;
    }
    const ending end = wait_for_one(table, limit.until);
    if (end.how == outcome::cancelled) throw_cancelled();
    if (end.how != outcome::timed_out) return end.chosen;
    if (limit.which->is_over()) if_none = limit.which;
  }
}

}  // namespace

std::size_t any_of(std::uint64_t bits) noexcept {
  // Throws a die with a power of two of sides until it shows one that is set: mostly the first or
  // the second time. A bit above the digits tells when they are used up.
  const auto digits = static_cast<unsigned>(std::bit_width(std::bit_width(bits) - 1U));
  for (std::uint64_t draw = draw_seed() | std::uint64_t{1} << 63;;) {
    const std::uint64_t shown = draw & ((std::uint64_t{1} << digits) - 1);
    draw >>= digits;
    if (draw == 0) break;
    if ((bits >> shown) & 1) return shown;
  }
  random_numbers any;
  for (auto skip = any.below(static_cast<std::size_t>(std::popcount(bits))); skip != 0; --skip) {
    bits &= bits - 1;
  }
  return static_cast<std::size_t>(std::countr_zero(bits));
}

any_case* choose(case_table& table) {
  check_strand(table.otherwise == nullptr ? operation_kind::may_wait : operation_kind::never_waits,
               "select");
  return table.looked && !many_meet(table) ? choose_after_look(table) : choose_slowly(table);
}

std::size_t select_among(case_table& table) {
  if (!table.has_channels && table.timeout_count == 0 && table.otherwise == nullptr) [[unlikely]] {
    throw std::invalid_argument("sluice: select without cases; give it an on_get or an on_put");
  }
  any_case* const chosen = choose(table);
  if (chosen == nullptr) return all_closed;
  chosen->finish();
  return chosen->position();
}

}  // namespace sluice::detail
