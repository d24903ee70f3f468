#include "progress.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace sluicez {
namespace {

constexpr std::chrono::milliseconds redraw_interval{100};
constexpr double mib = 1024.0 * 1024.0;

std::string time_left(double seconds) {
  char text[32];
  const auto whole = static_cast<long>(std::min(seconds, 359999.0) + 0.5);
  if (whole >= 3600) {
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%ld:%02ld", whole / 60, whole % 60);
  }
  return text;
}

}  // namespace

progress::progress(display how, std::string name, std::uint64_t total)
    : how_(how), name_(std::move(name)), total_(total) {}

void progress::advance_to(std::uint64_t done) {
  done_ = done;
  if (how_ == display::hidden) return;
  const clock::time_point now = clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + redraw_interval;
  draw(now);
  drawn_ = true;
}

void progress::draw(clock::time_point now) const {
  const double taken = std::chrono::duration<double>(now - begin_).count();
  const auto done = static_cast<double>(done_);
  const double rate = done / taken;
  std::fprintf(stderr, "\r%s: %.1f MiB, %.1f MiB/s", name_.c_str(), done / mib, rate / mib);
  if (total_ > 0) {
    const auto total = static_cast<double>(total_);
    const double share = std::min(done / total, 1.0);
    std::fprintf(stderr, ", %.0f%%, %s left", 100 * share,
                 rate > 0 ? time_left((total - share * total) / rate).c_str() : "?");
  }
  std::fputs("\033[K", stderr);
  std::fflush(stderr);
}

void progress::erase() {
  if (!std::exchange(drawn_, false)) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

double progress::seconds() const {
  return std::chrono::duration<double>(clock::now() - begin_).count();
}

}  // namespace sluicez
