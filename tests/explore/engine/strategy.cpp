// Depth-first with a bound, random walk, priorities with change points (PCT), and a given list.
//
// PCT: Burckhardt, Kothari, Musuvathi, Nagarakatte: A Randomized Scheduler with Probabilistic
// Guarantees of Finding Bugs, 2010.
#include "engine/strategy.hpp"

#include <algorithm>
#include <sstream>

namespace sluice::explore {
namespace {

/// Not tried at each place in turn: there are too many of them.
bool is_rare(question what) noexcept { return what == question::late || what == question::chance; }

}  // namespace

chooser deciding;

void chooser::begin_depth_first(unsigned bound) {
  how_ = strategy::depth_first;
  bound_ = bound;
  path_.clear();
}

bool chooser::next_depth_first() {
  while (!path_.empty() && path_.back().chosen + 1U >= path_.back().count) path_.pop_back();
  if (path_.empty()) return false;
  ++path_.back().chosen;
  return true;
}

void chooser::begin_random(std::uint64_t seed) {
  how_ = strategy::random;
  state_ = seed * 0x9e3779b97f4a7c15 + 0x2545f4914f6cdd1d;
}

void chooser::begin_priorities(std::uint64_t seed, unsigned changes, std::uint32_t steps,
                               bool late) {
  begin_random(seed);
  how_ = strategy::priorities;
  late_ = late;
  for (std::int64_t& one : priority_) one = static_cast<std::int64_t>(random() % 1000) + 1;
  change_at_.clear();
  for (unsigned i = 0; i < changes; ++i) {
    change_at_.push_back(static_cast<std::uint32_t>(random() % std::max(1U, steps)));
  }
  std::sort(change_at_.rbegin(), change_at_.rend());
  lowest_ = 0;
}

void chooser::begin_given(decisions list) {
  how_ = strategy::given;
  given_ = std::move(list);
}

void chooser::begin_schedule() {
  depth_ = 0;
  spent_ = 0;
  given_at_ = 0;
  made_.clear();
  astray_ = false;
}

std::uint64_t chooser::random() noexcept {
  state_ += 0x9e3779b97f4a7c15;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

unsigned chooser::choose(question what, std::uint32_t key, unsigned count,
                         const std::uint8_t* who) {
  unsigned chosen = 0;
  switch (how_) {
    case strategy::depth_first:
      if (!is_rare(what)) chosen = choose_depth_first(what, key, count);
      break;
    case strategy::random:
      if (what != question::late) chosen = choose_random(what, count);
      break;
    case strategy::priorities:
      chosen = choose_priority(what, key, count, who);
      break;
    case strategy::given:
      chosen = choose_given(key, count);
      break;
  }
  if (chosen != 0) made_.push_back({key, static_cast<std::uint8_t>(chosen)});
  return chosen;
}

unsigned chooser::choose_depth_first(question what, std::uint32_t key, unsigned count) {
  if (what != question::next && spent_ == bound_) return 0;
  if (depth_ == path_.size()) path_.push_back({key, static_cast<std::uint8_t>(count), 0, what});
  const node& here = path_[depth_++];
  if (here.key != key || here.count != count) astray_ = true;
  if (here.chosen != 0 && what != question::next) ++spent_;
  return here.chosen < count ? here.chosen : 0;
}

unsigned chooser::choose_random(question what, unsigned count) {
  const std::uint64_t drawn = random();
  if (what == question::preempt && drawn % 4 != 0) return 0;
  if (what == question::value && drawn % 4 != 0) return 0;
  if (what == question::chance && drawn % 8 != 0) return 0;
  return static_cast<unsigned>((drawn >> 8) % count);
}

unsigned chooser::choose_priority(question what, std::uint32_t key, unsigned count,
                                  const std::uint8_t* who) {
  if (what == question::value) return choose_value(count);
  if (what == question::late) return late_ && random() % 8 != 0 ? 1 : 0;
  if (what == question::chance) return choose_random(what, count);
  if (what == question::preempt) {
    while (!change_at_.empty() && change_at_.back() * 2 <= key) {
      priority_[who[0]] = lowest_--;
      change_at_.pop_back();
    }
  }
  unsigned best = 0;
  for (unsigned i = 1; i < count; ++i) {
    if (priority_[who[i]] > priority_[who[best]]) best = i;
  }
  return best;
}

/// Late: nearly always the oldest.
unsigned chooser::choose_value(unsigned count) {
  if (!late_) return choose_random(question::value, count);
  return random() % 8 != 0 ? count - 1 : 0;
}

unsigned chooser::choose_given(std::uint32_t key, unsigned count) {
  while (given_at_ < given_.size() && given_[given_at_].key < key) ++given_at_;
  if (given_at_ == given_.size() || given_[given_at_].key != key) return 0;
  const unsigned chosen = given_[given_at_].choice;
  return chosen < count ? chosen : 0;
}

std::string to_text(const decisions& list) {
  std::ostringstream text;
  for (const decision& one : list) {
    if (text.tellp() != 0) text << ',';
    text << one.key << ':' << unsigned{one.choice};
  }
  return list.empty() ? "default" : text.str();
}

decisions from_text(const std::string& text) {
  decisions list;
  if (text == "default") return list;
  std::istringstream in(text);
  std::uint32_t key = 0;
  unsigned choice = 0;
  char colon = 0;
  while (in >> key >> colon >> choice) {
    list.push_back({key, static_cast<std::uint8_t>(choice)});
    in >> colon;
  }
  return list;
}

}  // namespace sluice::explore
