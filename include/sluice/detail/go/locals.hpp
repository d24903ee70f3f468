// The values that a strand has of fiber_locals.
//
// Each instance has a place in the tables of all strands, and a number that is never given twice;
// places are given again. A strand's value counts only if it bears the number of the instance.
//
// I1 only the strand itself touches its table and its values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "sluice/export.hpp"

namespace sluice::detail {

class SLUICE_API local_key {
 public:
  /// Throws std::bad_alloc.
  local_key();
  local_key(const local_key&) = delete;
  local_key& operator=(const local_key&) = delete;
  ~local_key();

  [[nodiscard]] std::size_t place() const noexcept { return place_; }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

 private:
  std::size_t place_;
  std::uint64_t number_;
};

/// One value of one strand.
class SLUICE_API local_node {
 public:
  local_node() = default;
  local_node(const local_node&) = delete;
  local_node& operator=(const local_node&) = delete;
  virtual ~local_node();

 private:
  friend class strand_locals;
  std::uint64_t number_ = 0;
  std::size_t place_ = 0;
  void* value_ = nullptr;
  local_node* before_ = nullptr;  ///< made before by the same strand

 protected:
  void show(void* value) noexcept { value_ = value; }
};

template <class T>
struct local_value final : local_node {
  template <class F>
  explicit local_value(const F& make) : value(make()) {
    show(const_cast<void*>(static_cast<const volatile void*>(std::addressof(value))));
  }
  T value;
};

/// The running strand's value; null: it has none yet. Never inlined.
[[nodiscard]] SLUICE_API void* find_local(const local_key& key) noexcept;
/// Takes the value over until the strand ends. Throws std::bad_alloc.
SLUICE_API local_node& keep_local(const local_key& key, std::unique_ptr<local_node> fresh);

}  // namespace sluice::detail
