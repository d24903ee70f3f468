// Mutexes and the other primitives: who may go on, and who touches last.
#include <chrono>
#include <memory>
#include <mutex>

#include "explore.hpp"
#include "sluice/condition_variable.hpp"
#include "sluice/latch.hpp"
#include "sluice/mutex.hpp"
#include "sluice/semaphore.hpp"
#include "sluice/shared_mutex.hpp"
#include "sluice/wait_group.hpp"

namespace sluice::explore {
namespace {

using namespace std::chrono_literals;

void mutex_excludes() {
  mutex m;
  int value = 0;
  const auto add = [&] {
    const std::lock_guard guard(m);
    ++value;
  };
  strands(add, add, add);
  check(value == 3, "each addition counts");
}

void mutex_ends_after_the_last_unlock() {
  auto m = std::make_unique<mutex>();
  int left = 2;
  const auto leave = [&] {
    m->lock();
    const bool last = --left == 0;
    m->unlock();
    if (last) m.reset();
  };
  strands(leave, leave);
}

void mutex_with_time() {
  mutex m;
  int value = 0;
  const auto add = [&] {
    if (!m.try_lock_for(1ms)) return 0;
    ++value;
    m.unlock();
    return 1;
  };
  int did[3] = {};
  strands([&] { did[0] = add(); }, [&] { did[1] = add(); }, [&] { did[2] = add(); });
  check(value == did[0] + did[1] + did[2], "each addition counts");
}

void readers_and_a_writer() {
  shared_mutex m;
  int value = 0;
  const auto read = [&] {
    m.lock_shared();
    check(value == 0 || value == 2, "no reader is inside with the writer");
    m.unlock_shared();
  };
  strands(read, read, [&] {
    m.lock();
    ++value;
    ++value;
    m.unlock();
  });
}

void condition_tells() {
  mutex m;
  condition_variable told;
  bool ready = false;
  strands(
      [&] {
        std::unique_lock lock(m);
        told.wait(lock, [&] { return ready; });
      },
      [&] {
        {
          const std::lock_guard guard(m);
          ready = true;
        }
        told.notify_one();
      });
}

void condition_with_time() {
  mutex m;
  condition_variable told;
  int tokens = 0;
  int got = 0;
  const auto wait = [&] {
    std::unique_lock lock(m);
    if (told.wait_for(lock, 1ms, [&] { return tokens > 0; })) {
      --tokens;
      ++got;
    }
  };
  strands(wait, wait, [&] {
    {
      const std::lock_guard guard(m);
      ++tokens;
    }
    told.notify_one();
  });
  check(got + tokens == 1, "a token is taken once");
}

void semaphore_hands_on() {
  counting_semaphore<> s(0);
  int value = 0;
  strands(
      [&] {
        value = 1;
        s.release();
      },
      [&] {
        s.acquire();
        value = 2;
        s.release();
      });
  check(value == 2 && s.try_acquire(), "what was released is there");
}

void latch_ends_after_the_wait() {
  auto l = std::make_unique<latch>(2);
  strands([&, at = l.get()] { at->count_down(); }, [&, at = l.get()] { at->count_down(); },
          [&] {
            l->wait();
            l.reset();
          });
}

void group_ends_after_the_wait() {
  auto group = std::make_unique<wait_group>();
  group->add(2);
  strands([&, at = group.get()] { at->done(); }, [&, at = group.get()] { at->done(); },
          [&] {
            group->wait();
            group.reset();
          });
}

}  // namespace

scenarios sync_scenarios() {
  return {
      {"sync: a mutex excludes", call<mutex_excludes>},
      {"sync: a mutex ends after the last unlock", call<mutex_ends_after_the_last_unlock>},
      {"sync: a mutex with a time", call<mutex_with_time>},
      {"sync: readers and a writer", call<readers_and_a_writer>},
      {"sync: a condition tells", call<condition_tells>},
      {"sync: a condition with a time", call<condition_with_time>},
      {"sync: a semaphore hands on", call<semaphore_hands_on>},
      {"sync: a latch ends after the wait", call<latch_ends_after_the_wait>},
      {"sync: a group ends after the wait", call<group_ends_after_the_wait>},
  };
}

}  // namespace sluice::explore
