// The getter's half of a channel, shared by `channel` and `receiver`.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "sluice/detail/channel/batch.hpp"
#include "sluice/detail/channel/operations.hpp"

namespace sluice::detail {

/// What `ch >> item` returns: whether there was an item. Does not chain.
class got {
 public:
  /// Made by `>>`.
  explicit got(bool item) noexcept : item_(item) {}
  /// Was there an item? False: the end.
  explicit operator bool() const noexcept { return item_; }

 private:
  bool item_;
};

/// One pass over a channel's items. Fetches late: neither `begin` nor `++` waits, but the
/// comparison with the end and the dereference do. Keeps the channel alive.
template <class Self, class T>
class item_iterator {
 public:
  /// What goes through the channel.
  using value_type = T;
  /// As std::input_iterator wants it; nothing is subtracted.
  using difference_type = std::ptrdiff_t;
  /// One pass: each item is seen once.
  using iterator_concept = std::input_iterator_tag;

  item_iterator() noexcept {}
  /// Of that channel; fetches nothing yet.
  explicit item_iterator(Self from) noexcept : from_(std::move(from)) {}
  /// With the item, if one was fetched.
  item_iterator(item_iterator&& other) noexcept
      : from_(std::move(other.from_)), ended_(other.ended_) {
    take_item_of(other);
  }
  /// With the item, if one was fetched; the own one is destroyed.
  item_iterator& operator=(item_iterator&& other) noexcept {
    if (this == &other) return *this;
    from_ = std::move(other.from_);
    ended_ = other.ended_;
    drop_item();
    take_item_of(other);
    return *this;
  }
  ~item_iterator() { drop_item(); }

  /// Waits for the item unless it is there. Throws what a get throws, at the end too.
  T& operator*() const {
    if (!has_item_ && !fetch_late()) from_->throw_end();
    return room_.item;
  }
  /// As `*`.
  T* operator->() const { return std::addressof(**this); }
  /// To the next item. Waits only to step over one that nobody looked at.
  item_iterator& operator++() {
    if (!has_item_) fetch_late();  // stepping over an item that nobody looked at
    drop_item();
    return *this;
  }
  /// As `++it`; returns nothing.
  void operator++(int) { ++*this; }
  /// Waits for the next item or the end. Throws the channel's cause, `cancelled`.
  [[gnu::always_inline]] friend bool operator==(const item_iterator& it, std::default_sentinel_t) {
    return !it.fetch();
  }

 private:
  [[gnu::always_inline]] bool fetch() const {
    if (has_item_) return true;
    if (ended_) return false;
    channel_core& from = from_->source();
    if (from.kind() == channel_kind::rendezvous) return fetch_by_meeting(from);
    return note(from, get_item(from, room_, no_deadline, "get"));
  }

  /// Apart: a loop compares with the end first.
  [[gnu::noinline]] bool fetch_late() const { return fetch(); }

  /// Apart: it keeps fewer registers than the rest of fetch.
  [[gnu::noinline]] bool fetch_by_meeting(channel_core& from) const {
    return note(from, from.meet_to_get(room_.place(), no_deadline, "get"));
  }

  bool note(channel_core& from, status got) const {
    has_item_ = got == status::ok;
    if (has_item_) [[likely]]
      return true;
    ended_ = true;
    if (const std::exception_ptr& cause = from.cause()) std::rethrow_exception(cause);
    return false;
  }

  void drop_item() noexcept {
    if (has_item_) room_.item.~T();
    has_item_ = false;
  }
  void take_item_of(item_iterator& other) noexcept {
    if (other.has_item_) ::new (static_cast<void*>(room_.place())) T(std::move(other.room_.item));
    has_item_ = other.has_item_;
    other.drop_item();
  }

  std::optional<Self> from_;
  mutable item_room<T> room_;  ///< filled while has_item_
  mutable bool has_item_ = false;
  mutable bool ended_ = false;
};

/// Every operation may be called by any strand: a fiber of any runtime or a plain thread. All but
/// the `try_` forms and the questions wait, throw `cancelled` if the running fiber's stop is
/// requested before they take effect, and std::logic_error on a moved-from handle or in a forked
/// child. "The end" means closed and drained; a channel closed with a cause ends by throwing it.
/// A fiber whose time slice is over gives others their turn in any of them, also where it need not
/// wait: hold no lock that belongs to the thread.
template <class Self, class T>
class getting {
  static_assert(demand_object<T>());

