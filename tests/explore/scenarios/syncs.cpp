// Mutexes and the other primitives: who may go on, and who touches last.
#include <chrono>
#include <memory>
#include <mutex>
#include <stop_token>

#include "explore.hpp"
#include "sluice/barrier.hpp"
#include "sluice/condition_variable.hpp"
#include "sluice/latch.hpp"
#include "sluice/mutex.hpp"
#include "sluice/semaphore.hpp"
#include "sluice/shared_mutex.hpp"
#include "sluice/wait_group.hpp"
#include "sluice/with_stop.hpp"

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

/// It may end as soon as all who waited have been told, though one whose time was over may be on
/// its way out.
void condition_ends_after_the_tell() {
  mutex m;
  auto told = std::make_unique<condition_variable>();
  bool waits = false;
  strands(
      [&] {
        std::unique_lock lock(m);
        waits = true;
        told->wait_for(lock, 1ms);
      },
      [&] {
        {
          const std::lock_guard guard(m);
          if (!waits) return;
        }
        told->notify_all();
        told.reset();
      });
}

void semaphore_hands_on() {
  counting_semaphore<> s(0);
  int value = 0;
  strands(
      [&] {
        value = 1;
        s.release(0);
        s.release();
      },
      [&] {
        s.acquire();
        value = 2;
        s.release();
      });
  check(value == 2 && s.try_acquire(), "what was released is there");
}

/// More than the waiter wanted: the rest is for whoever comes.
void semaphore_gives_two() {
  counting_semaphore<> s(0);
  int note = 0;
  const auto take = [&] {
    s.acquire();
    check(note == 1, "what came before the release is seen");
  };
  strands(take, take, [&] {
    note = 1;
    s.release(2);
  });
}

/// Whoever waits, comes late or only asks sees what all did before they counted down.
template <class Counter>
void notes_before_zero(Counter& counter, void (*count)(Counter&)) {
  int notes[2] = {};
  const auto wait = [&] {
    counter.wait();
    check(notes[0] + notes[1] == 2, "the notes are older than the end");
  };
  strands(
      [&] {
        notes[0] = 1;
        count(counter);
      },
      [&] {
        notes[1] = 1;
        count(counter);
      },
      wait, wait);
}

void latch_shows_notes() {
  latch l(2);
  notes_before_zero<latch>(l, [](latch& one) { one.count_down(); });
}

void group_shows_notes() {
  wait_group group;
  group.add(2);
  notes_before_zero<wait_group>(group, [](wait_group& one) { one.done(); });
}

/// A try_lock may overtake one that was woken, and finds the mutex free when nobody waits any more.
void mutex_is_tried() {
  mutex m;
  int value = 0;
  const auto add = [&] {
    const std::lock_guard guard(m);
    ++value;
  };
  int tried = 0;
  strands(add, add, [&] {
    for (int i = 0; i < 2; ++i) {
      if (!m.try_lock()) continue;
      ++value;
      ++tried;
      m.unlock();
    }
  });
  check(value == 2 + tried, "each addition counts");
}

/// The first holds it until the last has come in, past a writer that gives up.
void readers_past_a_writer() {
  shared_mutex m;
  latch inside(1);
  strands(
      [&] {
        m.lock_shared();
        inside.wait();
        m.unlock_shared();
      },
      [&] {
        if (m.try_lock_for(1ms)) m.unlock();
      },
      [&] {
        m.lock_shared();
        inside.count_down();
        m.unlock_shared();
      });
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

// ---- a barrier -----------------------------------------------------------------------------------

/// Whoever goes on sees what all did before they arrived, and what the completion function did.
template <bool stopped>
void barrier_of_two_phases() {
  int notes[2][2] = {};
  int phases = 0;
  const auto next = [&]() noexcept { ++phases; };
  barrier<decltype(next)> there(2, next);
  const auto meet = [&](int self) {
    for (int i = 0; i < 2; ++i) {
      notes[i][self] = 1;
      there.arrive_and_wait();
      check(notes[i][1 - self] == 1, "nobody goes on before all have arrived");
      check(phases >= i + 1, "the completion function comes before");
    }
  };
  std::stop_source source;
  // A stop ends no wait here.
  const auto obey = [&](int self) { with_stop(source.get_token(), [&] { meet(self); }); };
  if constexpr (stopped) {
    strands([&] { obey(0); }, [&] { meet(1); }, [&] { source.request_stop(); });
  } else {
    strands([&] { meet(0); }, [&] { meet(1); });
  }
  check(phases == 2, "it is called once a phase");
}

/// Two arrive and do not wait; the third waits for the phase that it has arrived in.
void barrier_with_tokens() {
  int notes[2] = {};
  barrier<> there(3);
  const auto arrive = [&](int self) {
    notes[self] = 1;
    static_cast<void>(there.arrive());
  };
  strands([&] { arrive(0); }, [&] { arrive(1); },
          [&] {
            auto token = there.arrive();
            there.wait(std::move(token));
            check(notes[0] + notes[1] == 2, "a phase ends when all have arrived");
          });
}

/// The next phase does without it.
void barrier_that_one_leaves() {
  int note = 0;
  barrier<> there(3);
  const auto stay = [&] {
    for (int i = 0; i < 2; ++i) {
      there.arrive_and_wait();
      check(note == 1, "a phase ends when all have arrived");
    }
  };
  strands(stay, stay, [&] {
    note = 1;
    there.arrive_and_drop();
  });
}

/// Whoever arrived last may be on its way out.
void barrier_ends_after_the_waits() {
  auto there = std::make_unique<barrier<>>(3);
  const auto arrive = [at = there.get()] { static_cast<void>(at->arrive()); };
  strands(arrive, arrive, [&] {
    there->arrive_and_wait();
    there.reset();
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
      {"sync: a condition ends after the tell", call<condition_ends_after_the_tell>},
      {"sync: a semaphore hands on", call<semaphore_hands_on>},
      {"sync: a semaphore gives two", call<semaphore_gives_two>},
      {"sync: a latch shows notes", call<latch_shows_notes>},
      {"sync: a group shows notes", call<group_shows_notes>},
      {"sync: a mutex is tried", call<mutex_is_tried>},
      {"sync: readers past a writer", call<readers_past_a_writer>},
      {"sync: a latch ends after the wait", call<latch_ends_after_the_wait>},
      {"sync: a group ends after the wait", call<group_ends_after_the_wait>},
      {"barrier: two phases", call<barrier_of_two_phases<false>>},
      {"barrier: two phases and a stop", call<barrier_of_two_phases<true>>},
      {"barrier: arrivals without a wait", call<barrier_with_tokens>},
      {"barrier: one leaves", call<barrier_that_one_leaves>},
      {"barrier: ends after the waits", call<barrier_ends_after_the_waits>},
  };
}

}  // namespace sluice::explore
