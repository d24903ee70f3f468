// Items for channels, each with a way to be wrong: moved once too often, destroyed twice,
// misaligned, torn. `make<T>(n)` makes one of each, `number_of(item)` says which it is.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>

namespace test {

using number = std::int64_t;

/// Can only be moved; a moved-from one is recognised.
class boxed {
 public:
  explicit boxed(number n) : inside_(std::make_unique<number>(n)) {}
  [[nodiscard]] bool moved_from() const noexcept { return inside_ == nullptr; }
  [[nodiscard]] number value() const noexcept { return inside_ ? *inside_ : -1; }

 private:
  std::unique_ptr<number> inside_;
};

/// Counts its instances and knows whether it is one.
class counted {
 public:
  explicit counted(number n) noexcept : value_(n) { ++alive_; }
  counted(const counted& other) noexcept : value_(other.checked()) { ++alive_; }
  counted(counted&& other) noexcept : value_(std::exchange(other.value_, -1)) {
    other.checked();
    ++alive_;
  }
  counted& operator=(const counted& other) noexcept {
    value_ = other.checked();
    return *this;
  }
  counted& operator=(counted&& other) noexcept {
    other.checked();
    value_ = std::exchange(other.value_, -1);
    return *this;
  }
  ~counted() {
    checked();
    sign_ = gone;
    --alive_;
  }

  [[nodiscard]] number value() const noexcept { return value_; }
  [[nodiscard]] static std::int64_t alive() noexcept { return alive_.load(); }
  /// Touches of memory that held no living instance.
  [[nodiscard]] static std::int64_t misuses() noexcept { return misuses_.load(); }

 private:
  static constexpr std::uint32_t here = 0x600d600d;
  static constexpr std::uint32_t gone = 0xdeaddead;

  number checked() const noexcept {
    if (sign_ != here) ++misuses_;
    return value_;
  }

  inline static std::atomic<std::int64_t> alive_{0};
  inline static std::atomic<std::int64_t> misuses_{0};
  number value_;
  volatile std::uint32_t sign_ = here;
};

/// Needs more alignment than operator new gives by itself; looks at its own address.
template <std::size_t Alignment>
class alignas(Alignment) aligned {
 public:
  explicit aligned(number n) noexcept : value_(n) { look(); }
  aligned(const aligned& other) noexcept : value_(other.value_) { look(); }
  aligned(aligned&& other) noexcept : value_(std::exchange(other.value_, -1)) { look(); }
  aligned& operator=(const aligned&) noexcept = default;
  aligned& operator=(aligned&&) noexcept = default;
  ~aligned() { look(); }

  [[nodiscard]] number value() const noexcept { return value_; }
  [[nodiscard]] static std::int64_t misaligned() noexcept { return misaligned_.load(); }

 private:
  void look() const noexcept {
    if (reinterpret_cast<std::uintptr_t>(this) % Alignment != 0) ++misaligned_;
  }

  inline static std::atomic<std::int64_t> misaligned_{0};
  number value_;
};

/// 4 KiB, all of which say the same.
class page {
 public:
  explicit page(number n) noexcept { words_.fill(n); }
  /// -2 if the words differ.
  [[nodiscard]] number value() const noexcept {
    for (const number word : words_) {
      if (word != words_[0]) return -2;
    }
    return words_[0];
  }

 private:
  std::array<number, 512> words_;
};

/// Holds nothing at all.
struct nothing {};

/// Its copies throw when the fuse has burnt down; its moves never do.
class copy_thrower {
 public:
  explicit copy_thrower(number n) noexcept : value_(n) {}
  copy_thrower(const copy_thrower& other) : value_(other.value_) {
    if (fuse_.fetch_sub(1) <= 0) throw std::runtime_error("copy_thrower");
  }
  copy_thrower(copy_thrower&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  copy_thrower& operator=(const copy_thrower&) = delete;
  copy_thrower& operator=(copy_thrower&& other) noexcept {
    value_ = std::exchange(other.value_, -1);
    return *this;
  }
  ~copy_thrower() = default;

  [[nodiscard]] number value() const noexcept { return value_; }
  /// So many copies succeed from here on.
  static void set_fuse(int copies) noexcept { fuse_.store(copies); }

 private:
  inline static std::atomic<int> fuse_{0};
  number value_;
};

template <class T>
[[nodiscard]] T make(number n) {
  return T(n);
}
template <>
[[nodiscard]] inline nothing make<nothing>(number) {
  return {};
}

[[nodiscard]] inline number number_of(number n) noexcept { return n; }
[[nodiscard]] inline number number_of(nothing) noexcept { return 0; }
template <class T>
[[nodiscard]] number number_of(const T& item) noexcept {
  return item.value();
}

/// Does T say which one it is?
template <class T>
inline constexpr bool tells_numbers = !std::is_same_v<T, nothing>;

}  // namespace test