 public:
  /// Waits for an item. At the end throws channel_closed or the cause.
  [[gnu::always_inline]] T get() const {
    channel_core& from = core("get");
    item_room<T> room;
    if (get_item(from, room, no_deadline, "get") == status::ok) [[likely]]
      return take_from(room);
    throw_closed_get(from.cause());
  }

  /// Waits for an item and assigns it: true; at the end false, and `item` is untouched.
  [[gnu::always_inline]] got operator>>(T& item) const {
    static_assert(std::is_nothrow_move_assignable_v<T>,
                  "sluice: `ch >> item` needs a nothrow move assignment, so that no item is lost; "
                  "use ch.get(), or a channel of std::unique_ptr<T>");
    channel_core& from = core(">>");
    item_room<T> room;
    if (get_item(from, room, no_deadline, "get") != status::ok) {
      if (from.cause()) throw_closed_get(from.cause());
      return got(false);
    }
    item = take_from(room);
    return got(true);
  }

  /// Never waits: the item, or `empty`, or `closed` at the end (an item beats closed). On a
  /// rendezvous channel an item only if a putter waits.
  result<T> try_get() const {
    channel_core& from = core("try_get");
    item_room<T> room;
    return as_result(try_get_item(from, room), from, room);
  }

  /// Waits at most `d`: the item, `timed_out` or `closed`. Done at once where that is possible.
  template <class Rep, class Period>
  result<T> get_for(std::chrono::duration<Rep, Period> d) const {
    channel_core& from = core("get_for");
    item_room<T> room;
    const auto limit = [&] { return time_limit::span(d); };
    return as_result(get_item_before(from, room, limit, "get_for"), from, room);
  }

  /// Waits until `t` at most, on any clock: the item, `timed_out` or `closed`.
  template <class Clock, class Duration>
  result<T> get_until(std::chrono::time_point<Clock, Duration> t) const {
    channel_core& from = core("get_until");
    item_room<T> room;
    const status how =
        until_time(t, [&](auto limit) { return get_item_before(from, room, limit, "get_until"); });
    return as_result(how, from, room);
  }

  /// Waits for one item, then takes what is there, up to `max`. Empty at the end; a cause is
  /// thrown. `max` 0: std::invalid_argument.
  [[nodiscard]] std::vector<T> get_batch(std::size_t max) const {
    return detail::get_batch<T>(core("get_batch"), max);
  }
  /// As above, and waits up to `linger` after the first for the batch to fill. Cancelled
  /// meanwhile, it returns what it has.
  template <class Rep, class Period>
  [[nodiscard]] std::vector<T> get_batch(std::size_t max,
                                         std::chrono::duration<Rep, Period> linger) const {
    return detail::get_batch<T>(core("get_batch"), max, linger);
  }
  /// What is there now, up to `max`; never waits. At the end: empty, or the cause is thrown.
  [[nodiscard]] std::vector<T> try_get_batch(std::size_t max) const {
    return detail::try_get_batch<T>(core("try_get_batch"), max);
  }

  /// Waits until the channel is closed and drained, cause or not.
  void join() const { static_cast<void>(join_channel(core("join"), no_deadline)); }
  /// As join, at most `d`: was the end reached?
  template <class Rep, class Period>
  bool join_for(std::chrono::duration<Rep, Period> d) const {
    return join_channel(core("join_for"), deadline_after(d)) == status::closed;
  }

  /// Closed and nothing left. Never waits, as all questions.
  [[nodiscard]] bool drained() const { return core("drained").drained(); }
  /// How many items wait, at some moment during the call; never more than the capacity.
  [[nodiscard]] std::size_t size() const { return core("size").size(); }
  /// Is nothing there, at some moment during the call?
  [[nodiscard]] bool empty() const { return core("empty").size() == 0; }

  /// The items until the end; a cause is thrown. See item_iterator for when it waits.
  [[nodiscard]] item_iterator<Self, T> begin() const {
    static_cast<void>(core("begin"));
    return item_iterator<Self, T>(self());
  }
  /// What the iterator is compared with; that comparison waits.
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  friend class item_iterator<Self, T>;

  /// For the iterator.
  [[nodiscard]] channel_core& source() const { return core("get"); }
  [[noreturn]] void throw_end() const { throw_closed_get(core("get").cause()); }

  [[nodiscard]] const Self& self() const noexcept { return static_cast<const Self&>(*this); }
  [[nodiscard]] channel_core& core(const char* operation) const {
    return self().handle_.for_use_in(operation);
  }
};

}  // namespace sluice::detail
