// What channels of every kind and item type share: who waits, who serves whom, and the close.
//
// Rule I4, restored by settle() under the lock before any slow path ends: at rest there is never
// {an item and a parked getter}, {room and a parked putter}, {closed and anyone who waits in vain}.
//
//   put                                       get
//   S1 claim a place (ring)                   G1 claim an item (ring)
//   S2 publish it (ring)                      G2 release its place (ring)
//   S3 look at getters_waiting_: settle       G3 look at putters_waiting_: settle
//   and, if it must wait,                     and, if it must wait,
//   R4 announce: link the node, count         R4 announce
//   R5 look again: settle                     R5 look again: settle
//   R6 park, only if exactly full             R6 park, only if exactly empty
//
// S1, S3, R4 and R5 (G1, G3) are seq_cst, or plain steps of the one thread with which the channel
// is at home (base/home_lock.hpp): either the waiter's second look sees the claim, or the claimer's
// look sees the waiter. S2 and G2 are only release, so a second look that finds a place claimed but
// not yet published (`busy`) may not trust that its owner will see the waiter: it looks again
// instead of parking. A server that finds a busy place stops: whoever was parked before that place
// was claimed is in the count which its owner reads at S3 or G3.
//
// Joiners wait for head to reach a closed tail, so G3 must see them; but only from the close on, or
// every get of an open channel would settle on their account. So the close counts those who are
// there (C1, count, look), and whoever comes later counts himself. What is got at once from an
// unbounded channel is not its last item (I6 in segments.hpp), and nobody waits to put: no G3.
//
// Completion: the strand that makes room or brings an item performs the operation of the waiter
// that has waited longest. Under the lock it wins the waiter's claim and claims a place for it;
// after the unlock it moves the item, publishes, unparks (the jobs), and looks again (S3, G3).
// No user code runs under the lock.
//
// A crowd is served some at a time (park/portion.hpp), by the same strand: settle, unlock, perform,
// and again. So whoever wants the lock waits for a few of them only, and their nodes are still in
// the cache when they are unparked. A settle that stops for that leaves the rest to its own
// strand's next turn, which always comes (perform); so who is behind may park.
//
// Several cases of one wait (select) share their owner, so a server may find it ended by another
// channel. It reserves the owner first, then claims a place, then concludes; without a place it
// gives the owner back. So no place is claimed for one who cannot use it. While it holds an owner
// reserved it takes no lock, and another owner only in the order of addresses (meeting.cpp).
//
// In a channel that has a name one bit of getters_waiting_ stands for nobody: so each of its puts
// leaves the fast path at S3 and looks how full it is, and others need not ask whether they should.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <iosfwd>
#include <memory>
#include <string>

#include "sluice/cancelled.hpp"
#include "sluice/detail/base/atomic.hpp"
#include "sluice/detail/base/cpu.hpp"
#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/base/home_lock.hpp"
#include "sluice/detail/park/parker.hpp"
#include "sluice/detail/park/portion.hpp"
#include "sluice/detail/park/shared_waiter.hpp"
#include "sluice/detail/park/wait_list.hpp"
#include "sluice/detail/ring/claim.hpp"
#include "sluice/export.hpp"
#include "sluice/status.hpp"

namespace sluice::detail {

enum class channel_kind : std::uint8_t { bounded, unbounded, rendezvous };
/// Is it a rendezvous? Asked so that one comparison tells all three kinds apart.
[[nodiscard]] constexpr bool meets(channel_kind kind) noexcept {
  return kind > channel_kind::unbounded;
}

/// Of an operation that waited; throws `cancelled`, which has a frame less to pass where this is
/// inlined.
[[nodiscard, gnu::always_inline]] inline status as_status(outcome how) {
  if (how == outcome::cancelled) throw_cancelled();
  if (how == outcome::completed) return status::ok;
  return how == outcome::timed_out ? status::timed_out : status::closed;
}

/// What a case of a select wants of its channel.
enum class side : std::uint8_t { put, get };
[[nodiscard]] constexpr side other_side(side which) noexcept {
  return which == side::put ? side::get : side::put;
}

class channel_record;
struct lone_wait;

class SLUICE_API channel_core : public waited_for {
 public:
  channel_core(channel_kind kind, std::string name, std::size_t capacity);
  channel_core(const channel_core&) = delete;
  channel_core& operator=(const channel_core&) = delete;
  virtual ~channel_core();

