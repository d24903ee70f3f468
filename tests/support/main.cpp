// The main of every test program: doctest with a seed and a watchdog.
//
//   SLUICE_SEED=7         repeats a run, as far as its schedule allows
//   SLUICE_WATCHDOG=30    seconds without progress before the watchdog aborts; 0: no watchdog
#define DOCTEST_CONFIG_IMPLEMENT
#include "watch.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "child.hpp"

namespace test {
namespace {

/// Less than the time that meson gives a program, far more than a step of any test takes.
constexpr int default_limit_seconds = 60 * slowness;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 0) : otherwise;
}

struct watch {
  const std::uint64_t seed = number_from("SLUICE_SEED", std::random_device()());
  std::atomic<std::uint64_t> steps{0};
  std::mutex lock;
  std::string test_case;
  std::vector<std::string> situations;
  std::list<std::function<void(std::ostream&)>*> dumpers;
};

/// Never destroyed, so that the last strands may use it.
watch& all() {
  static watch& only = *new watch;
  return only;
}

/// "test case / situation / situation"; the lock is held.
std::string where(const watch& w) {
  std::string text = w.test_case;
  for (const std::string& part : w.situations) text += " / " + part;
  return text;
}

[[noreturn]] void give_up(std::chrono::seconds limit) {
  watch& w = all();
  w.lock.lock();  // for good: what comes next must not change while it is shown
  std::cerr << "\nwatchdog: no progress for " << limit.count() << " s in: " << where(w)
            << "\nSLUICE_SEED=" << w.seed << " repeats it" << std::endl;
  for (const auto* dump : w.dumpers) (*dump)(std::cerr);
  std::cerr << std::flush;
  std::signal(SIGABRT, SIG_DFL);  // doctest's handler would want the lock
  std::abort();
}

class watchdog {
 public:
  explicit watchdog(std::chrono::seconds limit) {
    if (limit.count() > 0) thread_ = std::thread([this, limit] { watch_over(limit); });
  }
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;
  ~watchdog() {
    {
      const std::lock_guard guard(lock_);
      over_ = true;
    }
    ended_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void watch_over(std::chrono::seconds limit) {
    using clock = std::chrono::steady_clock;
    std::uint64_t seen = 0;
    clock::time_point since = clock::now();
    std::unique_lock guard(lock_);
    while (!ended_.wait_for(guard, std::chrono::seconds(1), [this] { return over_; })) {
      const std::uint64_t steps = all().steps.load();
      const clock::time_point now = clock::now();  // one look: a test may let the clock step
      if (steps != seen) since = now;
      seen = steps;
      if (now - since >= limit) give_up(limit);
    }
  }

  std::mutex lock_;
  std::condition_variable ended_;
  bool over_ = false;
  std::thread thread_;
};

/// Shows the watchdog which test runs, and adds the situation to failed checks.
struct listener : doctest::IReporter {
  explicit listener(const doctest::ContextOptions&) {}
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats& stats) override {
    if (stats.numTestCasesFailed != 0) {
      std::cerr << "SLUICE_SEED=" << seed() << " repeats it\n";
    }
  }
  void test_case_start(const doctest::TestCaseData& data) override {
    progress();
    const std::lock_guard guard(all().lock);
    all().test_case = data.m_name;
  }
  void test_case_reenter(const doctest::TestCaseData&) override { progress(); }
  void test_case_end(const doctest::CurrentTestCaseStats&) override { progress(); }
  void test_case_exception(const doctest::TestCaseException&) override { say_where(); }
  void subcase_start(const doctest::SubcaseSignature&) override { progress(); }
  void subcase_end() override {}
  void log_assert(const doctest::AssertData& data) override {
    if (data.m_failed) say_where();
  }
  void log_message(const doctest::MessageData&) override { say_where(); }
  void test_case_skipped(const doctest::TestCaseData&) override {}

 private:
  static void say_where() {
    const std::lock_guard guard(all().lock);
    std::cerr << "  in: " << where(all()) << "\n";
  }
};

REGISTER_LISTENER("watch", 1, listener);

}  // namespace

std::uint64_t seed() noexcept { return all().seed; }

void progress() noexcept { all().steps.fetch_add(1); }

situation::situation(std::string text) {
  progress();
  const std::lock_guard guard(all().lock);
  all().situations.push_back(std::move(text));
}

situation::~situation() {
  const std::lock_guard guard(all().lock);
  all().situations.pop_back();
}

dumper::dumper(std::function<void(std::ostream&)> dump)
    : dump_(new std::function<void(std::ostream&)>(std::move(dump))) {
  const std::lock_guard guard(all().lock);
  all().dumpers.push_back(dump_);
}

dumper::~dumper() {
  {
    const std::lock_guard guard(all().lock);
    all().dumpers.remove(dump_);
  }
  delete dump_;
}

}  // namespace test

// Tests ask for more memory than there is, and expect std::bad_alloc.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }

int main(int argc, char** argv) {
  if (const auto code = test::child::run_if_asked()) return *code;
  doctest::Context context(argc, argv);
  std::cerr << "SLUICE_SEED=" << test::seed() << "\n";
  const auto limit = test::number_from("SLUICE_WATCHDOG", test::default_limit_seconds);
  const test::watchdog guard{std::chrono::seconds(limit)};
  return context.run();
}
