// Bytes as a sequence of operations on a few channels of all kinds, compared with a model.
//
// The operations are begun by one strand, the conductor: the main thread, or a fiber of a runtime
// with one worker. What would not wait it does itself; for the rest it starts a fiber, whose only
// worker runs it until it waits. The bytes say which, and when those that were woken may run. So
// all orders are known: no strand is preempted within an operation.
//
// Compared are every answer, who waits and who does not, all questions after each operation, the
// lines of waiters, and at the end what is left. A fiber that should have ended and waits has lost
// its wake-up. Of the operations that take several steps (batches, iterations) only one waits at a
// time: the order in which two of them go on after a wake-up is the scheduler's, not the contract's.
// Which case a select takes among ready ones is random: there the model follows, if it may.
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../support/shapes.hpp"
#include "channel_model.hpp"
#include "channel_operations.hpp"
#include "fuzz.hpp"
#include "sluice/sluice.hpp"

namespace {

using namespace fuzz;

// ---- the conductor -------------------------------------------------------------------------------

/// The input, from the front; zeros after its end.
class reader {
 public:
  explicit reader(std::span<const unsigned char> from) : rest_(from) {}
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  std::size_t below(std::size_t limit) {
    if (rest_.empty()) return 0;
    const std::size_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    return byte % limit;
  }

 private:
  std::span<const unsigned char> rest_;
};

class conductor {
 public:
  /// `home`: where it runs as a fiber; null: it is a thread, and nobody else is there.
  conductor(std::span<const unsigned char> from, sluice::runtime* home) : in_(from), home_(home) {
    for (std::size_t n = 1 + in_.below(3); n > 0; --n) make_channel();
  }

  void run() {
    for (steps_ = 0; !in_.at_end() && steps_ < most_steps; ++steps_) {
      step();
      compare_questions();
    }
    finish();
  }

 private:
  static constexpr std::size_t most_steps = 300;
  static constexpr std::size_t most_pending = 10;
  /// A fiber that is ready runs within that many turns of the worker.
  static constexpr int most_turns = 100'000;

  struct begun {
    pending as;
    answer real;
    sluice::task<void> task;
    bool stopped = false;
  };

  [[noreturn]] void wrong(const std::string& text) const {
    fail("step " + std::to_string(steps_) + " (operation " +
         std::to_string(static_cast<int>(now_)) + "): " + text);
  }

  // ---- channels and their handles

  void make_channel() {
    channels_.emplace_back(sluice::unbounded);
    senders_.emplace_back();
    receivers_.emplace_back();
    model_.channels.emplace_back();
    renew(channels_.size() - 1);
  }

  /// The old one goes with its last handle, and with it what is left.
  void renew(std::size_t which) {
    static constexpr std::size_t capacities[] = {0, 1, 2, 3, 7, 64, model::no_limit};
    const std::size_t choice = in_.below(14);
    const std::size_t capacity = capacities[choice % 7];
    const sluice::channel_options options{.name = choice < 7 ? "" : "fuzzed"};
    senders_[which].clear();
    receivers_[which].clear();
    if (capacity == 0) channels_[which] = token_channel(sluice::rendezvous, options);
    if (capacity == model::no_limit) channels_[which] = token_channel(sluice::unbounded, options);
    if (capacity != 0 && capacity != model::no_limit) {
      channels_[which] = token_channel(capacity, options);
    }
    model_.channels[which] = {.capacity = capacity};
  }

  void change_handles(std::size_t which, std::size_t how) {
    auto& senders = senders_[which];
    auto& receivers = receivers_[which];
    if (how == 0) senders.emplace_back(channels_[which]);
    if (how == 1) receivers.emplace_back(channels_[which]);
    if (how == 2 && !senders.empty()) {
      senders.pop_back();
      if (senders.empty()) model_.close(which, 0);
    }
    if (how == 3 && !receivers.empty()) {
      receivers.pop_back();
      if (!receivers.empty()) return;
      model_.close(which, 0);
      model_.discard(which);
    }
  }

  // ---- one step

