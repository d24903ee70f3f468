/* Everyone asleep: what is found at rest in two rounds was at rest at one moment, and somebody asks.
 *
 * Set `rounds`: workers rest on a list, under its lock; helpers rest by count. Who is not at rest may
 * make another go on, start a thread of the program, or rest; a helper may end. The ticker goes
 * round:
 *   first round   how often were they made to go on; who is at rest?
 *   count         the threads of the process
 *   second round  the same
 * If it finds all at rest, all are, and there is no other thread.
 *
 * Set `asks`: whoever comes last, a worker that lists itself or a thread that enters run, makes the
 * ticker look again:
 *   worker: list (RMW seq_cst)        thread: enter, counted    ticker: write asleep (RMW seq_cst)
 *   is somebody in run, are all       are all listed, and the   look: is somebody in run, are all
 *   listed, the ticker asleep: wake   ticker asleep: wake       listed?
 * If all are at rest in the end, the ticker has spoken.
 *
 * good rounds: WORKERS=2 HELPERS=0
 * good rounds: WORKERS=1
 * bad rounds: BAD_ONE_ROUND
 * bad rounds: BAD_NOT_COMPARED
 * bad rounds: BAD_GO_ON_BEFORE_COUNT WORKERS=1
 * bad rounds: BAD_COUNT_FIRST WORKERS=1
 * bad rounds: BAD_COUNT_OUTSIDE WORKERS=1
 * bad rounds: BAD_END_AT_REST WORKERS=1
 * good asks: ASKS
 * good asks: ASKS WORKERS=1 WAKES=3
 * bad asks: BAD_WORKER_DOES_NOT_ASK ASKS
 * bad asks: BAD_THREAD_DOES_NOT_ASK ASKS
 * bad asks: BAD_ASK_BEFORE_LIST ASKS
 * bad asks: BAD_LOOK_BEFORE_ASLEEP ASKS
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef HELPERS
#define HELPERS 1
#endif
#ifndef WAKES
#define WAKES 2
#endif

#ifndef ASKS

#define LIBRARY (WORKERS + HELPERS)
bool at_rest[LIBRARY];        /* the truth */
bool listed[LIBRARY];         /* workers: as the list says */
byte left[LIBRARY];           /* workers: how often each was taken off */
byte resting, stirred;        /* helpers: how many rest; how often one was made to go on */
byte threads = LIBRARY;       /* what the kernel says */
byte strangers, wakes = WAKES, starts = 1;

/* Makes one that is at rest go on. */
inline make_go_on() {
  if
  :: atomic { wakes > 0 && w < WORKERS && listed[w] ->
      wakes--;
      listed[w] = false; /* under the lock */
      left[w]++;
      at_rest[w] = false
    }
  :: atomic { wakes > 0 && w >= WORKERS && at_rest[w] && !claimed[w] -> wakes--; claimed[w] = true };
#ifdef BAD_GO_ON_BEFORE_COUNT
    at_rest[w] = false;
    stirred++;
    resting--;
#elif defined(BAD_COUNT_FIRST)
    stirred++;
    resting--;
    at_rest[w] = false;
#else
    resting--;
    stirred++;
    at_rest[w] = false;
#endif
    claimed[w] = false
  :: skip
  fi
}
bool claimed[LIBRARY]; /* a helper is given a job under a lock: by one */

active [LIBRARY] proctype library() {
  byte w;
  byte me = _pid;
work:
  if
  :: w = (me + 1) % LIBRARY; make_go_on(); goto work
  :: w = (me + 2) % LIBRARY; make_go_on(); goto work
  :: atomic { starts > 0 -> starts--; strangers++; threads++ }; goto work
  :: me >= WORKERS -> goto end_thread /* a helper that has come to its end */
  :: skip
  fi;
  atomic {
    w = 0;
    at_rest[me] = true;
    if
    :: me < WORKERS -> listed[me] = true
    :: else -> resting++
    fi
  };
end_rest:
  if
  :: !at_rest[me] && !claimed[me] -> goto work
  :: atomic { me >= WORKERS && at_rest[me] && !claimed[me] -> claimed[me] = true }; /* its patience ends */
#ifndef BAD_END_AT_REST
    resting--;
    stirred++;
#endif
    goto end_thread
  fi;
end_thread:
  atomic { at_rest[me] = true; threads-- }; /* and it will do nothing */
}

active proctype stranger() {
  byte w;
end_none:
  strangers > 0;
  do
  :: w = 0; make_go_on()
  :: w = LIBRARY - 1; make_go_on()
  :: break
  od;
end_stranger:
  if
  :: atomic { strangers--; threads-- }
  :: false
  fi
}

inline go_round(found, sum) {
  atomic { sum = stirred };
  atomic { found = resting };
  i = 0;
  do
  :: atomic { i < WORKERS ->
      sum = sum + left[i];
      if
      :: listed[i] -> found++
      :: else -> all = false
      fi;
      i++
    }
  :: else -> break
  od;
  i = 0
}

active proctype ticker() {
  byte i, found, sum, found_again, sum_again, count;
  bool all = true;
#ifdef BAD_COUNT_OUTSIDE
  count = threads;
#endif
  go_round(found, sum);
#ifndef BAD_COUNT_OUTSIDE
  count = threads;
#endif
#ifdef BAD_ONE_ROUND
  found_again = found; sum_again = sum;
#else
  go_round(found_again, sum_again);
#endif
#ifdef BAD_NOT_COMPARED
  sum_again = sum;
#endif
  atomic {
    if
    :: all && found == found_again && sum == sum_again && count == found ->
      assert(strangers == 0);
      do
      :: i < LIBRARY -> assert(at_rest[i]); i++
      :: else -> break
      od
    :: else
    fi
  }
}

#else

byte listed_count, callers, wakes = WAKES;
bool listed[WORKERS];
bool asleep, spoke;

inline ask() {
  seen = callers > 0;
  if
  :: seen -> seen = listed_count == WORKERS
  :: else
  fi;
  if
  :: seen -> asleep = false /* a compare-and-swap: nothing, if it is awake */
  :: else
  fi;
  seen = false
}

active [WORKERS] proctype worker() {
  byte me = _pid;
  bool seen;
work:
#ifdef BAD_ASK_BEFORE_LIST
  ask();
#endif
  atomic { listed[me] = true; listed_count++ };
#if !defined(BAD_ASK_BEFORE_LIST) && !defined(BAD_WORKER_DOES_NOT_ASK)
  ask();
#endif
end_rest:
  !listed[me];
  goto work
}

/* A thread makes workers go on, then waits in run. */
active proctype caller() {
  byte w;
  bool seen;
  do
  :: atomic { wakes > 0 && listed[w] -> wakes--; listed[w] = false; listed_count--; spoke = false }
  :: w < WORKERS - 1 -> w++
  :: break
  od;
  callers++;
#ifndef BAD_THREAD_DOES_NOT_ASK
  ask()
#endif
}

active proctype ticker() {
  bool seen;
again:
#ifdef BAD_LOOK_BEFORE_ASLEEP
  seen = callers > 0;
  atomic { spoke = seen && listed_count == WORKERS; seen = false };
  asleep = true;
#else
  asleep = true;
  seen = callers > 0;
  atomic { spoke = spoke || (seen && listed_count == WORKERS); seen = false };
#endif
end_asleep:
  !asleep;
  goto again
}

active proctype judge() {
  timeout;
  assert(spoke)
}

#endif
