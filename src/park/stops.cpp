// Obeying tokens. The argument stands in stops.hpp.
//
// Nothing here is inlined into a fiber's code: std::stop_callback compares thread ids, which a
// compiler may keep across a switch.
#include "sluice/detail/park/stops.hpp"

#include <new>
#include <utility>

#include "park/ask.hpp"
#include "sluice/detail/base/edges.hpp"
#include "sluice/detail/park/attention.hpp"
#include "sluice/detail/park/parker.hpp"

namespace sluice::detail {

/// A source that is asked when either token is. Both callbacks end before the source.
struct obeyed_stop::merged {
  struct pass_on {
    std::stop_source* to;
    void operator()() const noexcept { ask(*to); }
  };

  merged(std::stop_token outside, std::stop_token inside)
      : outer(std::move(outside), pass_on{&source}), inner(std::move(inside), pass_on{&source}) {}

  std::stop_source source;
  std::stop_callback<pass_on> outer;
  std::stop_callback<pass_on> inner;
};

void obeyed_stop::delete_merged::operator()(merged* some) const noexcept { delete some; }

[[gnu::noinline]] obeyed_stop::obeyed_stop(std::stop_token token) noexcept
    : strand_(parker::current()),
      outer_(std::exchange(strand_.stops()->innermost, this)),
      token_(std::move(token)) {
  if (in_forked_child()) return;  // nobody can ask, and the token's lock may be held for ever
  // Whoever requests the stop has the callback from the token, whose lock is taken unseen here.
  forget_accesses(&callback_, sizeof(callback_));
  ::new (static_cast<void*>(&callback_)) std::stop_callback<on_request>(token_, on_request{this});
}

[[gnu::noinline]] obeyed_stop::~obeyed_stop() {
  if (in_forked_child()) {
    static_cast<void>(merged_.release());
  } else {
    merged_.reset();
    callback_.~stop_callback();  // I1
    forget_accesses(&callback_, sizeof(callback_));
  }
  strand_.stops()->innermost = outer_;
  // order: relaxed, the end of the callback has been waited for
  if (requested_.load(memory_order_relaxed)) lower_attention();
}

void obeyed_stop::note_request() noexcept {
  if (in_forked_child()) return;  // the lock of what it waits for may be held for ever
  raise_attention();
  edge_from(&requested_);
  // order: K2 seq_cst, after the raise and before P4 in the one order with P1 and P5
  requested_.store(true, memory_order_seq_cst);
  strand_.end_wait_by_stop();
}

std::stop_token obeyed_stop::merge(std::stop_token outside) {
  if (outer_ != nullptr) outside = outer_->merge(std::move(outside));
  if (!outside.stop_possible()) return token_;
  if (!token_.stop_possible() || in_forked_child()) return outside;
  if (merged_ == nullptr) merged_.reset(new merged(std::move(outside), token_));
  return merged_->source.get_token();
}

bool stop_scopes::requested() const noexcept {
  for (const obeyed_stop* one = innermost; one != nullptr; one = one->outer_) {
    // order: seq_cst, after P5 in the one order with K2, which comes after the raise that P5 sees.
    // A thread has taken the lock of its wait
    if (one->requested_.load(memory_order_seq_cst)) return true;
  }
  return false;
}

void stop_scopes::note_stop() const noexcept {
  if (!precise_races) return;
  for (const obeyed_stop* one = innermost; one != nullptr; one = one->outer_) {
    edge_to(&one->requested_);
  }
}

std::stop_token stop_scopes::token(std::stop_token own) const {
  return innermost != nullptr ? innermost->merge(std::move(own)) : own;
}

shielded_here::shielded_here() noexcept : scopes_(*parker::current().stops()) { ++scopes_.shields; }

shielded_here::~shielded_here() { --scopes_.shields; }

}  // namespace sluice::detail