  void step() {
    const std::size_t choice = in_.below(kinds_of_operations + 9);
    const std::size_t detail = in_.below(256);
    const std::size_t which = detail % channels_.size();
    const std::size_t count = 1 + detail / 4 % 8;
    now_ = choice;
    if (served() == nullptr) parks_ = parks();
    if (choice < kinds_of_operations) {
      operate(read_operation(static_cast<what>(choice), which, count), (detail & 128) != 0);
    } else if (choice < kinds_of_operations + 4) {
      change_handles(which, choice - kinds_of_operations);
    } else if (choice < kinds_of_operations + 6) {
      stop_one(detail);
      return;
    } else if (choice < kinds_of_operations + 8) {
      settle();
    } else {
      settle();
      for (const auto& one : pending_) {
        if (one->as.op.touches(which)) return;
      }
      renew(which);
      if (pending_.empty()) check_alive();
    }
    if ((detail & 64) != 0) settle();
  }

  operation read_operation(what kind, std::size_t which, std::size_t count) {
    operation op{.kind = kind, .channel = which, .count = count, .first = next_item_};
    next_item_ += static_cast<number>(count);
    if (op.copies()) op.fuse = in_.below(4) == 0 ? in_.below(4) : op.fuse;
    if (!op.selects()) return op;
    const std::size_t more = in_.below(256);
    op.in_order = more % 2 == 0;
    op.last = static_cast<last_case>(more / 2 % (kind == what::select ? 2 : 3));
    for (std::size_t n = 1 + more / 8 % (kind == what::select ? most_cases_of_select : 4); n > 0;
         --n) {
      const std::size_t one = in_.below(256);
      op.cases.push_back({static_cast<way>(one % 3), one / 3 % channels_.size(), next_item_++});
    }
    return op;
  }

  /// Whoever was served and goes on with further steps does so before others wait, or may.
  void operate(const operation& op, bool prefers_fiber) {
    const bool here = op.waits() == patience::none && !(prefers_fiber && home_ != nullptr);
    if (here) return perform_in_a_row(op);
    go_on();
    parks_ = parks();
    const bool waits = may_wait(op);
    if (!waits && !(prefers_fiber && home_ != nullptr && !takes_time(op))) {
      perform_here(op);
      go_on();
    } else if (home_ != nullptr && pending_.size() < most_pending && may_begin(op, waits)) {
      begin(op);
    }
  }

  /// Where it finds nothing at once it waits for a time that is over.
  static bool takes_time(const operation& op) {
    return op.waits() == patience::over || op.waits() == patience::first_endless;
  }

  [[nodiscard]] bool steps_wait() const {
    return std::ranges::any_of(
        pending_, [](const auto& one) { return !one->as.ended && one->as.op.has_steps(); });
  }

  /// Of those that have no time: might it wait? Rather yes than no.
  [[nodiscard]] bool may_wait(const operation& op) {
    const model::channel& ch = model_.channels[op.channel];
    const one_case get{way::get_result, op.channel, 0};
    const one_case put{way::put, op.channel, 0};
    if (op.waits() == patience::none || op.waits() == patience::over) return false;
    switch (op.of()) {
      case family::put:
        return model_.look(put) != model::state::ready && op.fuse != 0;
      case family::put_many: {
        const bool room = !ch.meets() && ch.capacity - ch.items.size() >= op.count;
        return !ch.closed && (!room || steps_wait());
      }
      case family::get:
      case family::get_many:
        return model_.look(get) != model::state::ready;
      case family::iterate:
        return !ch.closed && (ch.items.size() < op.count || steps_wait());
      case family::join:
        return !ch.drained();
      case family::select:
        return select_waits(op);
      case family::close:
        break;
    }
    return false;
  }

  [[nodiscard]] bool select_waits(const operation& op) const {
    std::size_t in_play = 0;
    for (const one_case& one : op.cases) {
      const model::state now = model_.look(one);
      if (now == model::state::ready) return false;
      if (now == model::state::not_ready) ++in_play;
    }
    return in_play > 0;
  }

