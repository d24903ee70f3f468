// The choice among several cases: what select and selector share, whatever the items are.
//
//   0 look       select alone, whose cases are known where it is called: at each channel, taking
//                nothing. One of those that seem ready is done, and is the chosen one. Hints: the
//                steps that follow rely on nothing of it.
//   1 try        each case once, in random order or in the order given: the first that can be done
//                is done, and is the chosen one. A case that takes items only, and whose channel
//                has ended plainly, goes out of play. Left out if step 0 has just seen that none
//                is ready and none closed, and only step 3 can come next: that looks again, at each
//                under its lock, in an order that is as random.
//   2 give up    none left in play: all_closed; or `otherwise`, or the time is over: if none was
//                ready at one moment (I5). Else step 1 again
//   3 enlist     one shared_waiter, one node for each case: R4 and R5 in each channel
//   4 park       R6, once, until the nearest deadline
//   5 withdraw   take every node off its list, and see which one ended the wait
//   6 finish     the handler of the chosen case, or what it throws
//
// I1 one claim word for all cases: whoever changes it from `waiting` decides how the wait ends, and
//    with which case. Whoever finds it changed passes that node over and takes the next one of its
//    list. So exactly one case happens, and a select takes no turn that it does not use.
// I2 from the first node that is linked to the end of step 5 anybody may end the wait, the strand
//    itself included, when a look of its own (R5) serves it. In each case there is one unpark, and
//    step 4 consumes it; if the wait has ended, the cases that are not enlisted yet are left out.
// I3 after step 5 nobody else can reach a node: servers touch a node only under the lock of the
//    channel that links it, or after they have won the wait and before their unpark.
// I4 in the channels' lists the cases keep their places until the wait ends: a case that goes out
//    of play meanwhile is taken off by the one who closed; only the last of them ends the wait.
// I5 a timeout or `otherwise` is chosen only if there was a moment at which no case could be done.
//    Two rounds of looks: in the first each case is found unready, and its mark noted; in the
//    second each has the same mark, so it was unready from its first look to its second one. The
//    moment between the rounds lies in all of these spans. A mark tells of what could have made the
//    case ready: it is tail, where the look finds exactly empty (to put: exactly full) and open; of
//    a rendezvous the count of nodes ever linked, under the lock.
//
// What can come between: a case becomes ready between 1 and its turn in 3: R5 finds it. Two
// channels serve the wait at once: one of them reserves it, the other one spins, then goes on with
// the next in its list. The time is over, or a stop is requested, at that moment: the claim
// decides. Two selects meet on a rendezvous channel: who comes second reserves both waits in the
// order of their addresses and ends both, or neither; it steps over its own nodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>

#include "sluice/detail/base/clock.hpp"
#include "sluice/detail/channel/core.hpp"
#include "sluice/detail/park/wait_list.hpp"
#include "sluice/export.hpp"

namespace sluice::detail {

/// In which order are the cases tried?
enum class trial_order : std::uint8_t { random, as_given };

enum class case_kind : std::uint8_t { channel, timeout, otherwise };

class SLUICE_API any_case {
 public:
  any_case(const any_case&) = delete;
  any_case& operator=(const any_case&) = delete;
  virtual ~any_case() = default;

  [[nodiscard]] case_kind kind() const noexcept { return kind_; }
  /// Step 6: the handler, or what the chosen case throws.
  virtual void finish() = 0;

  /// Its position among all cases.
  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  /// Before step 1, or when it is kept.
  void prepare(std::size_t at) noexcept { position_ = at; }

 protected:
  explicit any_case(case_kind kind) noexcept : kind_(kind) {}

