// pool<T>: buffers that go round. What bounds the memory of a run.
//
// Reused ones are preferred to new ones, and never are there more than `limit`: whoever asks for
// one more waits until one is given back. One strand takes, any strand gives.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <sluice/channel.hpp>
#include <utility>

namespace sluicez {

template <class T>
class pool {
 public:
  using pointer = std::unique_ptr<T>;

  pool(std::size_t limit, std::function<pointer()> make)
      : limit_(limit), make_(std::move(make)), spare_(limit, {.name = "spare"}) {}

  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  /// Waits while all are in use. Throws std::bad_alloc; sluice::cancelled, if stopped.
  pointer take() {
    if (auto old = spare_.try_get()) return *std::move(old);
    if (made_ == limit_) return spare_.get();
    pointer fresh = make_();
    ++made_;
    return fresh;
  }
  /// Never waits: there is room for all of them. Throws sluice::cancelled, if stopped.
  void give(pointer used) { spare_ << std::move(used); }

 private:
  const std::size_t limit_;
  std::size_t made_ = 0;
  std::function<pointer()> make_;
  sluice::channel<pointer> spare_;
};

}  // namespace sluicez
