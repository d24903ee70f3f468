// A soak: strands of all sorts on channels of all kinds, for as long as it is told.
//
//   SLUICE_SOAK_SECONDS=1800 soak_test     10 s if it is not said; Ctrl-C ends it early, with its
//                                          sums checked all the same
//
// What it looks at:
//   - each item that was put is got once, and one that was not accepted stays with its owner
//   - nobody starves: a window is over when every strand has made a step in it, however many the
//     others have made meanwhile; the watchdog ends a program in which no window ends
//   - memory stays flat: the most resident memory of the last quarter of all samples is at most
//     a tenth and 16 MiB above that of the first; blocks in use, at their least, a tenth and 20,000
//     (what the library keeps for its next tasks; an hour makes a billion steps)
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../support/allocations.hpp"
#include "../support/items.hpp"
#include "../support/shapes.hpp"
#include "../support/strands.hpp"
#include "../support/tally.hpp"
#include "sluice/sluice.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::on_get;
using sluice::on_put;
using sluice::on_timeout;
using sluice::select;
using sluice::status;
using std::chrono::microseconds;
using test::counted;
using test::tally;

using items = channel<counted>;

volatile std::sig_atomic_t interrupted = 0;

/// A strand of the soak: how often it has come round.
struct walker {
  std::string name;
  std::atomic<std::uint64_t> steps{0};
  std::uint64_t seen = 0;  ///< at the end of the last window
};

// ---- steps --------------------------------------------------------------------------------------

/// One item in one of six ways. An unbounded channel whose getters are behind gets none.
void put_one(const items& ch, std::uint64_t way, tally& t) {
  if (ch.capacity() == items::no_limit && ch.size() > 1000) return test::relax();
  counted item(1);
  ++t.made;
  bool accepted = false;
  const auto time = microseconds(way / 8 % 200);
  try {
    switch (way % 6) {
      case 0:
        ch.put(std::move(item));
        accepted = true;
        break;
      case 1:
        accepted = ch.put_for(std::move(item), time) == status::ok;
        break;
      case 2:
        accepted = ch.try_put(std::move(item)) == status::ok;
        break;
      case 3:
        accepted = select(on_put(ch, std::move(item)), on_timeout(time)) == 0;
        break;
      case 4:
        accepted = select(sluice::in_order, on_put(ch, std::move(item)), sluice::otherwise()) == 0;
        break;
      default: {
        std::vector<counted> batch;
        batch.push_back(std::move(item));
        accepted = ch.put_batch(std::move(batch)) == 1;
      }
    }
  } catch (const sluice::cancelled&) {
    ++t.cancelled;
  } catch (const sluice::channel_closed&) {
  }
  ++(accepted ? t.accepted : t.returned);
}

/// What one look brings, in one of six ways.
void get_one(const items& ch, const items& other, std::uint64_t way, tally& t) {
  const auto note = [&](const counted& item) {
    CHECK(item.value() == 1);
    ++t.got;
  };
  const auto time = microseconds(way / 8 % 200);
  try {
    switch (way % 6) {
      case 0:
        note(ch.get());
        break;
      case 1:
        if (const auto r = ch.get_for(time)) note(*r);
        break;
      case 2:
        if (const auto r = ch.try_get()) note(*r);
        break;
      case 3:
        select(on_get(ch, note), on_get(other, note), on_timeout(time));
        break;
      case 4:
        for (const counted& item : ch.get_batch(5, time)) note(item);
        break;
      default:
        for (const counted& item : ch.try_get_batch(5)) note(item);
    }
  } catch (const sluice::cancelled&) {
    ++t.cancelled;
  } catch (const sluice::channel_closed&) {
  }
}

/// A scope whose fibers wait for each other, and half the time are stopped meanwhile.
void scope_step(std::uint64_t way, tally& t) {
  const items ch = test::shapes.at(way % test::shapes.size()).make<counted>();
  sluice::scope s;
  for (std::uint64_t i = 0; i < 3; ++i) {
    s.go([&, way] { put_one(ch, way / 16, t); });
    s.go([&, way] { get_one(ch, ch, way / 32, t); });
  }
  if (way % 2 == 0) {
    s.request_stop();
  } else {
    // What waits in vain is let go.
    s.go([&] {
      sluice::this_fiber::sleep_for(50us);
      ch.close();
    });
  }
  s.join();
  ch.close();
  for ([[maybe_unused]] const counted& item : ch) ++t.got;
}