  [[nodiscard]] channel_kind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& name() const noexcept;
  /// The channel is complete: dumps show it, if it has a name. Called once.
  void show() noexcept {
    if (record_ != nullptr) list_record();
  }
  /// Its name and how full it is.
  void describe(std::ostream& out) const override;
  bool claim_for_stop(waiter& w) const noexcept override;

  // ---- handles (handle.hpp) -------------------------------------------------------------------
  void add_handle() noexcept;
  void drop_handle() noexcept;
  void add_sender() noexcept;
  void drop_sender() noexcept;
  void add_receiver() noexcept;
  void drop_receiver() noexcept;

  // ---- the slow paths -------------------------------------------------------------------------
  /// Waits until the item was taken over: `ok`, `closed` or `timed_out`; throws `cancelled`.
  status wait_to_put(void* item, time_limit until, const char* operation);
  /// Waits until `room`, raw storage, was filled with an item. Answers as wait_to_put.
  status wait_to_get(void* room, time_limit until, const char* operation);
  /// Waits until closed and drained: `closed` or `timed_out`; throws `cancelled`.
  status wait_until_drained(time_limit until);

  // ---- rendezvous: the whole of it (meeting.cpp) ----------------------------------------------
  /// The whole put, its check included: `ok`, `closed` or `timed_out`; throws `cancelled`.
  status meet_to_put(void* item, time_limit until, const char* operation);
  /// The whole get into raw storage: the same.
  status meet_to_get(void* room, time_limit until, const char* operation);
  /// Without waiting: `ok`, `none` or `closed`.
  claim meet_getter(void* item) noexcept;
  claim meet_putter(void* room) noexcept;

  // ---- one case of several (select) -----------------------------------------------------------
  /// R4, R5 for a node whose owner has other cases. May end the wait, as anybody may from now on.
  void enlist(side which, wait_node& node) noexcept;
  /// After the wait has ended, for each node that was enlisted: is this the case that ended it?
  [[nodiscard]] bool withdraw_case(side which, wait_node& node) noexcept;
  /// 0 if a case of that side can be done, or perhaps. Else a mark: if the next call gives the
  /// same, it could not be done at any moment between the two.
  [[nodiscard]] virtual std::uint64_t unready_mark(side which) noexcept = 0;

  /// For claims (visitor in kinds.hpp).
  [[nodiscard]] home_lock& lock() noexcept { return lock_; }
  /// It comes home to this thread, as after many waits of its fibers.
  void move_in() noexcept;
  /// From here on it is at home nowhere, until somebody has moved in.
  void come_as_guest() noexcept;
  [[nodiscard]] bool is_at_home_here() noexcept;
  /// home_lock::enter_claim, where something may have switched before in the same function.
  [[nodiscard]] owner* enter_claim() noexcept;

  /// S3: after a publish.
  [[gnu::always_inline]] void after_put() noexcept {
    // order: S3 seq_cst, after S1 in the one order with R4 and R5
    if (getters_waiting_.load(memory_order_seq_cst) != 0) look_after_put();
  }
  /// G3: after a release.
  [[gnu::always_inline]] void after_get() noexcept {
    // order: G3 seq_cst, after G1 in the one order with R4 and R5
    if (putters_waiting_.load(memory_order_seq_cst) != 0) serve();
  }

  /// A putter that never waits is far ahead of the getters: lets them run, if they share a worker.
  static void let_getters_run() noexcept;

  /// True for the one call that closed. `cause` may be null.
  bool close(std::exception_ptr cause) noexcept;
  /// What the channel was closed with; read only after an answer that said closed.
  [[nodiscard]] const std::exception_ptr& cause() const noexcept { return cause_; }

  /// A hint; whoever sees it may read the cause.
  [[nodiscard]] bool seems_closed() const noexcept {
    // order: acquire, pairs with close: the cause
    const bool closed = (unusual_.load(memory_order_acquire) & closed_bit) != 0;
    if (closed) edge_to(&unusual_);
    return closed;
  }

