// How a test of the primitives ends: nobody is left in a line, nothing is held, no mark says that
// somebody waits. Called when all strands that use them have ended.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>

#include "shapes.hpp"
#include "sluice/sluice.hpp"

namespace test {

struct mutex_word_key {
  friend auto open(mutex_word_key);
};
struct mutex_line_key {
  friend auto open(mutex_line_key);
};
struct mutex_coming_key {
  friend auto open(mutex_coming_key);
};
struct shared_word_key {
  friend auto open(shared_word_key);
};
struct shared_writers_key {
  friend auto open(shared_writers_key);
};
struct shared_readers_key {
  friend auto open(shared_readers_key);
};
struct condition_mark_key {
  friend auto open(condition_mark_key);
};
struct condition_line_key {
  friend auto open(condition_line_key);
};
struct permits_key {
  friend auto open(permits_key);
};
struct permits_word_key {
  friend auto open(permits_word_key);
};
struct permits_line_key {
  friend auto open(permits_line_key);
};
struct group_key {
  friend auto open(group_key);
};
struct count_word_key {
  friend auto open(count_word_key);
};
struct count_line_key {
  friend auto open(count_line_key);
};
template struct key<mutex_word_key, &sluice::mutex::word_>;
template struct key<mutex_line_key, &sluice::mutex::waiters_>;
template struct key<mutex_coming_key, &sluice::mutex::one_is_coming_>;
template struct key<shared_word_key, &sluice::shared_mutex::word_>;
template struct key<shared_writers_key, &sluice::shared_mutex::writers_>;
template struct key<shared_readers_key, &sluice::shared_mutex::readers_>;
template struct key<condition_mark_key, &sluice::condition_variable::waited_>;
template struct key<condition_line_key, &sluice::condition_variable::waiters_>;
template struct key<permits_key, &sluice::counting_semaphore<>::core_>;
template struct key<permits_word_key, &sluice::detail::semaphore_core::word_>;
template struct key<permits_line_key, &sluice::detail::semaphore_core::waiters_>;
template struct key<group_key, &sluice::wait_group::count_>;
template struct key<count_word_key, &sluice::detail::countdown::word_>;
template struct key<count_line_key, &sluice::detail::countdown::waiters_>;

inline void check_at_rest(const sluice::mutex& m) {
  CHECK((m.*open(mutex_word_key{})).load() == 0);
  CHECK((m.*open(mutex_line_key{})).empty());
  CHECK(!(m.*open(mutex_coming_key{})));
}

inline void check_at_rest(const sluice::shared_mutex& m) {
  CHECK((m.*open(shared_word_key{})).load() == 0);
  CHECK((m.*open(shared_writers_key{})).empty());
  CHECK((m.*open(shared_readers_key{})).empty());
}

inline void check_at_rest(const sluice::condition_variable& condition) {
  CHECK(!(condition.*open(condition_mark_key{})).load());
  CHECK((condition.*open(condition_line_key{})).empty());
}

/// Neither more permits than these nor fewer.
inline void check_at_rest(const sluice::counting_semaphore<>& of, std::size_t permits) {
  const sluice::detail::semaphore_core& core = of.*open(permits_key{});
  CHECK((core.*open(permits_word_key{})).load() == 2 * permits);  // the lowest bit: somebody waits
  CHECK((core.*open(permits_line_key{})).empty());
}

inline void check_at_rest(const sluice::wait_group& of) {
  const sluice::detail::countdown& count = of.*open(group_key{});
  CHECK((count.*open(count_word_key{})).load() == 0);
  CHECK((count.*open(count_line_key{})).empty());
}

}  // namespace test