/// Fibers that are stopped one by one while they wait.
void stop_step(std::uint64_t way, tally& t) {
  const items ch = test::shapes.at(way % test::shapes.size()).make<counted>();
  std::vector<sluice::task<void>> waits;
  for (std::uint64_t i = 0; i < 6; ++i) {
    waits.push_back(sluice::go([&, ch, i, way] {
      i % 2 == 0 ? get_one(ch, ch, way / 8 + i, t) : put_one(ch, way / 8 + i, t);
    }));
  }
  for (auto& one : waits) one.request_stop();
  for (auto& one : waits) one.join();
  ch.close();
  for ([[maybe_unused]] const counted& item : ch) ++t.got;
}

void time_step(std::uint64_t way) {
  switch (way % 3) {
    case 0:
      sluice::this_fiber::sleep_for(microseconds(way / 4 % 300));
      break;
    case 1: {
      const auto alarm = sluice::after(microseconds(way / 4 % 300));
      if (way / 4 % 2 == 0) static_cast<void>(alarm.get());
      break;
    }
    default: {
      const auto ticks = sluice::tick(100us);
      for (std::uint64_t i = 0; i < way / 4 % 3; ++i) static_cast<void>(ticks.get());
    }
  }
}

// ---- the whole ----------------------------------------------------------------------------------

struct sample {
  double resident;
  std::int64_t blocks;
};

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double all = 0;
  double resident = 0;
  statm >> all >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

/// Samples of the whole time, however long it is: at most 4096, evenly spread.
class curve {
 public:
  void add() {
    if (++turn_ % every_ != 0) return;
    samples_.push_back({resident_bytes(), test::blocks.load()});
    if (samples_.size() < most) return;
    for (std::size_t i = 0; i < most / 2; ++i) samples_[i] = samples_[2 * i];
    samples_.resize(most / 2);
    every_ *= 2;
  }

  void check() const {
    if (samples_.size() < 40) return;               // too short to say anything
    const std::size_t warm = samples_.size() / 20;  // what is made once for all
    const std::size_t quarter = (samples_.size() - warm) / 4;
    const auto first = samples_.begin() + static_cast<std::ptrdiff_t>(warm);
    const auto first_end = first + static_cast<std::ptrdiff_t>(quarter);
    const auto last = samples_.end() - static_cast<std::ptrdiff_t>(quarter);
    const auto by_memory = [](const sample& a, const sample& b) { return a.resident < b.resident; };
    const auto by_blocks = [](const sample& a, const sample& b) { return a.blocks < b.blocks; };
    const double before = std::max_element(first, first_end, by_memory)->resident;
    const double after = std::max_element(last, samples_.end(), by_memory)->resident;
    const auto blocks_before = std::min_element(first, first_end, by_blocks)->blocks;
    const auto blocks_after = std::min_element(last, samples_.end(), by_blocks)->blocks;
    MESSAGE("memory: " << before / 1e6 << " MB in the first quarter, " << after / 1e6
                       << " MB in the last; blocks: " << blocks_before << ", " << blocks_after);
    // A sanitizer keeps freed memory for a while, and notes of its own.
    if (!test::under_asan && !test::under_tsan) CHECK(after <= before * 1.1 + 16.0 * 1024 * 1024);
    if (test::counts_memory) CHECK(blocks_after <= blocks_before + blocks_before / 10 + 20'000);
  }

 private:
  static constexpr std::size_t most = 4096;
  std::vector<sample> samples_ = [] {
    std::vector<sample> room;
    room.reserve(most);
    return room;
  }();
  std::uint64_t turn_ = 0;
  std::uint64_t every_ = 1;
};

/// The strands, from start to end.
class soak {
 public:
  void run(std::chrono::steady_clock::time_point until) {
    start_all();
    while (interrupted == 0 && std::chrono::steady_clock::now() < until) {
      end_of_window();
      memory_.add();
      std::this_thread::sleep_for(10ms);  // between two looks
    }
    over_ = true;
    for (const items& ch : channels_) ch.close();  // lets those go who wait without a limit
    for (auto& one : tasks_) one.join();
    for (auto& one : threads_) one.join();
    drain();
    report();
  }