  [[nodiscard]] bool may_begin(const operation& op, bool waits) const {
    if (takes_time(op)) return false;
    if (waits && op.has_steps() && steps_wait()) return false;
    // Which of two equal cases is served is random.
    for (std::size_t i = 0; waits && i < op.cases.size(); ++i) {
      for (std::size_t k = 0; k < i; ++k) {
        const bool same_side = (op.cases[i].which == way::put) == (op.cases[k].which == way::put);
        if (op.cases[i].channel == op.cases[k].channel && same_side) return false;
      }
    }
    return true;
  }

  // ---- done here

  /// Single puts and gets come as many as the count says, so that a channel fills and drains while
  /// those that were served have not run.
  void perform_in_a_row(operation op) {
    const bool single = op.kind == what::try_put || op.kind == what::try_get;
    for (std::size_t n = single ? op.count : 1; n > 0; --n) {
      perform_here(op);
      ++op.first;
    }
  }

  void perform_here(const operation& op) {
    if (takes_time(op) && steps_wait()) return;  // others may run meanwhile
    if (op.kind == what::selector) return select_often(op);
    const answer real = perform(op, channels_);
    give_way();
    compare(op, real);
  }

  /// If the time slice was over, others ran before the operation took effect.
  void give_way() {
    const begun* const one = served();
    if (one != nullptr && (one->task.done() || parks() > parks_)) go_on();
  }

  void compare(const operation& op, const answer& real) {
    if (op.selects()) return follow_select(op, real);
    pending here{.op = op};
    apply(here);
    if (!here.ended) wrong("the model waits where nobody should");
    compare(here.expected, real);
  }

  void compare(const answer& expected, const answer& real) const {
    if (real != expected) wrong("answers " + to_text(real) + ", not " + to_text(expected));
  }

  /// Several waits of one selector. A put case that was chosen is gone.
  void select_often(const operation& op) {
    token_selector chooser(op, channels_);
    std::vector<bool> gone(op.cases.size());
    for (std::size_t n = op.last == last_case::none ? 1 : 3; n > 0; --n) {
      const answer real = chooser.wait();
      give_way();
      follow_select(op, gone, real);
      if (real.how == word::closed) return;  // by which of the put cases is not told
      const auto chosen = static_cast<std::size_t>(real.value);
      if (real.how == word::chosen && chosen < op.cases.size()) {
        gone[chosen] = op.cases[chosen].which == way::put;
      }
    }
  }

  /// A select that did not wait. Those cases that are `gone` stand there no more.
  void follow_select(const operation& op, const std::vector<bool>& gone, const answer& real) {
    std::optional<std::size_t> match;
    std::size_t in_play = 0;
    bool any = false;
    for (std::size_t i = 0; i < op.cases.size(); ++i) {
      const model::state now = gone[i] ? model::state::out_of_play : model_.look(op.cases[i]);
      if (now != model::state::out_of_play) ++in_play;
      if (now != model::state::ready) continue;
      const bool first = !std::exchange(any, true);
      if (match || (op.in_order && !first)) continue;
      if (says(op.cases[i], i, real)) match = i;
    }
    if (match) return compare(model_.choose(op.cases[*match], *match), real);
    if (any) wrong("a select answers " + to_text(real) + ", which no ready case does");
    if (in_play == 0) return compare({word::all_closed, 0, {}}, real);
    if (op.last == last_case::none) wrong("a select ended that should wait");
    compare({word::chosen, static_cast<number>(op.cases.size()), {}}, real);
  }
  void follow_select(const operation& op, const answer& real) {
    follow_select(op, std::vector<bool>(op.cases.size()), real);
  }

  /// Could the select that answers so have done that case, which is ready?
  [[nodiscard]] bool says(const one_case& one, std::size_t position, const answer& real) const {
    const model::channel& ch = model_.channels[one.channel];
    const bool ended = one.which == way::put ? ch.closed : ch.drained();
    if (ended && one.which == way::put) return real.how == word::closed;
    if (ended && one.which == way::get) return real.how == word::cause && real.value == ch.cause;
    return real.how == word::chosen && real.value == static_cast<number>(position);
  }

