// Random operations of many strands at once, recorded and checked as a history.
//
//   SLUICE_HISTORY_EVENTS=20000000   goes on until so many events were recorded
//   SLUICE_HISTORY_SECONDS=600       says every ten seconds how far it is, and ends after that time
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "../support/history.hpp"
#include "../support/recorded.hpp"
#include "../support/shapes.hpp"
#include "../support/strands.hpp"

namespace {

using test::shape;
using test::strands;
using clock = std::chrono::steady_clock;

/// Events of one setting and one kind of channel, before the next has its turn.
constexpr std::uint64_t events_of_a_turn = test::slowness > 1 ? 8'000 : 20'000;

std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// How much there is already, and whether that is enough.
class account {
 public:
  void add(const test::history& one) {
    ++histories_;
    for (const test::event& each : one.events()) ++events_[static_cast<std::size_t>(each.what)];
    if (seconds_ == 0 || clock::now() < next_word_) return;
    next_word_ += std::chrono::seconds(10);
    std::printf("%s\n", text().c_str());
    std::fflush(stdout);
  }
  [[nodiscard]] std::uint64_t events() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t of_kind : events_) sum += of_kind;
    return sum;
  }
  [[nodiscard]] bool enough() const { return events() >= wanted_ || out_of_time(); }
  [[nodiscard]] bool out_of_time() const {
    return seconds_ != 0 && clock::now() - begin_ >= std::chrono::seconds(seconds_);
  }
  [[nodiscard]] std::string text() const {
    static const char* const names[] = {"puts",  "full", "refused", "gets",
                                        "empty", "ends", "closes",  "stopped"};
    std::string all =
        std::to_string(events()) + " events in " + std::to_string(histories_) + " histories, " +
        std::to_string(
            std::chrono::duration_cast<std::chrono::seconds>(clock::now() - begin_).count()) +
        " s:";
    for (std::size_t i = 0; i < events_.size(); ++i) {
      all.append(" ").append(std::to_string(events_[i])).append(" ").append(names[i]);
    }
    return all;
  }

 private:
  const std::uint64_t wanted_ =
      number_in("SLUICE_HISTORY_EVENTS", test::slowness > 1 ? 400'000 : 4'000'000);
  const std::uint64_t seconds_ = number_in("SLUICE_HISTORY_SECONDS", 0);
  const clock::time_point begin_ = clock::now();
  clock::time_point next_word_ = begin_ + std::chrono::seconds(10);
  std::uint64_t histories_ = 0;
  std::array<std::uint64_t, test::event::kinds> events_{};
};

}  // namespace

TEST_CASE("every history of a channel is one of a first-in-first-out queue that can be closed") {
  account done;
  std::uint64_t rounds = 0;
  do {
    test::everywhere_with_shapes([&](strands& crowd, const shape& what) {
      const std::size_t limit = what.is_unbounded() ? test::history::no_limit : what.capacity;
      const std::uint64_t goal = done.events() + events_of_a_turn;
      while (done.events() < goal && !done.out_of_time()) {
        test::progress();
        test::history all = test::recorded(what, rounds++).run(crowd);
        const std::vector<std::string> problems = all.problems(limit);
        for (std::size_t i = 0; i < problems.size() && i < 5; ++i) FAIL_CHECK(problems[i]);
        done.add(all);
      }
    });
  } while (!done.enough());
  MESSAGE(done.text());
}
