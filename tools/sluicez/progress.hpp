// The progress line: rate, percent and time left of work that takes longer than half a second.
//
// One thread at a time. Redraws the line in place on the standard error, which must be a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace sluicez {

class progress {
 public:
  enum class display { hidden, shown };

  /// `total`: how many bytes of input there are; 0: nobody knows.
  progress(display how, std::string name, std::uint64_t total);
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  /// Erases the line.
  ~progress() { erase(); }

  /// So many bytes of input are done. Cheap: draws at most ten times a second.
  void advance_to(std::uint64_t done);
  /// Makes room for a message.
  void erase();
  [[nodiscard]] double seconds() const;

 private:
  using clock = std::chrono::steady_clock;

  void draw(clock::time_point now) const;

  const display how_;
  const std::string name_;
  const std::uint64_t total_;
  std::uint64_t done_ = 0;
  bool drawn_ = false;
  const clock::time_point begin_ = clock::now();
  clock::time_point next_draw_ = begin_ + std::chrono::milliseconds(500);
};

}  // namespace sluicez
