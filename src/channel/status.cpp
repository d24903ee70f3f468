// The errors' messages: each names the call and what to do.
#include "sluice/status.hpp"

#include "sluice/channel.hpp"

namespace sluice {

const char* to_string(status s) noexcept {
  switch (s) {
    case status::ok:
      return "ok";
    case status::empty:
      return "empty";
    case status::full:
      return "full";
    case status::closed:
      return "closed";
    case status::timed_out:
      return "timed_out";
  }
  return "unknown status";
}

channel_error::~channel_error() = default;
channel_closed::~channel_closed() = default;
channel_full::~channel_full() = default;
channel_empty::~channel_empty() = default;
timed_out::~timed_out() = default;

namespace detail {

void throw_closed_put() {
  throw channel_closed(
      "sluice: put on a closed channel; the item is still yours. Close only after the last put");
}

void throw_closed_get(const std::exception_ptr& cause) {
  if (cause) std::rethrow_exception(cause);
  throw channel_closed(
      "sluice: get from a channel that is closed and drained; loop with `while (ch >> item)`");
}

void throw_status(status s, const std::exception_ptr& cause) {
  switch (s) {
    case status::closed:
      throw_closed_get(cause);
    case status::full:
      throw channel_full("sluice: try_put found the channel full");
    case status::empty:
      throw channel_empty("sluice: try_get found the channel empty");
    case status::timed_out:
      throw timed_out("sluice: the time was over before the operation");
    case status::ok:
      break;
  }
  throw std::logic_error("sluice: value() of a result that was moved from");
}

void throw_moved_from(const char* operation) {
  throw std::logic_error(std::string("sluice: ") + operation +
                         " on a channel handle that was moved from; keep a copy instead");
}

void throw_bad_capacity(bool negative) {
  throw std::invalid_argument(
      std::string("sluice: a channel of ") + (negative ? "negative" : "zero") +
      " capacity; say sluice::unbounded for no limit or sluice::rendezvous for no buffer");
}

}  // namespace detail
}  // namespace sluice