  /// The operation on the model, as far as it goes at once.
  void apply(pending& who) {
    const operation& op = who.op;
    model::channel& ch = model_.channels[op.channel];
    const auto end = [&](word how, number value = 0, std::vector<number> items = {}) {
      model_.end(who, {how, value, std::move(items)});
    };
    if (op.fuse < (op.puts_many() ? op.count : 1)) return end(word::copy_failed);
    if (op.has_steps()) return model_.go_on(who);
    switch (op.of()) {
      case family::put:
        return apply_put(who, end);
      case family::get:
        return apply_get(who, end);
      case family::get_many:
        return apply_batch(who, end);
      case family::join:
        if (ch.drained()) return end(word::done);
        return op.waits() == patience::over ? end(word::timed_out) : model_.wait_to_join(who);
      case family::close: {
        const number cause = op.kind == what::close ? 0 : static_cast<number>(op.count);
        return end(word::done, model_.close(op.channel, cause) ? 1 : 0);
      }
      case family::put_many:
      case family::iterate:  // have steps
      case family::select:   // is followed
        return;
    }
  }

  template <class End>
  void apply_put(pending& who, End end) {
    const model::found how = model_.put(who.op.channel, who.op.first);
    if (how == model::found::ok) return end(word::done);
    if (how == model::found::closed) return end(word::closed);
    if (who.op.waits() == patience::none) return end(word::full);
    if (takes_time(who.op)) return end(word::timed_out);
    model_.wait_to_put(who, who.op.first);
  }

  template <class End>
  void apply_get(pending& who, End end) {
    number item = 0;
    const model::found how = model_.get(who.op.channel, item);
    if (how == model::found::ok) return end(word::done, 0, {item});
    if (how == model::found::closed) return model_.end(who, model_.end_of(who.op.channel));
    if (who.op.waits() == patience::none) return end(word::empty);
    if (takes_time(who.op)) return end(word::timed_out);
    model_.wait_to_get(who);
  }

  template <class End>
  void apply_batch(pending& who, End end) {
    std::vector<number> got;
    number item = 0;
    model::found how = model::found::ok;
    while (got.size() < who.op.count && how == model::found::ok) {
      how = model_.get(who.op.channel, item);
      if (how == model::found::ok) got.push_back(item);
    }
    const number cause = model_.channels[who.op.channel].cause;
    const bool throws = got.empty() && how == model::found::closed && cause != 0;
    return throws ? end(word::cause, cause) : end(word::done, 0, std::move(got));
  }

  // ---- done by fibers

  [[nodiscard]] std::uint64_t parks() const { return home_ != nullptr ? home_->stats().parks : 0; }

  /// Lets others run until it is so; false: it does not come to that.
  template <class Condition>
  static bool await(Condition condition) {
    for (int turns = 0; !condition(); ++turns) {
      if (turns == most_turns) return false;
      sluice::this_fiber::yield();
    }
    return true;
  }

  void begin(const operation& op) {
    begun& one = *pending_.emplace_back(std::make_unique<begun>());
    one.as.op = op;
    one.task = sluice::go([this, &one] { one.real = perform(one.as.op, channels_); });
    const bool moved = await([&] { return one.task.done() || parks() > parks_; });
    if (!moved) wrong("a fiber has not begun");
    if (!op.selects()) {
      apply(one.as);
    } else if (one.task.done()) {
      follow_select(op, one.real);
      model_.end(one.as, one.real);
    } else {
      if (!select_waits(op)) wrong("a select waits that should not");
      model_.wait_for_one(one.as);
    }
    if (!one.as.ended) ++parks_;
    go_on();
  }

  /// The fiber whose operation of several steps was served and has not gone on since, if there is.
  [[nodiscard]] begun* served() const {
    for (const auto& one : pending_) {
      if (one->as.again) return one.get();
    }
    return nullptr;
  }

  /// Lets the operation of several steps take those that it can take now.
  void go_on() {
    begun* const one = served();
    if (one == nullptr) return;
    model_.go_on(one->as);
    const std::uint64_t then = parks_ + (one->as.ended ? 0 : 1);
    const auto moved = [&] { return one->task.done() || (!one->as.ended && parks() >= then); };
    if (!await(moved)) wrong("a fiber that was served does not go on");
    parks_ = then;
  }

