/* The workloads of libfiber.cpp, in C. */
#include "libfiber_bodies.h"

#include <fiber.h>
#include <fiber_manager.h>
#include <fiber_multi_channel.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef fiber_multi_channel_t channel;

/* A message is a number in the place of a pointer: nothing is allocated for it. */
static void put(channel* ch, int64_t item) { fiber_multi_channel_send(ch, (void*)(intptr_t)item); }
static int64_t get(channel* ch) { return (int64_t)(intptr_t)fiber_multi_channel_receive(ch); }

static void need(const void* made) {
  if (made) return;
  fputs("libfiber: out of memory\n", stderr);
  exit(1);
}

static channel* make_channel(size_t capacity) {
  uint32_t power = 1;
  while (((size_t)1 << power) < capacity) ++power;
  channel* const made = fiber_multi_channel_create(power);
  need(made);
  return made;
}

static void* room_for(size_t n, size_t bytes) {
  void* const made = calloc(n, bytes);
  need(made);
  return made;
}

static fiber_t* spawn(void* (*body)(void*), void* argument) {
  fiber_t* const made = fiber_create(FIBER_DEFAULT_STACK_SIZE, body, argument);
  need(made);
  return made;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void fibers_on(size_t workers) {
  if (fiber_manager_init(workers) == FIBER_SUCCESS) return;
  fputs("libfiber: cannot be started\n", stderr);
  exit(1);
}

/* One end of a channel, or a stage between two; `count` items go through it. */
struct part {
  channel* from;
  channel* to;
  size_t count;
  int64_t sum;
};

static void* put_all(void* given) {
  struct part* const own = given;
  for (size_t i = 1; i <= own->count; ++i) put(own->to, (int64_t)i);
  return NULL;
}

static void* get_all(void* given) {
  struct part* const own = given;
  int64_t sum = 0;
  for (size_t i = 0; i < own->count; ++i) sum += get(own->from);
  own->sum = sum;
  return NULL;
}

static void* pass_on(void* given) {
  struct part* const own = given;
  for (size_t i = 0; i < own->count; ++i) put(own->to, get(own->from) + 1);
  return NULL;
}

static void join_all(fiber_t** fibers, size_t n) {
  for (size_t i = 0; i < n; ++i) fiber_join(fibers[i], NULL);
}

struct timed_sum ping_pong(size_t rounds) {
  struct part echo = {make_channel(2), make_channel(2), rounds, 0};
  fiber_t* const echoing = spawn(pass_on, &echo);
  int64_t item = 0;
  const double start = now();
  for (size_t i = 0; i < rounds; ++i) {
    put(echo.from, item);
    item = get(echo.to);
  }
  const double seconds = now() - start;
  fiber_join(echoing, NULL);
  return (struct timed_sum){seconds, item};
}

struct timed_sum many_to_many(size_t capacity, size_t n, size_t each) {
  channel* const ch = make_channel(capacity);
  struct part* const parts = room_for(n, sizeof *parts);
  fiber_t** const fibers = room_for(2 * n, sizeof *fibers);
  const double start = now();
  for (size_t i = 0; i < n; ++i) {
    parts[i] = (struct part){ch, ch, each, 0};
    fibers[2 * i] = spawn(get_all, &parts[i]);
    fibers[2 * i + 1] = spawn(put_all, &parts[i]);
  }
  join_all(fibers, 2 * n);
  const double seconds = now() - start;
  int64_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += parts[i].sum;
  return (struct timed_sum){seconds, sum};
}

struct timed_sum pipeline(size_t capacity, size_t stages, size_t messages) {
  struct part* const parts = room_for(stages + 2, sizeof *parts);
  fiber_t** const fibers = room_for(stages + 1, sizeof *fibers);
  const double start = now();
  for (size_t i = 0; i < stages + 2; ++i) {
    parts[i] = (struct part){i ? parts[i - 1].to : NULL, make_channel(capacity), messages, 0};
  }
  for (size_t i = 0; i <= stages; ++i) fibers[i] = spawn(i ? pass_on : put_all, &parts[i]);
  get_all(&parts[stages + 1]);
  join_all(fibers, stages + 1);
  return (struct timed_sum){now() - start, parts[stages + 1].sum};
}

struct timed_sum token_ring(size_t n, size_t laps) {
  channel** const channels = room_for(n, sizeof(channel*));
  struct part* const parts = room_for(n, sizeof *parts);
  fiber_t** const fibers = room_for(n, sizeof *fibers);
  for (size_t i = 0; i < n; ++i) channels[i] = make_channel(2);
  for (size_t i = 1; i < n; ++i) {
    parts[i] = (struct part){channels[i - 1], channels[i], laps, 0};
    fibers[i] = spawn(pass_on, &parts[i]);
  }
  int64_t token = 0;
  const double start = now();
  for (size_t i = 0; i < laps; ++i) {
    put(channels[0], token + 1);
    token = get(channels[n - 1]);
  }
  const double seconds = now() - start;
  join_all(fibers + 1, n - 1);
  return (struct timed_sum){seconds, token};
}

static void* only_yield(void* given) {
  struct part* const own = given;
  for (; (size_t)own->sum < own->count; ++own->sum) fiber_yield();
  return NULL;
}

struct timed_sum yields(size_t n, size_t each) {
  struct part* const parts = room_for(n, sizeof *parts);
  fiber_t** const fibers = room_for(n, sizeof *fibers);
  const double start = now();
  for (size_t i = 0; i < n; ++i) {
    parts[i] = (struct part){NULL, NULL, each, 0};
    fibers[i] = spawn(only_yield, &parts[i]);
  }
  join_all(fibers, n);
  const double seconds = now() - start;
  int64_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += parts[i].sum;
  return (struct timed_sum){seconds, sum};
}