 private:
  template <class Step>
  void walk(walker& self, std::uint64_t number, Step step) {
    test::random any = test::random_for("soak", number);
    while (!over_) {
      step(any());
      ++self.steps;
    }
  }

  template <class Step>
  void start(std::string name, Step step) {
    walker& self = walkers_.emplace_back();
    self.name = std::move(name);
    const std::uint64_t number = walkers_.size();
    // Every seventh is a plain thread.
    if (number % 7 == 0) {
      threads_.emplace_back([=, this, &self] { walk(self, number, step); });
    } else {
      sluice::runtime& rt = number % 2 == 0 ? first_ : second_;
      tasks_.push_back(rt.go([=, this, &self] { walk(self, number, step); }));
    }
  }

  void start_all() {
    for (const test::shape& what : test::shapes) channels_.push_back(what.make<counted>());
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      const items ch = channels_[i];
      const items next = channels_[(i + 1) % channels_.size()];
      const std::string name = test::shapes.at(i).name();
      for (int k = 0; k < 3; ++k) {
        start("putter, " + name, [=, this](std::uint64_t way) { put_one(ch, way, t_); });
        start("getter, " + name, [=, this](std::uint64_t way) { get_one(ch, next, way, t_); });
      }
    }
    for (int k = 0; k < 2; ++k) {
      start("scope", [this](std::uint64_t way) { scope_step(way, t_); });
      start("stops", [this](std::uint64_t way) { stop_step(way, t_); });
      start("time", [](std::uint64_t way) { time_step(way); });
    }
  }

  void end_of_window() {
    for (walker& one : walkers_) {
      const test::situation now("window " + std::to_string(windows_) + ", " + one.name);
      while (one.steps.load() == one.seen) std::this_thread::sleep_for(1ms);
    }
    for (walker& one : walkers_) one.seen = one.steps.load();
    ++windows_;
  }

  void drain() {
    for (const items& ch : channels_) {
      CHECK(test::getters_waiting(ch) == 0);
      CHECK(test::putters_waiting(ch) == 0);
      for ([[maybe_unused]] const counted& item : ch) ++t_.got;
    }
    channels_.clear();
  }

  void report() {
    CHECK(t_.made == t_.accepted + t_.returned);
    CHECK(t_.accepted == t_.got);
    CHECK(counted::misuses() == 0);
    test::await([&] { return first_.stats().fibers == 0 && second_.stats().fibers == 0; });
    CHECK(counted::alive() == 0);
    std::uint64_t steps = 0;
    for (const walker& one : walkers_) steps += one.steps.load();
    MESSAGE(windows_ << " windows, " << walkers_.size() << " strands, " << steps << " steps: "
                     << t_.accepted.load() << " items put and got, " << t_.returned.load()
                     << " kept, " << t_.cancelled.load() << " waits cut short");
    memory_.check();
  }

  sluice::runtime first_{{.workers = 3}};
  sluice::runtime second_{{.workers = 1}};
  const test::dumper show_{[this](std::ostream& out) {
    first_.dump(out);
    second_.dump(out);
  }};
  tally t_;
  std::atomic<bool> over_{false};
  std::vector<items> channels_;
  std::deque<walker> walkers_;
  std::vector<sluice::task<void>> tasks_;
  std::vector<std::thread> threads_;
  std::uint64_t windows_ = 0;
  curve memory_;
};

std::chrono::seconds how_long() {
  const char* text = std::getenv("SLUICE_SOAK_SECONDS");
  return std::chrono::seconds(text != nullptr ? std::strtol(text, nullptr, 10) : 10);
}

}  // namespace

TEST_CASE("in a long run nothing is lost, nobody starves, and memory stays flat") {
  std::signal(SIGINT, [](int) { interrupted = 1; });
  const auto until = std::chrono::steady_clock::now() + how_long();
  soak whole;
  whole.run(until);
  std::signal(SIGINT, SIG_DFL);
}
