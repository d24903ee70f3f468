// The cases that a selector keeps between its waits.
#include "sluice/selector.hpp"

#include <algorithm>
#include <stdexcept>

namespace sluice {

using detail::any_case;
using detail::case_kind;
using detail::channel_case;
using detail::timeout_case;

selector::~selector() = default;

namespace {
template <class T>
void make_room_in(std::vector<T>& list) {
  constexpr std::size_t at_first = 4;
  if (list.size() == list.capacity()) list.reserve(std::max(at_first, 2 * list.size()));
}
}  // namespace

void selector::make_room() {
  make_room_in(cases_);
  make_room_in(channels_);
  make_room_in(timeouts_);
}

std::size_t selector::add(std::unique_ptr<any_case> fresh) noexcept {
  any_case* const added = fresh.get();
  cases_.push_back(std::move(fresh));
  if (added->kind() == case_kind::channel) {
    channels_.push_back(static_cast<channel_case*>(added));
    has_channels_ = true;
  }
  if (added->kind() == case_kind::timeout) {
    timeouts_.push_back(static_cast<timeout_case*>(added));
  }
  if (added->kind() == case_kind::otherwise && otherwise_ == nullptr) otherwise_ = added;
  return added->position();
}

void selector::forget_those_out_of_play(std::size_t in_play) noexcept {
  while (channels_.size() > in_play) {
    const std::size_t position = channels_.back()->position();
    channels_.pop_back();
    cases_[position].reset();
  }
}

std::size_t selector::wait() {
  if (cases_.empty()) {
    throw std::invalid_argument(
        "sluice: wait on a selector without cases; add an on_get or an on_put");
  }
  detail::case_table table{.order = order_,
                           .has_channels = has_channels_,
                           .channels = channels_.data(),
                           .in_play = channels_.size(),
                           .timeouts = timeouts_.data(),
                           .timeout_count = timeouts_.size(),
                           .otherwise = otherwise_};
  any_case* const chosen = detail::choose(table);
  forget_those_out_of_play(table.in_play);
  if (chosen == nullptr) return all_closed;
  const std::size_t position = chosen->position();
  std::unique_ptr<any_case> put;  // a put case that was chosen lives until its handler is over
  if (chosen->kind() == case_kind::channel) {
    auto* const one = static_cast<channel_case*>(chosen);
    if (one->which() == detail::side::put) {
      channels_.erase(std::ranges::find(channels_, one));
      put = std::move(cases_[position]);
    }
  }
  chosen->finish();
  return position;
}

}  // namespace sluice