  void stop_one(std::size_t detail) {
    if (pending_.empty()) return;
    begun& one = *pending_[detail % pending_.size()];
    const bool first = !one.task.done() && !std::exchange(one.stopped, true);
    if (one.task.request_stop() != first) wrong("request_stop says the opposite");
    if (!one.as.ended) model_.stop(one.as);
  }

  /// All that were woken run, and tell; the others wait.
  void settle() {
    go_on();
    std::erase_if(pending_, [&](const auto& one) {
      if (!one->as.ended) {
        if (one->task.done()) {
          wrong("a fiber that should wait answers " + to_text(one->real));
        }
        return false;
      }
      if (!await([&] { return one->task.done(); })) {
        wrong("a fiber waits that should answer " + to_text(one->as.expected));
      }
      compare(one->as.expected, one->real);
      return true;
    });
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      const model::channel& ch = model_.channels[i];
      if (test::putters_waiting(channels_[i]) != ch.putters.size() ||
          test::getters_waiting(channels_[i]) != ch.getters.size() ||
          test::joiners_waiting(channels_[i]) != ch.joiners.size()) {
        wrong("other strands stand in the lines");
      }
    }
  }

  // ---- what can be seen

  void compare_questions() const {
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      const token_channel& real = channels_[i];
      const model::channel& ch = model_.channels[i];
      if (real.size() != ch.items.size()) {
        wrong("size is " + std::to_string(real.size()) + ", not " +
              std::to_string(ch.items.size()));
      }
      if (real.empty() != ch.items.empty()) wrong("empty is wrong");
      if (real.full() != (ch.items.size() == ch.capacity)) wrong("full is wrong");
      if (real.closed() != ch.closed) wrong("closed is wrong");
      if (real.drained() != ch.drained()) wrong("drained is wrong");
      if (real.capacity() != ch.capacity) wrong("capacity is wrong");
    }
  }

  /// Nobody is under way: all items are in channels.
  void check_alive() const {
    number inside = 0;
    for (const model::channel& ch : model_.channels) {
      inside += static_cast<number>(ch.items.size());
    }
    if (token::alive != inside) {
      wrong(std::to_string(token::alive) + " items are alive, not " + std::to_string(inside));
    }
  }

  /// Ends all waits, and takes what is left.
  void finish() {
    now_ = kinds_of_operations + 9;
    for (std::size_t i = 0; i < channels_.size(); ++i)
      end_with({.kind = what::close, .channel = i});
    settle();
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      while (!model_.channels[i].drained()) end_with({.kind = what::try_get, .channel = i});
      end_with({.kind = what::try_get, .channel = i});
    }
    settle();
    if (!pending_.empty()) wrong("somebody waits though all is closed and drained");
    check_alive();
  }

  void end_with(const operation& op) {
    if (served() == nullptr) parks_ = parks();
    perform_here(op);
    go_on();
    compare_questions();
  }

  reader in_;
  sluice::runtime* const home_;
  std::vector<token_channel> channels_;
  std::vector<std::vector<sluice::sender<token>>> senders_;
  std::vector<std::vector<sluice::receiver<token>>> receivers_;
  model model_;
  std::vector<std::unique_ptr<begun>> pending_;
  number next_item_ = 1;
  std::size_t steps_ = 0;
  std::size_t now_ = 0;
  /// How often fibers have parked, as of the begin of this step and as expected since.
  std::uint64_t parks_ = 0;
};

}  // namespace

// ---- the harness ---------------------------------------------------------------------------------

void fuzz::check(std::span<const unsigned char> input) {
  static sluice::runtime home{{.workers = 1}};
  if (input.empty()) return;
  if (input[0] % 4 == 0) {
    conductor(input.subspan(1), nullptr).run();
  } else {
    home.run([&] { conductor(input.subspan(1), &home).run(); });
  }
  if (token::alive != 0) fail("items outlive their channels");
}

void fuzz::repair(std::span<unsigned char>) {}
