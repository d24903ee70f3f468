// Who decides: which strand comes next, and which of the values that it may see a load reads.
//
// A decision has a key, the number of its step (twice: the strand, then the value), and a choice;
// 0 is what happens by default: the same strand goes on, the load reads the newest value. So a
// schedule is the short list of its other choices.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::explore {

struct decision {
  std::uint32_t key;
  std::uint8_t choice;
};
using decisions = std::vector<decision>;

enum class question : std::uint8_t {
  preempt,  ///< 0: the running strand
  next,     ///< the running strand cannot go on
  value,    ///< 0: the newest
  late,     ///< 0: the store happens at once
  chance,   ///< 0: what nothing calls for does not happen
};

enum class strategy : std::uint8_t { depth_first, random, priorities, given };

class chooser {
 public:
  /// Takes all its memory now: within a schedule, memory is that of the schedule.
  chooser() {
    path_.reserve(most_decisions);
    made_.reserve(most_decisions);
  }

  // ---- before each schedule
  /// All schedules with at most `bound` choices other than 0, a free one (next) not counted.
  void begin_depth_first(unsigned bound);
  /// False: there is no other one.
  bool next_depth_first();
  /// Starts again at the bound: the questions have changed.
  void restart_depth_first() { path_.clear(); }
  void begin_random(std::uint64_t seed);
  /// `steps`: about how many to expect. `late`: what others store is seen as late as it may be,
  /// and stores happen late.
  void begin_priorities(std::uint64_t seed, unsigned changes, std::uint32_t steps, bool late);
  void begin_given(decisions list);
  void begin_schedule();

  // ---- during it
  /// `who`: the strands in question, by choice; null for a value.
  unsigned choose(question what, std::uint32_t key, unsigned count, const std::uint8_t* who);
  /// That strand spins. It must not keep the others from what it waits for.
  void note_pause(unsigned strand) noexcept { priority_[strand] = lowest_--; }
  /// What was chosen other than 0.
  [[nodiscard]] const decisions& made() const noexcept { return made_; }
  [[nodiscard]] bool went_astray() const noexcept { return astray_; }

 private:
  /// A decision or two for each step.
  static constexpr std::size_t most_decisions = 1 << 15;

  struct node {
    std::uint32_t key;
    std::uint8_t count, chosen;
    question what;
  };

  unsigned choose_depth_first(question what, std::uint32_t key, unsigned count);
  unsigned choose_random(question what, unsigned count);
  unsigned choose_value(unsigned count);
  unsigned choose_priority(question what, std::uint32_t key, unsigned count,
                           const std::uint8_t* who);
  unsigned choose_given(std::uint32_t key, unsigned count);
  std::uint64_t random() noexcept;

  strategy how_ = strategy::given;
  std::vector<node> path_;
  std::size_t depth_ = 0;
  unsigned bound_ = 0, spent_ = 0;
  std::uint64_t state_ = 0;
  std::int64_t priority_[16] = {};
  std::vector<std::uint32_t> change_at_;
  std::int64_t lowest_ = 0;
  bool late_ = false;
  decisions given_;
  std::size_t given_at_ = 0;
  decisions made_;
  bool astray_ = false;
};

extern chooser deciding;

[[nodiscard]] std::string to_text(const decisions& list);
[[nodiscard]] decisions from_text(const std::string& text);

}  // namespace sluice::explore