 private:
  std::size_t position_;
  const case_kind kind_;
};

class SLUICE_API channel_case : public any_case {
 public:
  enum class answer : std::uint8_t { ready, not_ready, out_of_play };
  /// Step 1.
  [[nodiscard]] answer try_now();
  /// Has its channel no buffer?
  [[nodiscard]] bool meets() const noexcept { return core_->kind() == channel_kind::rendezvous; }
  /// It meets, and nobody seems to be there. A hint.
  [[nodiscard]] bool seems_alone() const noexcept {
    return meets() && !core_->seems_closed() && !core_->seems_awaited(other_side(side_));
  }
  /// Step 2: could it not be done, at the first look?
  [[nodiscard]] bool note_unready() noexcept {
    node_.ticket = core_->unready_mark(side_);
    return node_.ticket != 0;
  }
  /// And at no moment since then?
  [[nodiscard]] bool has_been_unready() const noexcept {
    return core_->unready_mark(side_) == node_.ticket;
  }
  /// Step 3. `owner` and this object stay where they are until the withdrawal.
  void enlist(shared_waiter& owner) noexcept;
  /// Step 5: is it the one that ended the wait, and `how`?
  [[nodiscard]] bool withdraw(outcome how) noexcept;

  [[nodiscard]] side which() const noexcept { return side_; }
  /// What it wants, and of which channel. Any thread, while the select waits.
  void describe(std::ostream& out) const;

 protected:
  channel_case(channel_core& core, side which) noexcept
      : any_case(case_kind::channel), side_(which), core_(&core) {}

  /// What a case that is done at once has no use for: its position; the item to put, or raw storage
  /// for the one to get; and whether the case goes out of play when its channel has ended plainly.
  void set_node(std::size_t at, void* item, bool leaves_at_end) noexcept {
    any_case::prepare(at);
    node_.item = item;
    node_.linked = false;
    node_.leaves_at_end = leaves_at_end;
  }

  /// Puts or gets without waiting. Throws std::bad_alloc on an unbounded channel.
  [[nodiscard]] virtual claim attempt() = 0;

  /// Step 0: an item was moved. A case may be kept, and have seen an end before.
  [[nodiscard]] bool note_done(bool done) noexcept {
    if (done) ended_ = false;
    return done;
  }

  [[nodiscard]] channel_core& core() const noexcept { return *core_; }
  /// The chosen case: did it end because of the close? Else its item was moved.
  [[nodiscard]] bool ended() const noexcept { return ended_; }

 private:
  // Made in each select, so in few stores: the small ones side by side, and nothing that only a
  // wait needs.
  const side side_;
  bool ended_;  ///< written with each choice of this case
  channel_core* const core_;
  wait_node node_{wait_node::unset};
};

class SLUICE_API timeout_case : public any_case {
 public:
  /// When the wait that begins `now` is to end.
  [[nodiscard]] virtual deadline due(deadline now) const = 0;
  /// The deadline has come: has it on the clock that was asked for?
  [[nodiscard]] virtual bool is_over() const { return true; }

 protected:
  timeout_case() noexcept : any_case(case_kind::timeout) {}
};

/// Where the cases of one select stand. Nothing here allocates.
struct case_table {
  trial_order order = trial_order::random;
  /// Was there ever a get or put case?
  bool has_channels = false;
  /// Has step 0 seen that none is ready, unless that changed meanwhile? Then step 3 sees to it.
  bool looked = false;
  /// Those in play, in any order if the order is random. A choice moves those that go out of play
  /// behind the first `in_play`.
  channel_case** channels = nullptr;
  std::size_t in_play = 0;
  timeout_case** timeouts = nullptr;
  std::size_t timeout_count = 0;
  any_case* otherwise = nullptr;
};

/// Steps 1 to 5: the chosen case, nullptr if all inputs have ended. Throws std::invalid_argument if
/// there are no cases, `cancelled`, std::logic_error in a forked child, std::bad_alloc from a put
/// into an unbounded channel; then nothing has happened.
[[nodiscard]] SLUICE_API any_case* choose(case_table& table);

/// One of the bits that are set, each as likely as any other.
[[nodiscard]] SLUICE_API std::size_t any_of(std::uint64_t bits) noexcept;

/// All steps: the position of the chosen case, or that none can ever happen.
SLUICE_API std::size_t select_among(case_table& table);

}  // namespace sluice::detail