  /// A hint: does somebody wait on that side?
  [[nodiscard]] bool seems_awaited(side which) const noexcept {
    return !(which == side::put ? putters_ : getters_).empty();
  }

  [[nodiscard]] virtual bool closed() const noexcept = 0;
  [[nodiscard]] virtual bool drained() const noexcept = 0;
  [[nodiscard]] virtual std::size_t size() const noexcept = 0;
  [[nodiscard]] virtual std::size_t capacity() const noexcept = 0;
  /// How many items its queue has taken in and given out.
  [[nodiscard]] virtual claimed total() const noexcept = 0;
  /// Takes out and destroys what is left after the last receiver went. Closed already.
  virtual void discard() noexcept = 0;

 protected:
  // ---- what a kind of channel does for settle, under the lock ---------------------------------
  /// Claims a place for the node's item (an item for the node).
  virtual claim claim_for_put(wait_node& node) noexcept = 0;
  virtual claim claim_for_get(wait_node& node) noexcept = 0;
  /// C1. Sets the closed state. The lock is held.
  virtual void mark_closed() noexcept = 0;
  /// Of the queue's ends, if there are any, see ring/ends.hpp. The lock is held; for `share` by no
  /// owner.
  virtual void bring_home() noexcept = 0;
  virtual void share() noexcept = 0;
  /// unready_mark of a rendezvous. Takes the lock.
  [[nodiscard]] std::uint64_t mark_if_alone(side which) noexcept;
  // ---- and after the unlock -------------------------------------------------------------------
  /// Moves the item of a node whose place is claimed, publishes or releases.
  virtual void finish(wait_node& node) noexcept = 0;
  /// Moves the item at `from` into raw storage.
  virtual void move_item(void* from, void* to) noexcept = 0;

 private:
  friend class channel_record;

  /// In the count of getters of a channel that has a name: who looks how full it is after each put.
  static constexpr std::uint32_t looker = 1U << 31;
  static constexpr std::uint8_t closed_bit = 1;
  static constexpr std::uint8_t named_bit = 2;

