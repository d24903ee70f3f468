/* What libfiber.cpp times, in C: libfiber's headers are no C++. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct timed_sum {
  double seconds;
  int64_t sum; /* of what arrived */
};

/* Before all others: that many threads run fibers, this one included. */
void fibers_on(size_t workers);

/* Capacities are powers of two from 2 on; the channels keep no less and cannot be closed. */
struct timed_sum ping_pong(size_t rounds);
struct timed_sum many_to_many(size_t capacity, size_t n, size_t each);
struct timed_sum pipeline(size_t capacity, size_t stages, size_t messages);
struct timed_sum token_ring(size_t n, size_t laps);
struct timed_sum yields(size_t n, size_t each);

#ifdef __cplusplus
}
#endif