  void list_record() noexcept;
  void look_after_put() noexcept;
  void note_fill() noexcept;
  [[nodiscard]] bool getters_wait() const noexcept;
  void note_wait(const wait_list& s) noexcept;
  void discard_rest() noexcept;
  void serve() noexcept;
  void settle(job_list& jobs) noexcept;
  void serve_putters(job_list& jobs) noexcept;
  void serve_getters(job_list& jobs) noexcept;
  void note_visit(std::uint32_t waits) noexcept;
  void change_habits() noexcept;
  void tell_of_meetings() noexcept;
  void move_in_locked() noexcept;
  /// The same as of lock_, where user code has run before in the same function.
  void lock_anew() noexcept;
  void unlock_anew() noexcept;
  void pass_over(wait_list& s, wait_node& node) noexcept;
  void end_wait(wait_list& s, wait_node& node, job_list& jobs) noexcept;
  static void fetch_waits(const wait_list& s, std::size_t n) noexcept;
  void end_all(wait_list& s, job_list& jobs) noexcept;
  void finish_for(wait_node& node) noexcept;
  void perform(job_list& jobs) noexcept;
  void announce(wait_list& s, wait_node& node) noexcept;
  void pop(wait_list& s, wait_node& node) noexcept;
  void count_up(atomic<std::uint32_t>& count) noexcept;
  void count_joiners() noexcept;
  /// Do those in the list stand in their count? Joiners do from the close on; nobody does in a
  /// rendezvous.
  [[nodiscard]] bool is_counted(const wait_list& s) const noexcept;
  [[nodiscard]] atomic<std::uint32_t>& count_of(const wait_list& s) noexcept;
  /// Why the last settle stopped serving that list.
  [[nodiscard]] claim last_look(const wait_list& s) const noexcept;
  bool count_meeting() noexcept;
  wait_node* win_front(wait_list& s) noexcept;
  wait_node* win_both(wait_list& s, waiter& self) noexcept;
  void hand_over(void* from, void* to, wait_node& partner) noexcept;
  void pass_item(void* from, void* to, wait_node& partner) noexcept;
  template <side Which>
  void pass_item(void* item, wait_node& partner) noexcept;
  void link_for_meeting(wait_list& s, wait_node& node) noexcept;
  void meet_or_enlist(side which, wait_node& node) noexcept;
  void meet_or_enlist_slowly(side which, wait_node& node) noexcept;
  void meet_or_enlist_locked(side which, wait_node& node) noexcept;
  void meet_first_or_enlist(side which, wait_node& node) noexcept;
  void enlist_for_settle(side which, wait_node& node) noexcept;
  bool withdraw_case_slowly(side which, wait_node& node) noexcept;
  bool withdraw_case_locked(side which, wait_node& node) noexcept;
  [[nodiscard]] wait_list& list_of(side which) noexcept {
    return which == side::put ? putters_ : getters_;
  }
  [[nodiscard]] static constexpr wait_list channel_core::*list_at(side which) noexcept {
    return which == side::put ? &channel_core::putters_ : &channel_core::getters_;
  }
  void count_down(wait_list& s) noexcept;
  template <side Which>
  void serve_alone() noexcept;
  void serve_all() noexcept;
  void serve_locked() noexcept;
  void serve_in_turn() noexcept;
  void settle_own(wait_list& s, wait_node& node, job won) noexcept;
  claim claim_for(wait_node& node, job todo) noexcept;
  template <side Which>
  status wait_at(void* item, time_limit until, const char* operation, parker* fiber);
  void withdraw(wait_list& s, wait_node& node) noexcept;
  static status park_in(lone_wait& wait, parker& strand, time_limit until,
                        wait_list channel_core::*mine);
  static outcome leave_unserved(lone_wait& wait, wait_list channel_core::*mine) noexcept;
  template <side Which>
  status end_in_wait(void* item, time_limit until, const char* operation);
  template <side Which>
  status end_in_slow_wait(void* item, time_limit until, const char* operation);
  template <side Which>
  status meet_among(void* item, time_limit until, const char* operation);
  template <side Which>
  status meet_and_tell(void* item, wait_node& partner);
  template <side Which>
  status meet_first(void* item, time_limit until, const char* operation);
  template <side Which>
  status meet_rarely(void* item, time_limit until, const char* operation);
  template <side Which>
  status meet_locked(void* item, time_limit until, const char* operation);
  template <side Which>
  status meet_slowly(void* item, time_limit until, const char* operation);
  template <side Which>
  status meet_in_turn(void* item, time_limit until, const char* operation);

  // The first line of the object: all that a strand which waits or wakes needs.
  const channel_kind kind_;
  /// closed(), else whether there is a record, for whoever holds the lock; for others a hint that
  /// comes after the cause.
  atomic<std::uint8_t> unusual_;
  std::uint8_t met_ = 0;             ///< of meetings (meeting.cpp), under the lock
  const std::uint8_t items_a_wait_;  ///< about, for its habits
  home_lock lock_;
  /// How many getters wait, and the looker. Written under the lock (R4 and its undoing); read at
  /// S3.
  atomic<std::uint32_t> getters_waiting_{0};
  /// How many putters wait, and joiners of a closed channel. Written under the lock; read at G3.
  atomic<std::uint32_t> putters_waiting_{0};
  std::uint32_t linked_ = 0;  ///< a rendezvous: how many nodes ever, under the lock
  wait_list getters_;
  wait_list putters_;

  // Under the lock.
  alignas(cache_line) wait_list joiners_;
  std::exception_ptr cause_;
  /// What is counted of a channel that has a name; null: it has none.
  const std::unique_ptr<channel_record> record_;

  /// Handles of all sorts; senders and receivers among them.
  atomic<std::uint64_t> handles_{1};
  atomic<std::uint64_t> senders_{0};
  atomic<std::uint64_t> receivers_{0};

  // Under the lock. When it is to be at home with a thread (habits.hpp): who has waited last, as
  // far as that tells it; how often in a row, or during the stay; how much more that must be than
  // the least.
  std::uint16_t last_visitor_ = 0;
  std::uint16_t in_row_ = 0;
  std::uint8_t reluctance_ : 6 = 0;
  bool stays_ : 1 = false;  ///< somebody has moved in, and has not been seen to leave
  bool joiners_counted_ : 1 = false;
  claim getters_look_ = claim::none;
  claim putters_look_ = claim::none;
};

}  // namespace sluice::detail
